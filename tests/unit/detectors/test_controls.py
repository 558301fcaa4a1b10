"""Scores of the controls: their direction and scale."""

import torch
from stripes import blotches, stripes, training_set

from mimbench.detectors.controls import FileStatistics
from mimbench.detectors.protocol import Batch


def test_file_statistics_far_from_the_target_are_numbers_that_people_can_read() -> None:
    """The target's statistics hardly vary, so the distance of any other image is astronomical."""
    plain = torch.full((24, 3, 32, 32), 100, dtype=torch.uint8)
    plain += torch.arange(24, dtype=torch.uint8)[:, None, None, None]
    detector = FileStatistics()
    detector.fit(training_set(plain, plain[:4]))
    images = torch.cat([plain[:4], stripes(4, 1, upright=True), blotches(4, 2)])
    scores = detector.score(Batch(images))
    gap = torch.from_numpy(detector._statistics(images)) - detector.mean
    squared = torch.einsum("nd,de,ne->n", gap, detector.precision, gap)
    assert squared.max() > 1e12
    assert scores.max() < 100
    assert scores[:4].max() < scores[4:].min()
    assert torch.equal(scores.argsort(), squared.argsort())
