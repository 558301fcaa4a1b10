"""Whether two pictures show the same photograph: how one would lie on the other, and if it fits.

Nothing is drawn at random: every keypoint has a size and an angle, so that two of them already say
how one picture lies on the other, and all pairs of matches are tried.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from mimbench.data.near_duplicates.features import Features, Grey

__all__ = ["Alignment", "agreement", "align", "align_whole"]

_DIFFERENT_BITS = 36  # of 128, in which matching keypoints may differ
_PLACE = 3.0  # pixels by which a keypoint may miss its place
_FACTOR = 0.35  # e-folds between the distance of two matches and the size of each
_ANGLE = 0.35  # radians, likewise
_APART = 4.0  # pixels between two matches that say anything
_STARTS = 4
_LEAST = 3  # matches to start from
_AFFINE = 6  # matches from which shear and unequal scale are fitted
_STIFF = 25.0  # square pixels by which the fit of those is held back

_WORK = 128  # pictures are laid on one another at about this size squared
_SOFT = 1.0  # pixels by which they are softened, so that compression and resampling count little
_WINDOW = 5.0  # pixels, of the local correlation
_LEAST_SPREAD = 2.5  # grey levels in such a window; a flat one has nothing to compare
_LEAST_WINDOWS = 200  # pixels of the overlap that are not flat
_RIM = 3  # pixels along edges, into which softening and compression carry what lies beyond
_BLACK, _WHITE = 4, 250  # grey levels
_CLEAR = 0.95  # agreement that no refinement would change the meaning of
_AGREEING = 0.9  # share of the overlap that must agree

# A pixel's number is that of its middle; lengths count from the picture's edge.
_CENTRED = np.array([[1.0, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])

Points = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Alignment:
    """Where the first picture's pixels lie in the second.

    Attributes:
        matrix: (2, 3), from x, y, 1 in pixels at SIDE to x, y.
        matches: keypoints at different places that agree on it; 0 where none were compared.
    """

    matrix: Matrix
    matches: int


def align(first: Features, second: Features) -> Alignment | None:
    """Find how keypoints of `first` lie on `second`, if at least three agree on anything."""
    one, two = _matches(first, second)
    if len(one) < _LEAST:
        return None
    own, other = first.place[one], second.place[two]
    consistent = _consistent(first, second, one, two)
    best: Alignment | None = None
    partners = consistent.sum(axis=1)
    for start in np.argsort(-partners, kind="stable")[:_STARTS]:
        if partners[start] + 1 < _LEAST:
            break
        used = consistent[start].copy()
        used[start] = True
        matrix: Matrix | None = None
        for reach in (4 * _PLACE, 3 * _PLACE, 2 * _PLACE, _PLACE):
            if used.sum() < _LEAST:
                break
            matrix = _fitted(own[used], other[used], affine=reach < 4 * _PLACE)
            missed = np.linalg.norm(own @ matrix[:, :2].T + matrix[:, 2] - other, axis=1)
            used = missed < reach
        enough = _LEAST if best is None else best.matches + 1
        if matrix is None or used.sum() < enough:
            continue
        matches = min(_places(own[used]), _places(other[used]))
        if matches >= enough:
            best = Alignment(matrix, matches)
    return best


def _matches(
    first: Features, second: Features
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Keypoints that are each other's nearest in both directions, and near enough."""
    if not len(first) or not len(second):
        return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
    own, other = first.bits.view(np.uint64), second.bits.view(np.uint64)
    differing = np.bitwise_count(own[:, None] ^ other).sum(axis=2, dtype=np.int64)
    nearest, back = differing.argmin(axis=1), differing.argmin(axis=0)
    everyone = np.arange(len(first))
    close = differing[everyone, nearest] <= _DIFFERENT_BITS
    one = np.flatnonzero(close & (back[nearest] == everyone))
    return one, nearest[one]


def _consistent(
    first: Features,
    second: Features,
    one: npt.NDArray[np.intp],
    two: npt.NDArray[np.intp],
) -> npt.NDArray[np.bool_]:
    """(M, M), whether two matches agree with each other on scale and turn."""
    factor = np.log(second.size[two] / first.size[one])
    turn = second.angle[two] - first.angle[one]
    own = first.place[one] @ (1, 1j)
    other = second.place[two] @ (1, 1j)
    span, counterpart = own[:, None] - own, other[:, None] - other
    apart = (np.abs(span) > _APART) & (np.abs(counterpart) > _APART)
    between = np.log(np.where(apart, counterpart, 1) / np.where(apart, span, 1))
    agree = apart
    for own_factor, own_turn in ((factor[:, None], turn[:, None]), (factor, turn)):
        off = np.angle(np.exp(1j * (between.imag - own_turn)))
        agree = agree & (np.abs(between.real - own_factor) < _FACTOR) & (np.abs(off) < _ANGLE)
    return agree


def _fitted(own: Points, other: Points, affine: bool) -> Matrix:
    """The map with the least squared error: turn, scale and shift, or with `affine` shear too."""
    z, w = own @ (1, 1j), other @ (1, 1j)
    centre = z.mean()
    spread = (np.abs(z - centre) ** 2).sum()
    a = (np.conj(z - centre) * (w - w.mean())).sum() / max(spread, 1e-9)
    b = w.mean() - a * centre
    matrix = np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])
    if not affine or len(own) < _AFFINE:
        return matrix
    points = np.column_stack([own, np.ones(len(own))])
    held = len(own) * _STIFF * np.diag([1.0, 1.0, 0.0])
    missing = points.T @ (other - points @ matrix.T)
    more: Matrix = matrix + np.linalg.solve(points.T @ points + held, missing).T
    return more


def _places(points: Points) -> int:
    """How many different places, because one spot may bear several keypoints."""
    return len(np.unique(np.round(points / 2), axis=0))


def align_whole(first: Grey, second: Grey, quarter: int, mirror: bool) -> Alignment:
    """Lay the whole first picture, mirrored and turned to the left by quarters, on the second."""
    height, width = first.shape
    matrix = np.diag([1 / width, 1 / height, 1.0]) @ _CENTRED
    if mirror:
        matrix = np.array([[-1.0, 0, 1], [0, 1, 0], [0, 0, 1]]) @ matrix
    for _ in range(quarter):
        matrix = np.array([[0, 1.0, 0], [-1, 0, 1], [0, 0, 1]]) @ matrix
    height, width = second.shape
    whole = np.linalg.inv(_CENTRED) @ np.diag([float(width), float(height), 1.0]) @ matrix
    return Alignment(whole[:2], 0)


def agreement(first: Grey, second: Grey, alignment: Alignment) -> float:
    """Local correlation that nine tenths of the overlap reach once it is laid on one another.

    Brightness and contrast don't count, and flat parts don't either unless the other picture has
    detail there. An alignment that is not clearly right is refined.

    Args:
        first: grey picture.
        second: likewise.
        alignment: of `align` or `align_whole`.

    Returns:
        In [-1, 1]; -1 where the overlap is too small or too flat to say anything.
    """
    own, other, matrix = _at_one_scale(first, second, alignment.matrix)
    found = _local_correlation(own, other, matrix)
    if found >= _CLEAR:
        return found
    return max(found, _local_correlation(own, other, _refined(own, other, matrix)))


Image = npt.NDArray[np.float32]


@dataclass(frozen=True)
class _Picture:
    """A reduced picture.

    Attributes:
        levels: softened grey levels.
        seen: 1 where there is something to compare: off the rim, neither black nor white.
    """

    levels: Image
    seen: Image


def _at_one_scale(first: Grey, second: Grey, matrix: Matrix) -> tuple[_Picture, _Picture, Matrix]:
    """Both pictures reduced so that pixels of one are about as large as pixels of the other."""
    own = min(1.0, _WORK / np.sqrt(first.size))
    ratio = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    other = min(1.0, own / max(ratio, 1e-6))
    reduced, scales = [], []
    for picture, factor in ((first, own), (second, other)):
        height, width = picture.shape
        size = max(1, round(factor * width)), max(1, round(factor * height))
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        soft: Image = cv2.GaussianBlur(small, (0, 0), _SOFT).astype(np.float32)
        reduced.append(_Picture(soft, _seen(small)))
        scale = np.diag([size[0] / width, size[1] / height, 1.0])
        scales.append(np.linalg.inv(_CENTRED) @ scale @ _CENTRED)
    whole = scales[1] @ np.vstack([matrix, [0, 0, 1]]) @ np.linalg.inv(scales[0])
    return reduced[0], reduced[1], whole[:2]


def _seen(picture: Image) -> Image:
    """Detail is lost where brightness was changed, and borders are not part of the photograph."""
    clipped = ((picture < _BLACK) | (picture > _WHITE)).astype(np.uint8)
    regions = cv2.morphologyEx(clipped, cv2.MORPH_OPEN, np.ones((3, 3), dtype=np.uint8))
    regions[:1] = regions[-1:] = 1
    regions[:, :1] = regions[:, -1:] = 1
    near = cv2.dilate(regions, np.ones((2 * _RIM + 1, 2 * _RIM + 1), dtype=np.uint8))
    seen: Image = (near == 0).astype(np.float32)
    return seen


def _refined(own: _Picture, other: _Picture, matrix: Matrix) -> Matrix:
    """The alignment moved to the nearest maximum of the correlation, if there is one.

    Source: Evangelidis & Psarakis 2008, "Parametric image alignment using enhanced correlation
    coefficient maximization".
    """
    stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 30, 1e-4)
    seen = other.seen.astype(np.uint8)
    start = matrix.astype(np.float32)
    try:
        _, found = cv2.findTransformECC(
            own.levels, other.levels, start, cv2.MOTION_AFFINE, stop, seen, 3
        )
    except cv2.error:  # it does not converge
        return matrix
    return np.asarray(found, dtype=np.float64)


def _local_correlation(own: _Picture, other: _Picture, matrix: Matrix) -> float:
    size = own.levels.shape[1], own.levels.shape[0]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    levels = own.levels
    laid: Image = cv2.warpAffine(other.levels, matrix, size, flags=flags).astype(np.float32)
    covered = cv2.warpAffine(other.seen, matrix, size, flags=flags)
    inside = own.seen * (covered > 0.999)
    weight = cv2.GaussianBlur(inside, (0, 0), _WINDOW) + 1e-6

    def mean(values: Image) -> Image:
        blurred: Image = cv2.GaussianBlur(values * inside, (0, 0), _WINDOW) / weight
        return blurred

    own_mean, laid_mean = mean(levels), mean(laid)
    own_variance = np.maximum(mean(levels**2) - own_mean**2, 0)
    laid_variance = np.maximum(mean(laid**2) - laid_mean**2, 0)
    common = mean(levels * laid) - own_mean * laid_mean
    detailed = (inside > 0) & (np.maximum(own_variance, laid_variance) > _LEAST_SPREAD**2)
    if detailed.sum() < _LEAST_WINDOWS:
        return -1.0
    local = common / np.sqrt(np.maximum(own_variance, 1) * np.maximum(laid_variance, 1))
    return float(np.quantile(local[detailed], 1 - _AGREEING))
