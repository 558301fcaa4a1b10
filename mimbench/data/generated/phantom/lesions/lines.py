"""Lesions that follow lines: vessels and burrows."""

import numpy as np
from numpy.typing import NDArray

from mimbench.data.generated.phantom.canvas import Array, Canvas, Site, disc, glow
from mimbench.data.generated.phantom.eruption import Eruption
from mimbench.data.generated.phantom.pigments import BLOOD, DARK_PLUG, SCALE

__all__ = ["linear_burrows", "telangiectasia"]

Path = NDArray[np.float64]


def _wander(
    rng: np.random.Generator, starts: Path, angles: Path, length: float, bend: float
) -> Path:
    """Paths (N, 15, 2) from points (N, 2) in directions (N,) that then change at random."""
    turns = np.cumsum(rng.normal(0.0, bend / np.sqrt(14), (len(angles), 14)), axis=1)
    ways = angles[:, None] + turns
    steps = np.stack((np.cos(ways), np.sin(ways)), axis=2) * length / 14
    return starts[:, None] + np.pad(np.cumsum(steps, axis=1), ((0, 0), (1, 0), (0, 0)))


def _end(eruption: Eruption, track: Path, radius: float) -> Site:
    """A lesion at the end of a path."""
    return eruption.shaped(float(track[-1, 0]), float(track[-1, 1]), radius, 0.1)


def linear_burrows(canvas: Canvas, eruption: Eruption) -> None:
    """Short winding ridges, greyish and scaly, that end in a red papule."""
    rng, strength = eruption.rng, eruption.severity
    tracks = []
    for site in eruption.sites(4, 10, size_spread=0.25, share=1.1):
        angle = rng.uniform(0.0, 2.0 * np.pi, 1)
        reach = 1.5 * site.radius
        start = np.array((site.x, site.y)) - reach * np.stack((np.cos(angle), np.sin(angle)), 1)
        tracks += list(_wander(rng, start, angle, 2.0 * reach, 1.0))
        papule = canvas.spot(_end(eruption, tracks[-1], 0.45 * site.radius), 2.4)
        canvas.tint(papule.window, BLOOD, 0.9 * eruption.redness * glow(papule, 0.6, 0.6))
        canvas.coat(papule.window, DARK_PLUG, 0.4 * strength * disc(papule, 0.3, 0.3))
        canvas.height[papule.window] += np.float32(0.4 * papule.radius) * disc(papule, 0.7, 0.8)
    halo, ridge = canvas.stroke(tracks, 0.024), canvas.stroke(tracks, 0.009)
    canvas.tint(canvas.whole, BLOOD, 0.8 * eruption.redness * halo)
    canvas.coat(canvas.whole, SCALE, 0.38 * strength * ridge)
    canvas.height += np.float32(0.006 * strength) * ridge


def telangiectasia(canvas: Canvas, eruption: Eruption) -> None:
    """Fine red vessels that branch like trees, on faintly red skin."""
    rng, strength = eruption.rng, eruption.severity
    thick: list[Path] = []
    thin: list[Path] = []
    for site in eruption.sites(2, 5, size_spread=0.25, share=2.0):
        flush = canvas.spot(site, 2.2)
        canvas.tint(flush.window, BLOOD, 0.35 * eruption.redness * glow(flush, 0.6, 0.6))
        angles = rng.uniform(0.0, 2.0 * np.pi, int(rng.integers(3, 7)))
        roots = rng.normal((site.x, site.y), 0.2 * site.radius, (len(angles), 2))
        trunks = _wander(rng, roots, angles, 1.5 * site.radius, 1.3)
        thick += list(trunks)
        parents = rng.integers(0, len(angles), 3 * len(angles))
        joints = trunks[parents, rng.integers(4, 13, len(parents))]
        turns = rng.choice((-1.0, 1.0), len(parents)) * rng.uniform(0.4, 1.1, len(parents))
        thin += list(_wander(rng, joints, angles[parents] + turns, 0.8 * site.radius, 0.8))
    vessels: Array = np.maximum(canvas.stroke(thick, 0.01), 0.8 * canvas.stroke(thin, 0.007))
    canvas.tint(canvas.whole, BLOOD * 1.6, strength * (0.6 + 0.4 * eruption.redness) * vessels)
