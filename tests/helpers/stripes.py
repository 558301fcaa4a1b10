"""Small training sets that a generator can learn in seconds."""

import math
from pathlib import Path

import torch
from torch import Tensor

from mimbench.detectors.imaging.shared import provide
from mimbench.detectors.protocol import ImageSet, TrainingSet

SIZE = 32


def stripes(count: int, seed: int, *, upright: bool) -> Tensor:
    """Narrow stripes of random phase, width and colour: uint8 (count, 3, SIZE, SIZE)."""
    generator = torch.Generator().manual_seed(seed)
    along = torch.arange(SIZE).float()
    along = along.expand(SIZE, SIZE) if upright else along[:, None].expand(SIZE, SIZE)
    phase, width, *colour = torch.rand(5, count, 1, 1, 1, generator=generator)
    wave = 0.5 + 0.4 * torch.sin(along / (1.2 + 0.3 * width) + 2 * math.pi * phase)
    tint = torch.cat([0.5 + 0.5 * channel for channel in colour], dim=1)
    return (wave * tint * 255).byte()


def blotches(count: int, seed: int) -> Tensor:
    """Random 4-px squares: uint8 (count, 3, SIZE, SIZE)."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randint(0, 256, (count, 3, SIZE // 4, SIZE // 4), generator=generator)
    return coarse.repeat_interleave(4, 2).repeat_interleave(4, 3).byte()


def image_set(images: Tensor, patients: int | None = None) -> ImageSet:
    """Target images, one patient each unless `patients` says how many share them."""
    groups = tuple(f"p{i % (patients or len(images))}" for i in range(len(images)))
    return ImageSet(images, ("target",) * len(images), groups)


def training_set(
    target: Tensor, held_out: Tensor, *, seed: int = 1, checkpoint: Path | None = None
) -> TrainingSet:
    """A training set on the CPU that has the shared outputs scoring has."""
    return TrainingSet(
        target=image_set(target),
        known=None,
        validation=image_set(held_out),
        target_name="target",
        seed=seed,
        generator=torch.Generator().manual_seed(seed),
        device=torch.device("cpu"),
        input_size=target.shape[-1],
        checkpoint=checkpoint,
        provider=provide,
    )


def striped() -> TrainingSet:
    """Upright and lying stripes: 24 to train on, 8 held out."""
    target = torch.cat([stripes(12, 0, upright=True), stripes(12, 1, upright=False)])
    held_out = torch.cat([stripes(4, 2, upright=True), stripes(4, 3, upright=False)])
    return training_set(target, held_out)
