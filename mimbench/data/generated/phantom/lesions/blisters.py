"""Lesions filled with fluid or pus."""

import numpy as np

from mimbench.data.generated.phantom.canvas import Array, Canvas, Spot, clipped, disc, glow
from mimbench.data.generated.phantom.eruption import Eruption
from mimbench.data.generated.phantom.pigments import BLOOD, CLEAR_FLUID, DRIED_BLOOD, PUS, YELLOW

__all__ = ["bullae", "umbilicated_pustules", "vesicle_clusters"]


def dome(spot: Spot) -> Array:
    """Height of a tense dome of radius and height 1, steepest at its rim."""
    return clipped(1.0 - spot.rho * spot.rho) ** np.float32(0.8)


def umbilicated_pustules(canvas: Canvas, eruption: Eruption) -> None:
    """Well-circumscribed round pustules, all at one stage, each with a dimple and a red halo."""
    rng, strength = eruption.rng, eruption.severity
    # One stage per picture: from pearly with a small dimple to yellow with a crusted one.
    stage = float(rng.random())
    dimple = 0.28 + 0.14 * stage
    opacity = (0.32 + 0.2 * stage) * strength
    for site in eruption.sites(4, 10, size_spread=0.1):
        spot = canvas.spot(site, 2.4)
        canvas.tint(spot.window, BLOOD, 0.55 * eruption.redness * glow(spot, 1.0, 0.5))
        canvas.coat(spot.window, PUS, opacity * disc(spot, 0.8, 0.4))
        navel = disc(spot, dimple, 0.3)
        canvas.tint(spot.window, BLOOD, 0.8 * navel)
        canvas.coat(spot.window, DRIED_BLOOD, (0.3 + 0.35 * stage) * strength * navel)
        relief = 0.34 * dome(spot) - 0.3 * np.exp(-((spot.rho / np.float32(dimple)) ** 2))
        canvas.height[spot.window] += np.float32(strength * site.radius) * relief
        canvas.gloss[spot.window] += 0.15 * disc(spot, 0.9)


def vesicle_clusters(canvas: Canvas, eruption: Eruption) -> None:
    """Groups of small clear blisters on a red base."""
    rng, strength = eruption.rng, eruption.severity
    for patch in eruption.sites(1, 4, wobble=0.25, stretch=1.6):
        base = canvas.spot(patch, 2.0)
        canvas.tint(base.window, BLOOD, 0.8 * eruption.redness * glow(base, 0.85, 0.3))
        count = int(rng.integers(6, 15))
        for site in eruption.around(patch, count, 0.5 * patch.radius / np.sqrt(count / 2)):
            spot = canvas.spot(site, 1.4)
            canvas.coat(spot.window, CLEAR_FLUID, 0.3 * strength * disc(spot, 0.9, 0.5))
            canvas.height[spot.window] += np.float32(0.6 * strength * site.radius) * dome(spot)
            canvas.gloss[spot.window] += 0.35 * disc(spot)


def bullae(canvas: Canvas, eruption: Eruption) -> None:
    """Large tense blisters full of yellowish fluid, some of it bloody."""
    rng, strength = eruption.rng, eruption.severity
    for site in eruption.sites(2, 6, size_spread=0.3, wobble=0.05, stretch=1.5):
        spot = canvas.spot(site, 1.8)
        canvas.tint(spot.window, BLOOD, 0.8 * eruption.redness * glow(spot, 1.0, 0.3))
        canvas.coat(spot.window, CLEAR_FLUID, 0.22 * strength * disc(spot, 0.95, 0.15))
        canvas.tint(spot.window, YELLOW, 0.4 * disc(spot))
        if rng.random() < 0.3:
            canvas.coat(spot.window, DRIED_BLOOD, 0.45 * disc(spot, 0.9, 0.4))
        canvas.height[spot.window] += np.float32(0.6 * strength * site.radius) * dome(spot)
        canvas.gloss[spot.window] += 0.4 * disc(spot)
