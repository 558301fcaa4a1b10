"""One colour per detector, one marker per score; controls are grey and dashed."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from mimbench.report.leaderboard.entries import Leaderboard

__all__ = ["RowStyle", "detector_colour", "row_styles"]

# Distinct with red-green blindness, and at least 3:1 against white and near-black paper; more
# colours that are both there are not, so that further detectors repeat them with dashes.
PALETTE = ("#0a78c2", "#d55e00", "#009e73", "#b8639a", "#5a52f0", "#d01045")
SALT = 5083  # by which the detectors of the shipped runs get colours of their own
ROUNDS = ("", "7 1.5", "7 1.5 1.5 1.5", "1.5 1.5", "4 1.5 1.5 1.5 1.5 1.5", "4 4")
GREYS = ("#7a7a7a", "#8a8378", "#6f7a85")
MARKERS = ("o", "s", "D", "^", "v", "P", "X")
DASHES = ("5 2", "2 2", "8 2 2 2", "3 1 1 1", "9 3")


@dataclass(frozen=True)
class RowStyle:
    """How one score is drawn wherever it appears.

    Attributes:
        dashes: lengths of line and gap as SVG and matplotlib take them; empty: a solid line.
        marker: matplotlib's marker letter.
        control: whether the row is a control's.
    """

    colour: str
    dashes: str
    marker: str
    control: bool = False

    @property
    def dash_lengths(self) -> tuple[float, ...]:
        """`dashes` as numbers; empty for a solid line."""
        return tuple(float(length) for length in self.dashes.split())

    @property
    def line(self) -> str | tuple[int, tuple[float, ...]]:
        """Matplotlib's `linestyle`."""
        return (0, self.dash_lengths) if self.dashes else "-"


def detector_colour(name: str, *, control: bool = False) -> str:
    """The colour of a detector: by its name alone, so that it is the same in every run and figure.

    There are fewer colours than detectors; those that share one differ in dashes and markers.
    """
    digest = hashlib.sha256(f"{SALT} {name}".encode()).digest()
    colours = GREYS if control else PALETTE
    return colours[digest[0] % len(colours)]


def row_styles(board: Leaderboard, detectors: Sequence[str]) -> dict[str, RowStyle]:
    """Styles by row; `detectors` in the run's order, so that a new row changes no other."""
    controls = {entry.detector.name for entry in board.entries if entry.control}
    learned = [name for name in detectors if name not in controls]
    grey = [name for name in detectors if name in controls]
    colours = {name: detector_colour(name, control=name in controls) for name in detectors}
    # how many earlier detectors have the same colour
    turns = {
        name: [colours[other] for other in learned[:place]].count(colours[name])
        for place, name in enumerate(learned)
    }
    styles: dict[str, RowStyle] = {}
    seen: dict[str, int] = {}
    for entry in board.entries:
        name = entry.detector.name
        place = seen[name] = seen.get(name, -1) + 1
        if name in controls:
            index = grey.index(name) + place
            styles[entry.row] = RowStyle(
                colours[name],
                DASHES[index % len(DASHES)],
                MARKERS[index % len(MARKERS)],
                control=True,
            )
        else:
            turn = turns[name]
            marker = MARKERS[(turn + learned.index(name) + place) % len(MARKERS)]
            styles[entry.row] = RowStyle(colours[name], ROUNDS[turn % len(ROUNDS)], marker)
    return styles
