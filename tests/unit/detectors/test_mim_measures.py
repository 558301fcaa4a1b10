"""Measures agree with named references and point upwards with error."""

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from mimbench.detectors.mim.measures import fit_line, l1, log_error, ssim


def pair(noise: float) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(4, 3, 32, 32, generator=generator) + 0.5
    return images, images + noise * torch.randn(images.shape, generator=generator)


def test_ssim_equals_scikit_image() -> None:
    images, inpainted = pair(0.2)
    expected = [
        1
        - structural_similarity(
            a.numpy(), b.numpy(), channel_axis=0, data_range=2.0, gaussian_weights=True,
            sigma=1.5, win_size=11, use_sample_covariance=False, full=True,
        )[1][:, 5:-5, 5:-5].mean()
        for a, b in zip(images, inpainted, strict=True)
    ]  # fmt: skip
    assert np.allclose(ssim(images, inpainted), expected, atol=1e-5)


@pytest.mark.parametrize("measure", [l1, log_error, ssim])
def test_more_error_gives_a_higher_value(measure: object) -> None:
    assert callable(measure)
    values = [measure(*pair(noise)).mean() for noise in (0.0, 0.05, 0.2, 0.5)]
    assert values == sorted(values)
    assert values[0] < values[1]


def test_the_line_is_least_squares_and_flat_where_x_is_constant() -> None:
    x, y = torch.rand(2, 50, generator=torch.Generator().manual_seed(0))
    intercept, slope = fit_line(x, y)
    expected = np.polyfit(x.double().numpy(), y.double().numpy(), 1)
    assert np.allclose([slope, intercept], expected)
    assert fit_line(torch.full((3,), 2.0), torch.tensor([1.0, 2.0, 3.0])) == (2.0, 0.0)
