"""Our corruptions are those of imagecorruptions (imagecorruptions-imaug 1.1.5)."""

import numpy as np
import pytest
from replay import (
    ERROR_LEVEL,
    NOISES,
    SEVERITIES,
    differences,
    histogram,
    noise_p_values,
    picture,
    two_sample_p,
)

from mimbench import corruptions

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
    for severity in SEVERITIES:
        assert noise_p_values(name, severity).min() > ERROR_LEVEL, severity


def test_the_noise_test_notices_two_percent_more_noise() -> None:
    levels = np.broadcast_to(np.uint8(128), (1, 768000, 3)).copy()
    generator = np.random.default_rng(0)
    noisy = [
        np.clip(128 + 255 * generator.normal(scale=sigma, size=levels.shape), 0, 255)
        for sigma in (0.18, 0.1836)
    ]
    counts = [histogram(levels, values.astype(np.uint8)).sum(axis=0)[None] for values in noisy]
    assert two_sample_p(*counts)[0] < 1e-6
