"""Measures: how far an inpainted image is from the original, (N,), higher = further.

Both images are float (N, 3, H, W) in units of the original's mean level, so that a measure does
not change with exposure.
"""

import torch
from torch import Tensor
from torch.nn.functional import conv2d

__all__ = ["fit_line", "l1", "log_error", "ssim"]

# An error of a thousandth of the mean level is below what 8 bits resolve.
SMALLEST_ERROR = 1e-3


def l1(images: Tensor, inpainted: Tensor) -> Tensor:
    """Mean absolute error, >= 0."""
    return (images - inpainted).abs().mean((1, 2, 3))


def log_error(images: Tensor, inpainted: Tensor) -> Tensor:
    """Logarithm of the mean absolute error; errors that 8 bits cannot resolve count alike."""
    return l1(images, inpainted).clamp(min=SMALLEST_ERROR).log()


def ssim(images: Tensor, inpainted: Tensor) -> Tensor:
    """One minus the structural similarity, in [0, 2]: mean over pixels and channels.

    The dynamic range of the constants is 2: that of an image in units of its mean, if the mean is
    half of the full scale.

    Source: Wang et al. 2004; Gaussian window of 11 px, sigma 1.5, K1 = .01, K2 = .03.
    """
    c1, c2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2
    maps = torch.cat([images, inpainted, images**2, inpainted**2, images * inpainted])
    x, y, xx, yy, xy = _blur(maps).chunk(5)
    similarity = (2 * x * y + c1) * (2 * (xy - x * y) + c2)
    similarity /= (x * x + y * y + c1) * (xx - x * x + yy - y * y + c2)
    return 1 - similarity.mean((1, 2, 3))


def fit_line(x: Tensor, y: Tensor) -> tuple[float, float]:
    """Least-squares line y = intercept + slope · x through points (N,); flat if x is constant.

    Returns:
        Intercept and slope.
    """
    x, y = x.double(), y.double()
    centred = x - x.mean()
    spread = centred.square().sum()
    slope = float((centred * y).sum() / spread) if spread > 0 else 0.0
    return float(y.mean()) - slope * float(x.mean()), slope


def _blur(maps: Tensor) -> Tensor:
    channels = maps.shape[1]
    offsets = torch.arange(-5, 6, device=maps.device, dtype=maps.dtype)
    window = torch.exp(-(offsets**2) / (2 * 1.5**2))
    window = (window / window.sum()).expand(channels, 1, 1, 11)
    rows = conv2d(maps, window, groups=channels)
    return conv2d(rows, window.transpose(2, 3), groups=channels)
