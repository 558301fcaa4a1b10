"""One colour per detector, one marker per score; controls are grey and dashed."""

from collections.abc import Sequence
from dataclasses import dataclass

from mimbench.report.leaderboard.entries import Leaderboard

__all__ = ["RowStyle", "row_styles"]

# Distinct with red-green blindness, and at least 3:1 against white and near-black paper; more
# colours that are both there are not, so that further detectors repeat them with dashes.
PALETTE = ("#0a78c2", "#d55e00", "#009e73", "#b8639a", "#5a52f0", "#d01045")
ROUNDS = ("", "7 1.5", "7 1.5 1.5 1.5", "1.5 1.5")
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


def row_styles(board: Leaderboard, detectors: Sequence[str]) -> dict[str, RowStyle]:
    """Styles by row; `detectors` in the run's order, so that a new row recolours no other."""
    controls = {entry.detector.name for entry in board.entries if entry.control}
    learned = [name for name in detectors if name not in controls]
    colours = {name: PALETTE[i % len(PALETTE)] for i, name in enumerate(learned)}
    grey = [name for name in detectors if name in controls]
    styles: dict[str, RowStyle] = {}
    seen: dict[str, int] = {}
    for entry in board.entries:
        name = entry.detector.name
        place = seen[name] = seen.get(name, -1) + 1
        if name in controls:
            index = grey.index(name)
            styles[entry.row] = RowStyle(
                GREYS[index % len(GREYS)],
                DASHES[(index + place) % len(DASHES)],
                MARKERS[(index + place) % len(MARKERS)],
                control=True,
            )
        else:
            index = learned.index(name)
            turn = index // len(PALETTE)
            marker = MARKERS[(turn + index + place) % len(MARKERS)]
            styles[entry.row] = RowStyle(colours[name], ROUNDS[turn % len(ROUNDS)], marker)
    return styles
