"""How a disease shows in one picture: where, how large, how strong. Drawn alike for all."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mimbench.data.generated.phantom.canvas import Site
from mimbench.data.generated.phantom.people import Person
from mimbench.data.generated.phantom.skin import Body

__all__ = ["Eruption"]

Points = NDArray[np.float64]

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
        radii = np.sort(radii)[::-1]
        margin = 0.5 * radii[:, None] + 0.03
        x, y = margin + (1.0 - 2.0 * margin) * self.rng.random((2, count, _CANDIDATES))
        bonus = np.zeros_like(x)
        if self.body.ends:
            bonus -= ~self.body.shows(x, y, radii[:, None])
        return self._most_spacious(x, y, bonus, radii, wobble, stretch)

    def around(self, centre: Site, count: int, radius: float, wobble: float = 0.0) -> list[Site]:
        """`count` small lesions of about this radius, side by side within a larger one."""
        angles = self.rng.uniform(0.0, 2.0 * np.pi, (count, _CANDIDATES))
        reach = centre.radius * np.sqrt(self.rng.random((count, _CANDIDATES)))
        x, y = centre.x + reach * np.cos(angles), centre.y + reach * np.sin(angles)
        radii = radius * self.rng.lognormal(0.0, 0.2, count)
        return self._most_spacious(x, y, np.zeros_like(x), radii, wobble, 1.0)

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

    def _most_spacious(
        self, x: Points, y: Points, bonus: Points, radii: Points, wobble: float, stretch: float
    ) -> list[Site]:
        """One lesion after another, each at its candidate (row of x, y) farthest from the others.

        `bonus` is added to the distances; negative where a lesion should rather not be.
        """
        space = np.full_like(x, 1.0)
        placed = []
        for row, radius in enumerate(radii.tolist()):
            best = int(np.argmax(space[row] + bonus[row]))
            site = self.shaped(float(x[row, best]), float(y[row, best]), radius, wobble, stretch)
            placed.append(site)
            rest = slice(row + 1, None)
            gap = np.hypot(x[rest] - site.x, y[rest] - site.y) - radius
            space[rest] = np.minimum(space[rest], gap)
        return placed
