"""What tells a photograph again when it was cropped, turned, mirrored, resized or recompressed.

A picture's keypoints, each with its place, size, angle and 128 bits that say what is around it, and
64 bits about the whole picture. Two kilobytes suffice, so that a run's folder can keep them.

Source: SIFT, Lowe 2004, "Distinctive image features from scale-invariant keypoints"; one bit per
component, Zhou et al. 2012, "Scalar quantization for large scale image search"; the signs of the
lowest frequencies after Zauner 2010, "Implementation and benchmarking of perceptual image hash
functions".
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.fft import dctn

__all__ = ["SIDE", "Features", "decode", "encode", "features", "grey", "mirrored", "turned_signs"]

SIDE = 256  # pictures are compared at about SIDE² pixels
KEYPOINTS = 90  # with which a picture takes less than 2 kB

_POOL = 300  # of SIFT's strongest, from which those are taken that are strong and large
_LEAST_CONTRAST = 0.01  # of a keypoint; SIFT's usual 0.04 leaves soft photos of skin without any
_LOW = 8  # frequencies a side
_THUMBNAIL = 32  # pixels a side
_LEAST_SPREAD = 2.0  # grey levels; flat pictures look like one another

_PLACE, _SIZE, _ANGLE = 16, 24, 256 / (2 * np.pi)  # steps per pixel, per e-fold, per radian
_HEAD = _LOW * _LOW // 8  # bytes
_STORED = np.dtype([("place", "<u2", 2), ("size", "u1"), ("angle", "u1"), ("bits", "u1", 16)])
# SIFT's cells (down, across the keypoint's own axes) and directions, seen in a mirror.
_MIRRORED = np.arange(128).reshape(4, 4, 8)[::-1][:, :, -np.arange(8) % 8].reshape(-1)

Bits = npt.NDArray[np.uint8]
Grey = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Features:
    """Keypoints of one picture, strongest first, and the signs of its lowest frequencies.

    Attributes:
        place: float64 (K, 2), x and y in pixels of the picture at SIDE.
        size: float64 (K,), diameter in pixels.
        angle: float64 (K,), radians, clockwise.
        bits: uint8 (K, 16), whether each component of the descriptor is above their median.
        signs: bool (8, 8), of the cosine transform; all False for a picture of one level.
    """

    place: npt.NDArray[np.float64]
    size: npt.NDArray[np.float64]
    angle: npt.NDArray[np.float64]
    bits: Bits
    signs: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.size)


def grey(picture: Image.Image) -> Grey:
    """Grey levels of an RGB picture."""
    return np.asarray(cv2.cvtColor(np.asarray(picture), cv2.COLOR_RGB2GRAY))


def features(picture: Grey) -> Features:
    """Find the keypoints of a grey picture; the result is that of `decode(encode(...))`."""
    sift: Any = cv2.SIFT.create(nfeatures=_POOL, contrastThreshold=_LEAST_CONTRAST)
    found, descriptors = sift.detectAndCompute(picture, None)
    if not found:
        descriptors = np.zeros((0, 128), dtype=np.float32)
    size = np.array([point.size for point in found], dtype=np.float64)
    response = np.array([point.response for point in found], dtype=np.float64)
    chosen = np.argsort(-response * np.sqrt(size), kind="stable")[:KEYPOINTS]
    descriptors = descriptors[chosen]
    bits = descriptors > np.median(descriptors, axis=1, keepdims=True)
    whole = Features(
        place=np.array([point.pt for point in found]).reshape(-1, 2)[chosen],
        size=size[chosen],
        angle=np.deg2rad([point.angle for point in found])[chosen],
        bits=np.packbits(bits, axis=1),
        signs=_signs(picture),
    )
    return decode(encode(whole))


def _signs(picture: Grey) -> npt.NDArray[np.bool_]:
    small = cv2.resize(picture, (_THUMBNAIL, _THUMBNAIL), interpolation=cv2.INTER_AREA)
    if small.std() < _LEAST_SPREAD:
        return np.zeros((_LOW, _LOW), dtype=bool)
    low = dctn(small.astype(np.float64))[:_LOW, :_LOW]
    signs: npt.NDArray[np.bool_] = low > 0
    return signs


def encode(found: Features) -> bytes:
    """As bytes: at most 2 kB."""
    rows = np.zeros(len(found), dtype=_STORED)
    rows["place"] = np.clip(np.round(found.place * _PLACE), 0, 65535)
    rows["size"] = np.clip(np.round(np.log(np.maximum(found.size, 1)) * _SIZE), 0, 255)
    rows["angle"] = np.round(found.angle * _ANGLE).astype(np.int64) % 256
    rows["bits"] = found.bits
    return np.packbits(found.signs.reshape(-1)).tobytes() + rows.tobytes()


def decode(data: bytes) -> Features:
    """What `encode` wrote.

    Raises:
        ValueError: the bytes are no whole number of keypoints, or more than there can be.
    """
    signs = np.unpackbits(np.frombuffer(data[:_HEAD], dtype=np.uint8)).astype(bool)
    rows = np.frombuffer(data[_HEAD:], dtype=_STORED)
    if len(rows) > KEYPOINTS:
        raise ValueError(f"{len(rows)} keypoints")
    return Features(
        place=rows["place"] / _PLACE,
        size=np.exp(rows["size"] / _SIZE),
        angle=rows["angle"] / _ANGLE,
        bits=np.ascontiguousarray(rows["bits"]),
        signs=signs.reshape(_LOW, _LOW),
    )


def mirrored(found: Features) -> Features:
    """Features of the same picture in a mirror, x counted to the left from the same edge."""
    bits = np.unpackbits(found.bits, axis=1)[:, _MIRRORED]
    return Features(
        place=found.place * (-1.0, 1.0),
        size=found.size,
        angle=np.pi - found.angle,
        bits=np.ascontiguousarray(np.packbits(bits, axis=1)),
        signs=turned_signs(found.signs, 0, True),
    )


def turned_signs(signs: npt.NDArray[np.bool_], quarter: int, mirror: bool) -> npt.NDArray[np.bool_]:
    """Signs of the picture turned counter-clockwise by quarters after being mirrored, or not.

    Args:
        signs: (..., 8, 8).
        quarter: turns by 90°.
        mirror: left and right first change places.
    """
    odd = np.arange(_LOW) % 2 == 1
    empty = ~signs.any(axis=(-2, -1), keepdims=True)
    result = signs ^ (odd[None, :] if mirror else False)
    for _ in range(quarter % 4):  # transposed, then upside down
        result = np.swapaxes(result, -2, -1) ^ odd[:, None]
    kept: npt.NDArray[np.bool_] = result & ~empty
    return kept
