"""Scores of the controls: their direction and scale."""

from dataclasses import replace

import pytest
import torch
from stripes import blotches, stripes, training_set
from torch import Tensor

from mimbench.detectors.controls import FileStatistics
from mimbench.detectors.imaging import shared
from mimbench.detectors.protocol import Batch


def test_file_statistics_far_from_the_target_are_numbers_that_people_can_read() -> None:
    """The target's statistics hardly vary, so the distance of any other image is astronomical."""
    plain = torch.full((24, 3, 32, 32), 100, dtype=torch.uint8)
    plain += torch.arange(24, dtype=torch.uint8)[:, None, None, None]
    detector = fitted(plain)
    images = torch.cat([plain[:4], stripes(4, 1, upright=True), blotches(4, 2)])
    scores = detector.score(Batch(images, shared.provide))
    gap = shared.provide(shared.FILE_STATISTICS, images) - detector.mean
    squared = torch.einsum("nd,de,ne->n", gap, detector.precision, gap)
    assert squared.max() > 1e12
    assert scores.max() < 100
    assert scores[:4].max() < scores[4:].min()
    assert torch.equal(scores.argsort(), squared.argsort())


def test_the_statistics_of_a_batch_are_measured_once_for_all_fits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They are most of what such a row costs, and each fold scores nearly the same images."""
    fits = [fitted(blotches(24, seed)) for seed in (1, 2)]
    images = stripes(4, 1, upright=True)
    alone = [detector.score(Batch(images, shared.provide)) for detector in fits]
    measured = []
    monkeypatch.setattr(
        shared,
        "file_statistics",
        lambda pixels, own=shared.file_statistics: measured.append(len(pixels)) or own(pixels),
    )
    batch = Batch(images, shared.SharedOutputs(FileStatistics.needs))
    for detector, scores in zip(fits, alone, strict=True):
        assert torch.equal(detector.score(batch), scores)
    assert measured == [4]


def fitted(images: Tensor) -> FileStatistics:
    """A detector that has seen these images of the target."""
    detector = FileStatistics()
    detector.fit(replace(training_set(images, images[:4]), provider=shared.provide))
    return detector
