"""Augmentation moves and recolours; it invents nothing and depends on its generator alone."""

import torch

from mimbench.detectors.imaging.augmentation import augment, differentiable_augment


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_half_of_the_images_keep_their_exact_pixels_turned_or_mirrored() -> None:
    levels = torch.stack([torch.randperm(256, generator=draws(seed)) for seed in range(3)])
    image = (0.3 + 0.4 * levels / 255).view(1, 3, 16, 16)
    moved = augment(image.expand(400, -1, -1, -1), draws())

    def ranks(pixels: torch.Tensor) -> torch.Tensor:
        # tint and contrast keep the order of a channel's pixels
        return pixels.flatten(-2).argsort(-1)

    turned = [image.rot90(k, (2, 3)) for k in range(4)]
    orientations = ranks(torch.cat([*turned, *(one.flip(3) for one in turned)]))
    same = (ranks(moved)[:, None] == orientations).flatten(2).all(2)
    assert 0.4 < same.any(1).float().mean() < 0.6
    assert (same.sum(0) > 10).all()
    assert torch.equal(moved, augment(image.expand(400, -1, -1, -1), draws()))


def test_the_critic_sees_a_pair_changed_alike_and_passes_gradients_back() -> None:
    real = torch.rand(8, 3, 32, 32, generator=draws(1)) - 0.5
    masks = torch.rand(8, 1, 32, 32, generator=draws(2)) < 0.5
    inpainted = real.clone().requires_grad_()
    shown, beside = differentiable_augment(real, inpainted, masks, draws())
    assert shown.shape == (16, 3, 32, 32)
    assert torch.allclose(shown[:8], shown[8:], atol=1e-6)
    assert torch.equal(beside[:8], beside[8:])
    assert not torch.allclose(shown[0], real[0], atol=0.1)
    shown[8:].square().sum().backward()
    assert inpainted.grad is not None
    assert (inpainted.grad.abs().sum((1, 2, 3)) > 0).all()
