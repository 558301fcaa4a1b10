"""All fits of one row as one torch module, from a picture to everything that the page shows."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mimbench.app.export.guard import Guard, look
from mimbench.app.export.resizing import Resize
from mimbench.detectors.graph import INPAINTED, ScoreGraph
from mimbench.detectors.imaging.shared import provide
from mimbench.detectors.protocol import Batch, Detector
from mimbench.errors import DetectorError

__all__ = ["OUTPUTS", "RowGraph", "can_export"]

# other names in a graph are those of operators, such as mean, and must not repeat
OUTPUTS = ("row_scores", "row_mean", "row_accepted", "row_seen", "row_guard")
DRAWN = "row_inpainted"


class RowGraph(nn.Module):
    """Scores of all fits of a row, and what the guard knows of the picture."""

    thresholds: Tensor
    histogram: Tensor

    def __init__(
        self,
        detectors: Sequence[Detector],
        score: str,
        canonical: int,
        size: int,
        thresholds: NDArray[np.float64],
        guard: Guard,
    ) -> None:
        """Take the fits of a row.

        Args:
            detectors: fitted, on the CPU, at least one.
            score: which of their scores, "" where they have one without a name.
            canonical: side of the pictures, pixels.
            size: side that the fits see, pixels.
            thresholds: (F,), one per fit; scores up to it are accepted.
            guard: fitted on the images whose scores set the thresholds.
        """
        super().__init__()
        self.graphs = nn.ModuleList(detector.graph().eval() for detector in detectors)
        self.score, self.canonical, self.size, self.guard = score, canonical, size, guard
        self.resize = Resize(canonical, size)
        self.register_buffer("thresholds", torch.from_numpy(thresholds.astype(np.float32)))
        self.register_buffer("histogram", guard.histogram)
        self.draws = False  # whether there is an inpainted picture, after `warm_up`

    @property
    def example(self) -> Tensor:
        """A grey picture, uint8 (1, 3, C, C)."""
        return torch.full((1, 3, self.canonical, self.canonical), 128, dtype=torch.uint8)

    def warm_up(self) -> None:
        """Make what detectors compute once and keep, such as masks, before the export.

        Raises:
            DetectorError: the row's score is not among those of its graph.
        """
        given = self.graphs[0](self.resize(self.example))
        if self.score not in given:
            names = ", ".join(name for name in given if name != INPAINTED)
            raise DetectorError(f"its graph() has the scores {names}")
        self.draws = INPAINTED in given
        self(self.example)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what `forward` returns, in order."""
        return (*OUTPUTS, DRAWN) if self.draws else OUTPUTS

    def forward(self, picture: Tensor) -> tuple[Tensor, ...]:
        """Judge one picture.

        Args:
            picture: uint8 (1, 3, C, C), RGB, at the canonical size.

        Returns:
            Scores float32 (F,), higher = less like the target; their mean (1,); the share (1,) of
            the fits that accept; what the guard saw (3,), see `look`; the guard score (1,); and
            where the detector inpaints, what the first fit made of the picture, uint8
            (1, 3, S, S).
        """
        images = self.resize(picture)
        shared = Batch(images, provide)  # several fits read what is computed once
        results = [
            graph(images, lambda name, _: shared[name])
            if isinstance(graph, ScoreGraph)
            else graph(images)
            for graph in self.graphs
        ]
        scores = torch.cat([result[self.score].float() for result in results])
        accepted = (scores <= self.thresholds).float().mean().reshape(1)
        seen = look(picture, self.histogram)
        found = (scores, scores.mean().reshape(1), accepted, seen[0], self.guard.score(seen))
        return (*found, results[0][INPAINTED]) if self.draws else found


def can_export(detector: type[Detector]) -> bool:
    """Whether a class of detectors has a graph of its own."""
    return detector.graph is not Detector.graph
