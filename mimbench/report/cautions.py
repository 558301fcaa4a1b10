"""What a reader must not conclude from a run."""

from mimbench.report.leaderboard.columns import measures
from mimbench.report.leaderboard.entries import Entry, Leaderboard
from mimbench.report.page.sections.validation import untaught
from mimbench.runfolder.reading import RunFolder

__all__ = ["cautions"]


def cautions(run: RunFolder, board: Leaderboard, kinds: tuple[str, ...] = ()) -> tuple[str, ...]:
    """What a reader must not conclude from this run.

    Args:
        run: the run.
        board: its leaderboard.
        kinds: the measures of which missing numbers and intervals are named; empty: all.
    """
    found = []
    if run.description:
        found.append(f"What the run file says of this run: {run.description}")
    if run.generated:
        found.append(
            "All images are generated. What separates them need not separate photos of people."
        )
    if run.phantom:
        found.append(
            "The phantom was built so that complexity, colour and the raw error of an untrained "
            "inpainter are near chance. A raw error near 0.5 follows from that; it is no finding."
        )
    found += run.doubts
    if run.info.rounding:
        found.append(run.info.rounding)
    found += untaught(run.tables)
    if run.tables.folds <= 1:
        found.append(
            "One split: a single division of the patients cannot show how much the numbers change "
            "from split to split. Run with --folds 3 to see the fold-to-fold spread."
        )
    if board.entries and not any(entry.control for entry in board.entries):
        found.append(
            "No control was run, so nothing here shows that a detector uses more than image "
            "statistics. Add the control recipes to see what they reach."
        )
    found += [f"{row.name}: {row.description}" for row in run.info.added]
    found += [
        f"{entry.row} was made elsewhere and lies below 0.5 in every group. A higher score must "
        "mean less like the target; if its sign was meant the other way round, mend the file. "
        "Here it is printed as it is."
        for entry in board.entries
        if entry.detector.elsewhere and _inverted(entry, board)
    ]
    found += _missing(board, kinds)
    if len(run.rejected):
        found.append(
            f"Images that could not be read and were left out: {len(run.rejected)}. They are "
            "listed in rejected.csv and in the section Limits of index.html."
        )
    return tuple(found)


def _inverted(entry: Entry, board: Leaderboard) -> bool:
    """Whether a row is below a coin toss everywhere, and where it counts beyond chance."""
    cells = [entry.cell(group, "auroc") for group in board.groups]
    primary = entry.cell(board.primary, "auroc")
    return (
        primary is not None
        and (primary.high if primary.has_interval else primary.value) < 0.5
        and all(cell.value < 0.5 for cell in cells if cell is not None and cell.exists)
    )


def _missing(board: Leaderboard, kinds: tuple[str, ...]) -> list[str]:
    """Which measures lack a number or an interval, why, and in which groups."""
    kind_of = {name: measure.kind for name, measure in measures()}
    gaps: dict[tuple[str, str], dict[str, None]] = {}
    for entry in board.entries:
        for group, cells in entry.cells.items():
            for measure, estimate in cells.items():
                kind = kind_of[measure]
                if estimate.reason and (kind in kinds or not kinds):
                    what = "No interval" if estimate.exists else "No number"
                    places = gaps.setdefault((f"{what} for {kind}", estimate.reason), {})
                    places[group.label] = None
    return [f"{what}: {reason} ({'; '.join(places)})." for (what, reason), places in gaps.items()]
