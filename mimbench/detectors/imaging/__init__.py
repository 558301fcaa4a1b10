"""Masks, inpainting, similarity and augmentation of images."""
