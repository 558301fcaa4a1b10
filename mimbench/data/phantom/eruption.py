"""How a disease shows in one picture: where, how large, how strong. Drawn alike for all."""

from dataclasses import dataclass

import numpy as np

from mimbench.data.phantom.canvas import Site
from mimbench.data.phantom.people import Person
from mimbench.data.phantom.skin import Body

__all__ = ["Eruption"]

_CANDIDATES = 10


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
            fewest, most: number of lesions.
            size_spread: standard deviation of the logarithm of their radii.
            wobble: irregularity of the outline, 0 = round, 0.3 = ragged.
            stretch: longest axis over shortest.
            share: of the affected area.
        """
        count = int(self.rng.integers(fewest, most + 1))
        mean = np.sqrt(share * self.affected / (np.pi * count))
        radii = np.clip(mean * self.rng.lognormal(0.0, size_spread, count), 0.008, 0.3)
        placed: list[Site] = []
        for radius in np.sort(radii)[::-1]:
            x, y = self._place(float(radius), placed)
            placed.append(self.shaped(x, y, float(radius), wobble, stretch))
        return placed

    def around(self, centre: Site, count: int, radius: float, wobble: float = 0.0) -> list[Site]:
        """`count` small lesions of about this radius, side by side within a larger one."""
        placed: list[Site] = []
        for _ in range(count):
            size = radius * float(self.rng.lognormal(0.0, 0.2))
            angles = self.rng.uniform(0.0, 2.0 * np.pi, _CANDIDATES)
            reach = centre.radius * np.sqrt(self.rng.random(_CANDIDATES))
            x, y = centre.x + reach * np.cos(angles), centre.y + reach * np.sin(angles)
            best = int(np.argmax(_clearance(x, y, placed) / (1.0 + 0.2 * self.rng.random())))
            placed.append(self.shaped(float(x[best]), float(y[best]), size, wobble))
        return placed

    def shaped(
        self, x: float, y: float, radius: float, wobble: float = 0.0, stretch: float = 1.0
    ) -> Site:
        """A site with an outline of its own."""
        rng = self.rng
        lobes = tuple(
            (float(wobble * rng.normal(0.0, 0.55) / (order - 1) ** 0.6), float(rng.uniform(0, 6.3)))
            for order in range(2, 8 if wobble else 2)
        )
        longer = float(np.exp(rng.uniform(0.0, np.log(stretch)))) if stretch > 1.0 else 1.0
        return Site(x, y, radius, float(rng.uniform(0.0, np.pi)), longer, lobes)

    def _place(self, radius: float, placed: list[Site]) -> tuple[float, float]:
        """The most spacious of some random points that lie on the skin."""
        margin = 0.5 * radius + 0.03
        points = self.rng.uniform(margin, 1.0 - margin, (3 * _CANDIDATES, 2))
        fit = [p for p in points if self.body.shows(float(p[0]), float(p[1]), radius)]
        points = np.array(fit[:_CANDIDATES] or points[:1])
        best = int(np.argmax(_clearance(points[:, 0], points[:, 1], placed)))
        return float(points[best, 0]), float(points[best, 1])


def _clearance(x: np.ndarray, y: np.ndarray, placed: list[Site]) -> np.ndarray:
    """Distance of each point from the nearest outline, as far as it matters."""
    if not placed:
        return np.zeros(len(x))
    others = np.array([(site.x, site.y, site.radius) for site in placed])
    gap = np.hypot(x[:, None] - others[:, 0], y[:, None] - others[:, 1]) - others[:, 2]
    return np.asarray(gap.min(axis=1))
