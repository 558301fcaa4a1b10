"""Flat lesions that differ from the skin by colour alone."""

import numpy as np

from mimbench.data.generated.phantom.canvas import Canvas, clipped, clouds, disc, glow, ring
from mimbench.data.generated.phantom.eruption import Eruption
from mimbench.data.generated.phantom.pigments import BLOOD, BRUISE, MELANIN, SCALE

__all__ = ["depigmented_patches", "macules", "purpura", "target_lesions"]


def macules(canvas: Canvas, eruption: Eruption) -> None:
    """Flat, evenly coloured brown or reddish spots of different sizes."""
    rng, strength = eruption.rng, eruption.severity
    pigment = MELANIN * 0.36 + BLOOD * float(rng.uniform(0.0, 0.6)) * eruption.redness
    for site in eruption.sites(5, 16, size_spread=0.4, wobble=0.12, stretch=1.4):
        spot = canvas.spot(site, 1.5)
        amount = strength * float(rng.uniform(0.8, 1.2)) * disc(spot, 1.0, 0.25)
        canvas.tint(spot.window, pigment, amount)


def purpura(canvas: Canvas, eruption: Eruption) -> None:
    """Purple spots of blood under the skin, from pinpoints to confluent patches."""
    rng, strength = eruption.rng, eruption.severity
    for site in eruption.sites(12, 34, size_spread=0.6, wobble=0.2, stretch=1.3, share=0.8):
        spot = canvas.spot(site, 1.6)
        fade = float(rng.uniform(0.5, 1.1))
        canvas.tint(spot.window, BRUISE, fade * strength * glow(spot, 0.7, 0.3))


def depigmented_patches(canvas: Canvas, eruption: Eruption) -> None:
    """Chalk-white patches with sharp scalloped edges and a darker rim."""
    strength = eruption.severity
    loss = -0.8 * eruption.person.melanin
    # Pigment returns from hair follicles, in dots.
    islands = clipped(clouds(eruption.rng, canvas.size, 30, 2) - 1.0)
    for site in eruption.sites(2, 6, size_spread=0.5, wobble=0.4, stretch=1.6, share=1.3):
        spot = canvas.spot(site, 2.0)
        patch = disc(spot, 1.0, 0.12) * (1.0 - islands[spot.window])
        canvas.tint(spot.window, MELANIN, 0.12 * glow(spot, 1.0, 0.35) * (1.0 - patch))
        canvas.tint(spot.window, MELANIN, np.float32(loss) * patch)
        canvas.tint(spot.window, BLOOD, np.float32(-0.6 * eruption.person.blood) * patch)
        canvas.coat(spot.window, SCALE, 0.15 * strength * patch)
    canvas.density = np.maximum(canvas.density, 0.0)


def target_lesions(canvas: Canvas, eruption: Eruption) -> None:
    """Round lesions of three zones: dusky centre, pale ring, red rim."""
    strength = eruption.severity
    uneven = 1.0 + 0.15 * clouds(eruption.rng, canvas.size, 12, 2)
    for site in eruption.sites(2, 7, size_spread=0.25, wobble=0.07, stretch=1.2):
        spot = canvas.spot(site, 1.8)
        rim = ring(spot, 0.88, 0.17) * uneven[spot.window]
        canvas.tint(spot.window, BLOOD, 1.3 * eruption.redness * rim)
        canvas.tint(spot.window, BRUISE, 0.95 * strength * disc(spot, 0.45, 0.2))
        canvas.tint(spot.window, BLOOD, 0.3 * eruption.redness * disc(spot, 0.95, 0.2))
        relief = 0.2 * ring(spot, 0.85, 0.2)
        canvas.height[spot.window] += np.float32(strength * site.radius) * relief
