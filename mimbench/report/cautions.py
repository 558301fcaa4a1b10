"""What a reader must not conclude from a run."""

from collections.abc import Collection, Iterator

import pandas as pd

from mimbench.recipes import names, read_recipe
from mimbench.report.leaderboard.columns import measures
from mimbench.report.leaderboard.entries import Entry, Leaderboard
from mimbench.report.leaderboard.lookup import rounded
from mimbench.runfolder.reading import RunFolder
from mimbench.scores.splits import test_masks
from mimbench.scores.tables import RunTables
from mimbench.statistics.tables.subgroups import FEWEST_PATIENTS
from mimbench.statistics.tables.validation import validation_table
from mimbench.text import counted

__all__ = [
    "cautions",
    "few_targets",
    "guessing",
    "of_table",
    "shortened",
    "single_split_note",
    "told_by_checks",
    "untaught",
]

NO_OTHERS = (
    "All images are of the target, so there is no AUROC and no leaderboard. Add images of anything "
    "else with --data, --unknown or --abnormal."
)


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
            "inpainter are near chance. A raw error near 0.5 follows from that and shows nothing."
        )
    found += run.doubts
    found += told_by_checks(run)
    if run.info.rounding:
        found.append(run.info.rounding)
    found += filter(None, [single_split_note(run, board)])
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


def single_split_note(run: RunFolder, board: Leaderboard) -> str:
    """What one split cannot show; empty if there are more."""
    if run.tables.folds > 1 or not board.groups:
        return ""
    return (
        "One split: a single division of the patients cannot show how much the numbers change from "
        "split to split. Run with three or more folds (--folds) to see that spread."
    )


def told_by_checks(run: RunFolder) -> tuple[str, ...]:
    """Those of the cautions that the checks of a run tell as well."""
    short = (f"{words}. Such a row does not speak for its recipe." for words in shortened(run))
    return (*few_targets(run.tables), *short, *untaught(run.tables))


def shortened(run: RunFolder, only: Collection[str] | None = None) -> Iterator[str]:
    """The detectors that were trained for fewer steps than today's recipe of their name, if any.

    Args:
        run: its folder.
        only: names of detectors; by default all.
    """
    found = []
    for detector in run.detectors.values():
        if only is not None and detector.name not in only:
            continue
        if detector.name in names("baselines"):
            recipe = read_recipe(detector.name)
            usual = recipe.parameters.get("steps", 0)
            steps = detector.parameters.get("steps", usual)
            same = detector.detector in ("", recipe.detector)
            if same and isinstance(steps, int) and steps < usual:
                found.append(f"{detector.name} {steps} of {usual}")
    if found:
        yield f"Trained for fewer steps than today's recipe says: {', '.join(found)}"


def of_table(run: RunFolder, board: Leaderboard, rows: Collection[str]) -> tuple[str, ...]:
    """What a table for a publication must say of the run, and of the training of its rows.

    Args:
        run: its folder.
        board: of the run.
        rows: of the table; none: the headline rows.
    """
    shown = [one for one in board.entries if (one.row in rows if rows else one.headline)]
    detectors = {entry.detector.name for entry in shown}
    found = ["All images are generated."] * run.generated
    return (*found, *(f"{words}." for words in shortened(run, detectors)))


def few_targets(tables: RunTables) -> list[str]:
    """A sentence if hardly any patient of the target is tested, or if there is nothing else."""
    images = tables.images
    if not (images["role"] != "target").any():
        return [NO_OTHERS]
    tested = test_masks(images).any(axis=0) & (images["role"] == "target").to_numpy()
    patients = images.loc[tested, "patient"].nunique()
    if patients >= FEWEST_PATIENTS or not tested.any():
        return []
    return [
        f"Only {counted(patients, 'target patient', 'is')} tested. Fewer than "
        f"{FEWEST_PATIENTS} are too few to read anything into these numbers, whatever their "
        "intervals say."
    ]


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


def guessing(tables: RunTables) -> dict[str, tuple[int, int]]:
    """Classifiers with fits that do no better than guessing: how many fits, and of how many."""
    return {name: (len(low), len(fits)) for name, low, fits, _ in _guessing(tables)}


def untaught(tables: RunTables) -> tuple[str, ...]:
    """One sentence per classifier with fits that do no better than guessing on validation images.

    Guessing one of the target and known categories has a balanced accuracy of one over their
    number.
    """
    sentences = []
    for name, low, fits, categories in _guessing(tables):
        best, guess = rounded(low["balanced_accuracy"].max()), rounded(1 / categories)
        if len(low) == len(fits):
            reached = "at most " * (len(fits) > 1) + best
            sentences.append(
                f"{name} does not separate the {categories} categories that it was trained on: on "
                f"its validation images it reached a balanced accuracy of {reached}, and guessing "
                f"reaches {guess}. Its rows do not speak for a classifier that was trained long "
                "enough."
            )
        else:
            sentences.append(
                f"{name}: {len(low)} of {len(fits)} trained models do not separate the "
                f"{categories} categories that they were trained on. On their validation images "
                f"they reached a balanced accuracy of at most {best}, and guessing reaches {guess}."
            )
    return tuple(sentences)


def _guessing(tables: RunTables) -> Iterator[tuple[str, pd.DataFrame, pd.DataFrame, int]]:
    """Name, validation results of the fits that guess, those of all fits, number of categories."""
    table = validation_table(tables.fits[tables.main_fits])
    if "balanced_accuracy" not in table:
        return
    seen = tables.images["role"].isin(["target", "known"])
    categories = int(tables.images.loc[seen, "category"].nunique())
    for name, fits in table.dropna(subset="balanced_accuracy").groupby("detector", sort=False):
        low = fits[fits["balanced_accuracy"] <= 1 / categories]
        if len(low):
            yield str(name), low, fits, categories
