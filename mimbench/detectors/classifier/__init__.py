"""Classifiers and the scores that are computed from their outputs."""
