"""Lesions with scale, crust, thickening or loss of the surface."""

import numpy as np

from mimbench.data.generated.phantom.canvas import Canvas, clipped, clouds, disc, glow, ring
from mimbench.data.generated.phantom.eruption import Eruption
from mimbench.data.generated.phantom.pigments import (
    BLOOD,
    DARK_PLUG,
    DRIED_BLOOD,
    FLESH,
    HONEY,
    MELANIN,
    SCALE,
    SLOUGH,
)
from mimbench.data.generated.phantom.skin import creases

__all__ = [
    "annular_scale",
    "honey_crusts",
    "lichenified_patches",
    "silvery_plaques",
    "ulcers",
]


def annular_scale(canvas: Canvas, eruption: Eruption) -> None:
    """Rings with a raised, red, finely scaling border and a clearing centre."""
    strength = eruption.severity
    flakes = clouds(eruption.rng, canvas.size, 30, 3, 0.8)
    for site in eruption.sites(1, 4, size_spread=0.3, wobble=0.12, stretch=1.2, share=1.6):
        spot = canvas.spot(site, 1.8)
        border = ring(spot, 0.88, 0.16)
        canvas.tint(spot.window, BLOOD, 0.9 * eruption.redness * border)
        canvas.tint(spot.window, BLOOD, 0.25 * eruption.redness * disc(spot, 0.9, 0.3))
        scale = clipped(flakes[spot.window] - 0.1) * ring(spot, 0.84, 0.12)
        canvas.coat(spot.window, SCALE, 0.8 * strength * scale)
        canvas.height[spot.window] += np.float32(strength * site.radius) * (
            0.1 * border + 0.06 * scale
        )


def silvery_plaques(canvas: Canvas, eruption: Eruption) -> None:
    """Sharply bordered red plaques under loose silvery flakes."""
    strength = eruption.severity
    flakes = clouds(eruption.rng, canvas.size, 16, 4, 0.75)
    for site in eruption.sites(1, 6, size_spread=0.4, wobble=0.18, stretch=1.6, share=1.2):
        spot = canvas.spot(site, 1.6)
        plaque = disc(spot, 1.0, 0.12)
        canvas.tint(spot.window, BLOOD, 1.0 * eruption.redness * plaque)
        scale = clipped(flakes[spot.window] + 0.25) * disc(spot, 0.85, 0.3)
        canvas.coat(spot.window, SCALE, 0.7 * strength * scale)
        relief = 0.1 * plaque + 0.05 * scale
        canvas.height[spot.window] += np.float32(strength * site.radius) * relief


def honey_crusts(canvas: Canvas, eruption: Eruption) -> None:
    """Golden, lumpy crusts stuck on raw red skin."""
    strength = eruption.severity
    lumps = clouds(eruption.rng, canvas.size, 18, 3, 0.7)
    for site in eruption.sites(2, 8, size_spread=0.4, wobble=0.3, stretch=1.5):
        spot = canvas.spot(site, 1.9)
        canvas.tint(spot.window, BLOOD, 0.85 * eruption.redness * glow(spot, 0.85, 0.25))
        crust = clipped(0.8 + 0.8 * lumps[spot.window]) * disc(spot, 0.8, 0.25)
        canvas.coat(spot.window, HONEY, 0.85 * strength * crust)
        canvas.coat(spot.window, DRIED_BLOOD, 0.5 * crust * clipped(-lumps[spot.window]))
        canvas.height[spot.window] += np.float32(0.25 * strength * site.radius) * crust
        canvas.gloss[spot.window] += 0.25 * crust


def lichenified_patches(canvas: Canvas, eruption: Eruption) -> None:
    """Thick leathery patches with coarse skin lines, dusky and without a clear border."""
    strength = eruption.severity
    lines = creases(eruption.rng, canvas.size, 1.0)
    for site in eruption.sites(1, 3, size_spread=0.3, wobble=0.25, stretch=1.8, share=1.8):
        spot = canvas.spot(site, 1.9)
        patch = glow(spot, 0.6, 0.5)
        depth = np.clip(-lines[spot.window], 0.0, 1.5)
        canvas.tint(spot.window, BLOOD, 0.7 * eruption.redness * patch)
        canvas.tint(spot.window, MELANIN, strength * patch * (0.15 + 0.25 * depth))
        canvas.height[spot.window] += np.float32(0.016 * strength) * patch * (1.0 - depth)


def ulcers(canvas: Canvas, eruption: Eruption) -> None:
    """Punched-out wounds: raw floor with yellow slough, firm dark edge."""
    rng, strength = eruption.rng, eruption.severity
    floor = clouds(rng, canvas.size, 14, 3, 0.6)
    for site in eruption.sites(1, 4, size_spread=0.4, wobble=0.2, stretch=1.5, share=0.8):
        spot = canvas.spot(site, 2.2)
        canvas.tint(spot.window, BLOOD, 0.7 * eruption.redness * glow(spot, 1.0, 0.4))
        canvas.tint(spot.window, MELANIN, 0.25 * strength * ring(spot, 1.05, 0.2))
        hole = disc(spot, 0.9, 0.12)
        canvas.coat(spot.window, FLESH, 0.9 * strength * hole)
        canvas.coat(spot.window, SLOUGH, 0.7 * clipped(floor[spot.window]) * hole)
        if rng.random() < 0.35:
            canvas.coat(spot.window, DARK_PLUG, 0.8 * disc(spot, 0.5, 0.3))
        relief = 0.15 * ring(spot, 1.1, 0.2) - 0.35 * disc(spot, 0.85, 0.4)
        canvas.height[spot.window] += np.float32(strength * site.radius) * relief
        canvas.gloss[spot.window] += 0.3 * hole
