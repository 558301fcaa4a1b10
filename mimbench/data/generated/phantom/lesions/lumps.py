"""Solid lesions that rise above the skin."""

import numpy as np

from mimbench.data.generated.phantom.canvas import Array, Canvas, Spot, clipped, clouds, disc, glow
from mimbench.data.generated.phantom.eruption import Eruption
from mimbench.data.generated.phantom.pigments import BLOOD, DARK_PLUG, KERATIN, MELANIN, UNPIGMENTED

__all__ = ["comedones", "domed_papules", "nodules", "warty_growths", "wheals"]


def mound(spot: Spot, flatness: float = 2.0) -> Array:
    """Height of a soft mound of radius and height 1; higher `flatness` makes a plateau."""
    inside = clipped(1.0 - spot.rho ** np.float32(flatness))
    return inside * inside * (3.0 - 2.0 * inside)


def domed_papules(canvas: Canvas, eruption: Eruption) -> None:
    """Small smooth shiny domes, skin-coloured to pink, without a dimple."""
    strength = eruption.severity
    for site in eruption.sites(5, 14, size_spread=0.25, wobble=0.05):
        spot = canvas.spot(site, 2.0)
        canvas.tint(spot.window, BLOOD, 0.9 * eruption.redness * glow(spot, 0.9, 0.3))
        canvas.coat(spot.window, UNPIGMENTED, 0.25 * strength * disc(spot, 0.7, 0.6))
        canvas.height[spot.window] += np.float32(0.9 * strength * site.radius) * mound(spot)
        canvas.gloss[spot.window] += 0.4 * disc(spot, 0.95)


def nodules(canvas: Canvas, eruption: Eruption) -> None:
    """Few large, deep-seated, dusky red swellings with soft borders."""
    strength = eruption.severity
    for site in eruption.sites(2, 5, size_spread=0.3, wobble=0.08, stretch=1.3):
        spot = canvas.spot(site, 2.2)
        canvas.tint(spot.window, BLOOD, 1.2 * eruption.redness * glow(spot, 0.65, 0.35))
        canvas.tint(spot.window, MELANIN, 0.12 * strength * disc(spot, 0.8, 0.8))
        canvas.height[spot.window] += np.float32(1.15 * strength * site.radius) * mound(spot)
        canvas.gloss[spot.window] += 0.3 * disc(spot, 0.9)


def comedones(canvas: Canvas, eruption: Eruption) -> None:
    """Dark plugs in widened pores, among a few red papules."""
    rng, strength = eruption.rng, eruption.severity
    for site in eruption.sites(12, 30, size_spread=0.3, share=0.35):
        spot = canvas.spot(site, 1.8)
        canvas.coat(spot.window, UNPIGMENTED, 0.25 * disc(spot, 1.0, 0.4))
        canvas.coat(spot.window, DARK_PLUG, 0.85 * strength * disc(spot, 0.55, 0.3))
        canvas.height[spot.window] += np.float32(0.4 * site.radius) * mound(spot)
    for site in eruption.sites(2, 7, size_spread=0.3, share=0.3):
        spot = canvas.spot(site, 2.2)
        canvas.tint(spot.window, BLOOD, 0.9 * eruption.redness * glow(spot, 0.5, 0.5))
        canvas.height[spot.window] += np.float32(0.5 * strength * site.radius) * mound(spot)
        canvas.gloss[spot.window] += 0.15 * float(rng.random()) * disc(spot)


def warty_growths(canvas: Canvas, eruption: Eruption) -> None:
    """Rough horny growths, furrowed like a cauliflower, with black dots."""
    rng, strength = eruption.rng, eruption.severity
    furrows = np.abs(clouds(rng, canvas.size, 40, 2, 0.6))
    for site in eruption.sites(2, 8, size_spread=0.3, wobble=0.15):
        spot = canvas.spot(site, 1.8)
        body = disc(spot, 0.95, 0.25)
        rough = furrows[spot.window]
        canvas.tint(spot.window, BLOOD, 0.4 * eruption.redness * glow(spot, 0.9, 0.25))
        canvas.coat(spot.window, KERATIN, 0.75 * strength * body)
        canvas.tint(spot.window, MELANIN, 0.35 * body)
        canvas.coat(spot.window, DARK_PLUG, 0.5 * body * np.clip(0.22 - rough, 0.0, 0.2) * 5.0)
        relief = mound(spot, 4.0) * (0.5 + 0.45 * rough)
        canvas.height[spot.window] += np.float32(strength * site.radius) * relief


def wheals(canvas: Canvas, eruption: Eruption) -> None:
    """Smooth swollen plateaus of odd shapes, pale in the middle, with a pink flare."""
    strength = eruption.severity
    for site in eruption.sites(3, 9, size_spread=0.4, wobble=0.22, stretch=2.2):
        spot = canvas.spot(site, 2.2)
        canvas.tint(spot.window, BLOOD, 1.1 * eruption.redness * glow(spot, 1.0, 0.2))
        canvas.tint(spot.window, BLOOD, -0.5 * eruption.redness * disc(spot, 0.7, 0.7))
        canvas.coat(spot.window, UNPIGMENTED, 0.15 * strength * disc(spot, 0.65, 0.8))
        canvas.height[spot.window] += np.float32(0.6 * strength * site.radius) * mound(spot, 4.0)
