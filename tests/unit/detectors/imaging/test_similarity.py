"""Measures agree with named references and point upwards with error."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from skimage.metrics import structural_similarity

from mimbench.detectors.imaging.similarity import (
    chroma,
    fit_line,
    gradient,
    l1,
    log_error,
    measure,
    ms_ssim,
    ssim,
)


def pair(noise: float, size: int = 32) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(4, 3, size, size, generator=generator) + 0.5
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


def test_ms_ssim_is_the_weighted_product_of_its_scales() -> None:
    images, inpainted = pair(0.2, 12)
    one_scale = [1 - ssim(images[:, [c]], inpainted[:, [c]]) for c in range(3)]
    expected = 1 - torch.stack(one_scale).clamp(min=0).mean(0)
    assert torch.allclose(ms_ssim(images, inpainted), expected, atol=1e-6)

    # Wang's weights for three scales, with contrast and structure from scikit-image
    images, inpainted = pair(0.2, 48)
    weights = np.array([0.0448, 0.2856, 0.3001]) / (0.0448 + 0.2856 + 0.3001)
    assert images.shape[-1] >> 2 >= 11 > images.shape[-1] >> 3
    product = np.ones(3)
    x, y = images[0].double(), inpainted[0].double()
    for scale, weight in enumerate(weights):
        similarity = [reference(a, b, luminance=scale == 2) for a, b in zip(x, y, strict=True)]
        product *= np.array(similarity) ** weight
        x, y = (torch.nn.functional.avg_pool2d(image, 2) for image in (x, y))
    assert ms_ssim(images, inpainted)[0].item() == pytest.approx(1 - product.mean(), abs=1e-5)


def reference(x: torch.Tensor, y: torch.Tensor, *, luminance: bool) -> float:
    """Mean similarity of one channel by SciPy's Gaussian filter, with or without luminance."""

    def blur(image: torch.Tensor) -> Any:
        return gaussian_filter(image.numpy(), 1.5, truncate=3.5)[5:-5, 5:-5]

    a, b = blur(x), blur(y)
    value = (2 * (blur(x * y) - a * b) + 0.06**2) / (
        blur(x * x) - a**2 + blur(y * y) - b**2 + 0.06**2
    )
    if luminance:
        value *= (2 * a * b + 0.02**2) / (a**2 + b**2 + 0.02**2)
    return float(value.mean())


def test_chroma_ignores_brightness_and_gradient_ignores_a_constant() -> None:
    images, _ = pair(0.0)
    grey = torch.rand(4, 1, 32, 32, generator=torch.Generator().manual_seed(1))
    assert chroma(images, images + grey).max() < 1e-6
    assert gradient(images, images + 0.3).max() < 1e-6
    assert l1(images, images + 0.3).min() > 0.29


def test_more_error_gives_a_higher_value_of_every_measure() -> None:
    found = []
    for noise in (0.0, 0.05, 0.2, 0.5):
        values = measure(*pair(noise)) | {"log_error": log_error(*pair(noise))}
        found.append({name: float(value.mean()) for name, value in values.items()})
    for name in found[0]:
        values_of_one = [values[name] for values in found]
        assert values_of_one == sorted(values_of_one)
        assert values_of_one[0] < values_of_one[1]


def test_measures_of_one_call_are_those_of_their_functions() -> None:
    images, inpainted = pair(0.2, 48)
    together = measure(images, inpainted)
    for alone in (l1, gradient, chroma, ssim, ms_ssim):
        assert torch.equal(together[alone.__name__], alone(images, inpainted))


def test_the_line_is_least_squares_and_flat_where_x_is_constant() -> None:
    x, y = torch.rand(2, 50, generator=torch.Generator().manual_seed(0))
    intercept, slope = fit_line(x, y)
    expected = np.polyfit(x.double().numpy(), y.double().numpy(), 1)
    assert np.allclose([slope, intercept], expected)
    assert fit_line(torch.full((3,), 2.0), torch.tensor([1.0, 2.0, 3.0])) == (2.0, 0.0)
