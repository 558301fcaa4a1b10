"""Our corruptions are those of imagecorruptions (imagecorruptions-imaug 1.1.5)."""

import numpy as np
import pytest
from replay import NOISES, differences, picture, reference
from scipy.stats import chi2

from mimbench import corruptions

# The package's colour conversion and spatter divide 0 by 0; numba warns of nothing we use.
SEVERITIES = (1, 2, 3, 4, 5)
PICTURES = (
    ("noise", 32, 32),
    ("smooth", 64, 64),
    ("flat", 64, 64),
    ("smooth", 224, 224),
    ("saturated", 160, 224),
    ("noise", 33, 47),
    ("saturated", 51, 38),
    ("black", 48, 40),
    ("white", 40, 48),
)


@pytest.mark.parametrize("name", [name for name in corruptions.names() if name not in NOISES])
def test_same_draws_give_the_same_picture(name: str) -> None:
    pictures = [picture(*arguments) for arguments in PICTURES]
    for severity in SEVERITIES:
        found = differences(name, severity, pictures)
        assert found.max() <= 1, severity
        assert np.mean(found > 0) <= 1e-4, severity


@pytest.mark.parametrize("name", NOISES)
def test_noise_has_the_same_distribution_at_every_level(name: str) -> None:
    # 256 levels x 5 severities: chance that one of them fails by chance is at most 1 %
    error_level = 0.01 / (256 * len(SEVERITIES))
    levels = np.broadcast_to(np.arange(256, dtype=np.uint8)[:, None, None], (256, 1000, 3)).copy()
    for severity in SEVERITIES:
        theirs = _histogram(levels, reference(levels, name, severity, seed=severity))
        ours = _histogram(levels, corruptions.apply(levels[None], name, severity, [severity])[0])
        assert _two_sample_p(ours, theirs).min() > error_level, severity


def test_the_noise_test_notices_two_percent_more_noise() -> None:
    levels = np.broadcast_to(np.uint8(128), (1, 768000, 3)).copy()
    generator = np.random.default_rng(0)
    noisy = [
        np.clip(128 + 255 * generator.normal(scale=sigma, size=levels.shape), 0, 255)
        for sigma in (0.18, 0.1836)
    ]
    counts = [_histogram(levels, values.astype(np.uint8)).sum(axis=0)[None] for values in noisy]
    assert _two_sample_p(*counts)[0] < 1e-6


def _histogram(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Counts (level before, level after)."""
    pairs = before.reshape(-1).astype(np.int64) * 256 + after.reshape(-1)
    return np.bincount(pairs, minlength=65536).reshape(256, 256)


def _two_sample_p(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """P value of each row's chi-squared test of homogeneity, over some 20 equally likely bins."""
    pooled = first + second
    middle = (np.cumsum(pooled, axis=1) - pooled / 2) / pooled.sum(axis=1, keepdims=True)
    bins = np.minimum((middle * 20).astype(int), 19)  # 20 where nothing remains
    sums = []
    for counts in (first, second):
        total = np.zeros((len(counts), 20))
        np.add.at(total, (np.arange(len(counts))[:, None], bins), counts)
        sums.append(total)
    both = sums[0] + sums[1]
    filled = both >= 10
    statistic = np.where(filled, (sums[0] - sums[1]) ** 2 / np.maximum(both, 1), 0).sum(axis=1)
    return chi2.sf(statistic, np.maximum(filled.sum(axis=1) - 1, 1))
