"""How a disease shows in one picture: where, how large, how strong. Drawn alike for all."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mimbench.data.phantom.canvas import Site
from mimbench.data.phantom.people import Person
from mimbench.data.phantom.skin import Body

__all__ = ["Eruption"]

_CANDIDATES = 12

# Usual amplitude of an outline's harmonics 2, 3, ..., 7 relative to its wobble.
_LOBES = 0.6 / np.arange(1, 7) ** 0.9


@dataclass(frozen=True)
class Eruption:
    """The eruption that a morphology paints.

    Attributes:
        affected: share of the picture that the lesions cover.
        severity: strength of colour and relief, about 1.
        redness: strength of the inflammation, about 1.
        person: whose skin it is.
        body: where skin shows.
        rng: stream of this picture's lesions.
    """

    affected: float
    severity: float
    redness: float
    person: Person
    body: Body
    rng: np.random.Generator

    @classmethod
    def draw(cls, person: Person, body: Body, rng: np.random.Generator) -> "Eruption":
        """Draw one picture of the person's disease."""
        return cls(
            affected=person.affected * float(rng.lognormal(0.0, 0.2)),
            severity=person.severity * float(rng.lognormal(0.0, 0.06)),
            redness=person.redness * float(rng.lognormal(0.0, 0.1)),
            person=person,
            body=body,
            rng=rng,
        )

    def sites(
        self,
        fewest: int,
        most: int,
        *,
        size_spread: float = 0.2,
        wobble: float = 0.0,
        stretch: float = 1.0,
        share: float = 1.0,
    ) -> list[Site]:
        """Places for `fewest` to `most` lesions that together cover `share` of the eruption.

        Args:
            fewest: smallest number of lesions.
            most: largest number of lesions.
            size_spread: standard deviation of the logarithm of their radii.
            wobble: irregularity of the outline, 0 = round, 0.3 = ragged.
            stretch: longest axis over shortest.
            share: of the affected area.
        """
        count = int(self.rng.integers(fewest, most + 1))
        mean = np.sqrt(share * self.affected / (np.pi * count))
        radii = np.clip(mean * self.rng.lognormal(0.0, size_spread, count), 0.008, 0.3)
        tries = self.rng.random((count, _CANDIDATES, 2))
        placed: list[Site] = []
        for radius, points in zip(np.sort(radii)[::-1].tolist(), tries, strict=True):
            x, y = self._best(points, radius, placed)
            placed.append(self.shaped(x, y, radius, wobble, stretch))
        return placed

    def around(self, centre: Site, count: int, radius: float, wobble: float = 0.0) -> list[Site]:
        """`count` small lesions of about this radius, side by side within a larger one."""
        angles = self.rng.uniform(0.0, 2.0 * np.pi, (count, _CANDIDATES))
        reach = centre.radius * np.sqrt(self.rng.random((count, _CANDIDATES)))
        tries = centre.x + reach * np.cos(angles), centre.y + reach * np.sin(angles)
        radii = radius * self.rng.lognormal(0.0, 0.2, count)
        placed: list[Site] = []
        for size, x, y in zip(radii.tolist(), *tries, strict=True):
            best = int(np.argmax(_clearance(x, y, placed)))
            placed.append(self.shaped(float(x[best]), float(y[best]), size, wobble))
        return placed

    def shaped(
        self, x: float, y: float, radius: float, wobble: float = 0.0, stretch: float = 1.0
    ) -> Site:
        """A site with an outline of its own."""
        rng = self.rng
        lobes: tuple[tuple[float, float], ...] = ()
        if wobble:
            amplitudes = wobble * _LOBES * rng.standard_normal(len(_LOBES))
            phases = rng.uniform(0.0, 2.0 * np.pi, len(_LOBES))
            lobes = tuple(zip(amplitudes.tolist(), phases.tolist(), strict=True))
        longer = float(np.exp(rng.uniform(0.0, np.log(stretch)))) if stretch > 1.0 else 1.0
        return Site(x, y, radius, float(rng.uniform(0.0, np.pi)), longer, lobes)

    def _best(
        self, points: NDArray[np.float64], radius: float, placed: list[Site]
    ) -> tuple[float, float]:
        """The most spacious of these points of the unit square that lies on the skin."""
        margin = 0.5 * radius + 0.03
        x, y = (margin + (1.0 - 2.0 * margin) * points).T
        space = _clearance(x, y, placed)
        if self.body.ends:
            space = np.where(self.body.shows(x, y, radius), space, -1.0)
        best = int(np.argmax(space))
        return float(x[best]), float(y[best])


def _clearance(x: np.ndarray, y: np.ndarray, placed: list[Site]) -> np.ndarray:
    """Distance of each point from the nearest outline, as far as it matters."""
    if not placed:
        return np.zeros(len(x))
    others = np.array([(site.x, site.y, site.radius) for site in placed])
    gap = np.hypot(x[:, None] - others[:, 0], y[:, None] - others[:, 1]) - others[:, 2]
    return np.asarray(gap.min(axis=1))
