"""Measures: how far an inpainted image is from the original, (N,), higher = further.

Both images are float (N, 3, H, W) in units of the original's mean level, so that a measure does
not change with exposure.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from mimbench.errors import DetectorError

__all__ = [
    "FEWEST",
    "chroma",
    "fit_line",
    "gradient",
    "l1",
    "l2",
    "log_error",
    "measure",
    "ms_ssim",
    "ssim",
]

FEWEST = 5  # held-out images that a line of two numbers is fitted on
# An error of a thousandth of the mean level is below what 8 bits resolve.
SMALLEST_ERROR = 1e-3
WINDOW = 11  # of SSIM, pixels
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def l1(images: Tensor, inpainted: Tensor) -> Tensor:
    """Mean absolute error, >= 0."""
    return (images - inpainted).abs().mean((1, 2, 3))


def l2(images: Tensor, inpainted: Tensor) -> Tensor:
    """Root of the mean squared error, >= 0."""
    return (images - inpainted).square().mean((1, 2, 3)).sqrt()


def gradient(images: Tensor, inpainted: Tensor) -> Tensor:
    """Mean absolute difference of the horizontal and vertical gradients, >= 0."""
    error = images - inpainted
    return error.diff(dim=2).abs().mean((1, 2, 3)) + error.diff(dim=3).abs().mean((1, 2, 3))


def chroma(images: Tensor, inpainted: Tensor) -> Tensor:
    """Mean absolute error of the colours after their brightness is taken out, >= 0."""
    error = images - inpainted
    return (error - error.mean(1, keepdim=True)).abs().mean((1, 2, 3))


def log_error(images: Tensor, inpainted: Tensor) -> Tensor:
    """Logarithm of the mean absolute error; errors that 8 bits cannot resolve count alike."""
    return l1(images, inpainted).clamp(min=SMALLEST_ERROR).log()


def ssim(images: Tensor, inpainted: Tensor) -> Tensor:
    """One minus the structural similarity, in [0, 2]: mean over pixels and channels.

    The dynamic range of the constants is 2: that of an image in units of its mean, if the mean is
    half of the full scale.

    Source: Wang et al. 2004; Gaussian window of 11 px, sigma 1.5, K1 = .01, K2 = .03.
    """
    return _ssim(*_similarities(images, inpainted))


def ms_ssim(images: Tensor, inpainted: Tensor) -> Tensor:
    """One minus the multi-scale structural similarity, in [0, 1], over the scales that fit.

    As many of the five scales as have room for the window (three at 64 px), their weights brought
    to a sum of one.

    Source: Wang et al. 2003, "Multiscale structural similarity for image quality assessment".
    """
    return _ms_ssim(images, inpainted, *_similarities(images, inpainted))


PIXELWISE: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "l1": l1,
    "l2": l2,
    "gradient": gradient,
    "chroma": chroma,
}


def measure(images: Tensor, inpainted: Tensor) -> dict[str, Tensor]:
    """All measures by name; the structural ones share the similarities of the finest scale."""
    finest = _similarities(images, inpainted)
    pixelwise = {name: error(images, inpainted) for name, error in PIXELWISE.items()}
    structural = {"ssim": _ssim(*finest), "ms_ssim": _ms_ssim(images, inpainted, *finest)}
    return pixelwise | structural


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


def _ssim(luminance: Tensor, structure: Tensor) -> Tensor:
    return 1 - (luminance * structure).mean((1, 2, 3))


def _ms_ssim(images: Tensor, inpainted: Tensor, luminance: Tensor, structure: Tensor) -> Tensor:
    """From the images and their similarities at the finest scale."""
    scales = sum(images.shape[-1] >> k >= WINDOW for k in range(len(SCALE_WEIGHTS)))
    weights = torch.tensor(SCALE_WEIGHTS[:scales], device=images.device)
    factors = []
    for k in range(scales):
        if k:
            images, inpainted = avg_pool2d(images, 2), avg_pool2d(inpainted, 2)
            luminance, structure = _similarities(images, inpainted)
        similarity = luminance * structure if k == scales - 1 else structure
        factors.append(similarity.mean((2, 3)).clamp(min=0))
    powers = torch.stack(factors, dim=2) ** (weights / weights.sum())
    return 1 - powers.prod(2).mean(1)


def _similarities(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """SSIM's luminance term and its contrast-structure term, per pixel and channel."""
    if min(x.shape[-2:]) < WINDOW:
        raise DetectorError(
            f"SSIM's window of {WINDOW} px does not fit images of {x.shape[-1]} px; choose a "
            "larger input_size."
        )
    c1, c2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2
    mean_x, mean_y, power, product = _blur(torch.cat([x, y, x * x + y * y, x * y])).chunk(4)
    means = mean_x * mean_y, mean_x.square() + mean_y.square()
    luminance = (2 * means[0] + c1) / (means[1] + c1)
    structure = (2 * (product - means[0]) + c2) / (power - means[1] + c2)
    return luminance, structure


def _blur(maps: Tensor) -> Tensor:
    """Gaussian means of all windows that lie inside: (..., H, W) to (..., H - 10, W - 10)."""
    # As products with band matrices: five times as fast as depthwise convolutions on a CPU.
    rows, columns = (_band(side, maps) for side in maps.shape[-2:])
    return rows @ maps @ columns.T


def _band(side: int, like: Tensor) -> Tensor:
    offsets = torch.arange(side, device=like.device) - torch.arange(
        WINDOW // 2, side - WINDOW // 2, device=like.device
    ).unsqueeze(1)
    band = torch.exp(-(offsets**2) / (2 * 1.5**2)) * (offsets.abs() <= WINDOW // 2)
    return (band / band.sum(1, keepdim=True)).to(like.dtype)
