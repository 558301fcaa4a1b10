"""What cameras, editors and file formats leave in pixels: edges, spectrum, compression.

No number here measures a lesion's colour, shape or place. They serve as a control: what they
separate is separated by how the pictures were made, or by how rough the skin in them is.
"""

import numpy as np
import numpy.typing as npt

__all__ = ["FILE_STATISTICS", "file_statistics"]

Array = npt.NDArray[np.float32]

# Limits of the spectral bands in cycles per pixel; the last one is the corner that only diagonal
# detail reaches.
_BANDS = (0.02, 0.06, 0.12, 0.2, 0.3, 0.4, 0.5, 0.71)
_CHUNK = 64

FILE_STATISTICS = (
    "edge_strength",
    "edge_direction",
    "edge_tail",
    "flat_share",
    "noise_mean",
    "noise_median",
    "columns_on_grid",
    "columns_any_phase",
    "rows_on_grid",
    "rows_any_phase",
    *(f"spectrum_{low}" for low in _BANDS[1:-1]),
    "chroma_detail",
    "chroma_steps",
    "clipped_share",
)


def file_statistics(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Edge, spectrum and compression statistics of images as a detector sees them.

    Args:
        images: uint8 (N, H, W, 3), RGB; sides of 32 pixels or more.

    Returns:
        (N, len(FILE_STATISTICS)), finite. They have no common unit or direction: standardise
        them on the images that a detector is fitted on.
    """
    chunks = [images[start : start + _CHUNK] for start in range(0, len(images), _CHUNK)]
    rows = [_statistics(chunk.astype(np.float32)) for chunk in chunks]
    return np.concatenate([*rows, np.zeros((0, len(FILE_STATISTICS)))])


def _statistics(images: Array) -> npt.NDArray[np.float64]:
    luma = images @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    edges = _edges(luma)
    parts = [edges, _noise(luma), _grid(luma, axis=2), _grid(luma, axis=1), _spectrum(luma)]
    parts += [_chroma(images, luma, edges[:, 0]), _clipped(luma)]
    return np.concatenate(parts, axis=1).astype(np.float64)


def _edges(luma: Array) -> Array:
    """Strength, direction and tail of the differences of neighbours, and the share of none."""
    across, down = np.abs(np.diff(luma, axis=2)), np.abs(np.diff(luma, axis=1))
    strength = (across.mean((1, 2)) + down.mean((1, 2))) / 2
    direction = (across.mean((1, 2)) + 0.1) / (down.mean((1, 2)) + 0.1)
    strong, usual = np.quantile(across.reshape(len(luma), -1), (0.99, 0.5), axis=1)
    flat = ((across < 0.5).mean((1, 2)) + (down < 0.5).mean((1, 2))) / 2
    tail = np.log((strong + 0.1) / (usual + 0.5))
    return np.stack([np.log(strength + 0.1), np.log(direction), tail, flat], axis=1)


def _noise(luma: Array) -> Array:
    """Mean and median response of a mask that is blind to edges.

    Source: Immerkær 1996, "Fast noise variance estimation".
    """
    across = luma[:, :, :-2] - 2 * luma[:, :, 1:-1] + luma[:, :, 2:]
    response = np.abs(across[:, :-2] - 2 * across[:, 1:-1] + across[:, 2:])
    median = np.median(response.reshape(len(luma), -1), axis=1)
    return np.log(np.stack([response.mean((1, 2)), median], axis=1) + 0.1)


def _grid(luma: Array, axis: int) -> Array:
    """Blocks of 8 pixels along `axis`: how much stronger steps are where JPEG's blocks meet.

    First at the grid that starts at the image's corner, as in a JPEG that was never resized or
    cropped, then at whichever phase is strongest.
    """
    bends = np.abs(np.diff(luma, n=2, axis=axis)).mean(3 - axis)
    whole = bends.shape[1] // 8 * 8
    phases = bends[:, :whole].reshape(len(luma), -1, 8).mean(1)
    phases /= phases.mean(1, keepdims=True) + 0.01
    # The bend at position p spans pixels p to p + 2; blocks meet between pixels 7 and 8.
    return np.stack([phases[:, 6:8].mean(1), phases.max(1)], axis=1)


def _spectrum(luma: Array) -> Array:
    """Steps of the log power from each band of frequencies to the next."""
    height, width = luma.shape[1:]
    window = np.outer(np.hanning(height), np.hanning(width)).astype(np.float32)
    centred = (luma - luma.mean((1, 2), keepdims=True)) * window
    power = np.abs(np.fft.rfft2(centred)) ** 2
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    band = np.digitize(radius, _BANDS)
    levels = [np.log(power[:, band == b].mean(1) + 1) for b in range(1, len(_BANDS))]
    return np.diff(np.stack(levels, axis=1), axis=1)


def _chroma(images: Array, luma: Array, edge_strength: Array) -> Array:
    """Colour detail beside that of luma, and beside steps four times as wide.

    Formats that keep colour at half the resolution leave little of either.
    """
    colour = images[..., ::2] - luma[..., None]
    near = np.abs(np.diff(colour, axis=2)).mean((1, 2)).sum(1)
    wide = np.abs(colour[:, :, 4:] - colour[:, :, :-4]).mean((1, 2)).sum(1)
    return np.stack(
        [np.log(near + 0.1) - edge_strength, np.log((near + 0.1) / (wide + 0.1))], axis=1
    )


def _clipped(luma: Array) -> Array:
    share: Array = ((luma < 1.5) | (luma > 253.5)).mean((1, 2), dtype=np.float32)
    logarithm: Array = np.log(share[:, None] + 1e-3)
    return logarithm
