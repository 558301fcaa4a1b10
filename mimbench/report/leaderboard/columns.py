"""The columns of the leaderboard: one object each, which every form of the table goes through.

To add a column, add an object to `COLUMNS`, or to `ROW_COLUMNS` if it says one thing of a row
rather than one of each group. It is in leaderboard.csv then, and in every form that it has a
heading for. A metric with a heading has its column without further ado.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mimbench.report.leaderboard.groups import Group
from mimbench.report.leaderboard.lookup import CLEAN_CELL, MEAN_CELL, Estimate, Measure
from mimbench.report.leaderboard.notes import standing_note
from mimbench.report.leaderboard.values import Value, cell_text
from mimbench.statistics.core.estimate import Estimate as Difference
from mimbench.statistics.tables.definitions import METRICS, Metric, metric

if TYPE_CHECKING:
    from mimbench.report.leaderboard.entries import Entry, Leaderboard

__all__ = [
    "AUROC",
    "COLUMNS",
    "ROW_COLUMNS",
    "Column",
    "RowColumn",
    "column_of",
    "measures",
    "with_values",
]


@dataclass(frozen=True, kw_only=True)
class Headings:
    """Titles of a column; a form of the table without one leaves the column out.

    Attributes:
        name: in leaderboard.csv.
        terminal: for the terminal, where a line has few letters.
        markdown: for leaderboard.md.
        latex: for leaderboard.tex.
        page: for index.html.
        explanation: shown on the page when the pointer rests on the heading.
        more: whether the page hides the column until the reader asks for more measures.
    """

    name: str
    terminal: str = ""
    markdown: str = ""
    latex: str = ""
    page: str = ""
    explanation: str = ""
    more: bool = True

    @property
    def part(self) -> str:
        """Which part of the page's table the column belongs to."""
        return "detail-more" if self.more else "detail-main"

    @property
    def ascending(self) -> bool:
        """Whether the page sorts it from the lowest up first."""
        return True


@dataclass(frozen=True, kw_only=True)
class Column(Headings):
    """What is said of a row on a group of categories; for all but `AUROC`, the primary group.

    Attributes:
        measure: where the value is in the metrics table; None if `value` computes it.
        value: of an entry on a group; by default the estimate of `measure`.
        meaning: one phrase that explains the terminal's heading.
        missing: what stands where there is no value.
        open_set: whether leaderboard.csv has it for groups of the open-set question too.
    """

    measure: Measure | None = None
    value: "Callable[[Entry, Group], Value] | None" = None
    meaning: str = ""
    missing: str = ""
    open_set: bool = True

    @property
    def ascending(self) -> bool:
        """Whether the page sorts it from the lowest up first: where lower is better."""
        return self.measure is None or metric(self.measure.metric).lower_is_better

    @property
    def of_corrupted(self) -> bool:
        """Whether it speaks of corrupted images."""
        return self.measure is not None and self.measure.condition != CLEAN_CELL

    def of(self, entry: "Entry", group: Group | None) -> Value:
        """The value of an entry, None where there is none."""
        if group is None:
            return None
        return entry.cell(group, self.name) if self.value is None else self.value(entry, group)

    def text(self, entry: "Entry", group: Group | None) -> str:
        """The value in Markdown and LaTeX, and on the page where it has no interval."""
        value = self.of(entry, group)
        return self.missing if value is None else cell_text(value)

    def csv(self, entry: "Entry", group: Group) -> dict[str, object]:
        """The cells of leaderboard.csv: `<group>:<name>`, and what stands beside an estimate."""
        name, value = f"{group.slug}:{self.name}", self.of(entry, group)
        if isinstance(value, Estimate | Difference):
            return {
                name: value.value,
                f"{name}_low": value.low,
                f"{name}_high": value.high,
                f"{name}_caution": value.caution,
            }
        return {} if value is None else {name: value}


@dataclass(frozen=True, kw_only=True)
class RowColumn(Headings):
    """What is said of a row as a whole.

    Attributes:
        value: of an entry.
        in_csv: whether leaderboard.csv of a board has it.
    """

    value: "Callable[[Entry, Leaderboard], Value]"
    in_csv: "Callable[[Leaderboard], bool]" = lambda board: True

    def text(self, entry: "Entry", board: "Leaderboard") -> str:
        """The value in every form but leaderboard.csv."""
        return cell_text(self.value(entry, board))


def measures() -> Iterator[tuple[str, Measure]]:
    """Name and measure of each column that is taken from the metrics table."""
    return ((column.name, column.measure) for column in COLUMNS if column.measure is not None)


def with_values(
    columns: Iterable[Column], entries: "Iterable[Entry]", group: Group | None
) -> list[Column]:
    """Columns without those of estimates that no entry has, as the drop where nothing is corrupted.

    Args:
        columns: to choose from.
        entries: the rows.
        group: that they are about.
    """
    entries = list(entries)

    def said(column: Column, entry: "Entry") -> bool:
        value = column.of(entry, group)
        return value.exists if isinstance(value, Estimate) else column.text(entry, group) != ""

    return [column for column in columns if any(said(column, entry) for entry in entries)]


def column_of(own: Metric) -> Column:
    """The column of a metric's value on clean images, in every form but the narrow terminal."""
    return Column(
        name=own.name,
        measure=Measure(own.name, kind=own.title),
        markdown=own.column,
        latex=own.column,
        page=own.column,
        explanation=f"{own.title[:1].upper()}{own.title[1:]}, clean images",
    )


def _count(name: str) -> Column:
    """How many images, patients or fits the clean AUROC is over."""
    return Column(name=name, value=lambda entry, group: _of_auroc(entry, group, name))


def _of_auroc(entry: "Entry", group: Group, field: str) -> Value:
    estimate = entry.cell(group, AUROC.name)
    found: Value = None if estimate is None else getattr(estimate, field)
    return found


def _spread(name: str, title: str, over: str, markdown: str = "") -> Column:
    """Standard deviation of the clean AUROC, n/a with fewer than two."""
    return Column(
        name=name,
        value=lambda entry, group: _of_auroc(entry, group, name),
        missing="n/a",
        markdown=markdown,
        page=title,
        explanation=f"Standard deviation of the clean AUROC over {over}",
    )


def _by_tone(field: str, name: str, title: str, explanation: str) -> Column:
    """A number of `Entry.tones`; without a gap between tones there is no such column."""

    def value(entry: "Entry", group: Group) -> Value:
        found = entry.tones.get(group)
        return None if found is None else getattr(found, field)

    return Column(
        name=name, value=value, open_set=False, markdown=title, page=title, explanation=explanation
    )


AUROC = Column(
    name="auroc",
    measure=Measure("auroc"),
    terminal="AUROC",
    markdown="AUROC",
    latex="AUROC",
    page="AUROC",
)

COLUMNS = (
    Column(
        name="against_controls",
        value=lambda entry, group: entry.standing(group),
        open_set=False,
    ),
    Column(name="minus_control", value=lambda entry, group: entry.over_control.get(group)),
    Column(name="minus_best", value=lambda entry, group: entry.over_best.get(group)),
    AUROC,
    Column(
        name="fpr95_target",
        measure=Measure("fpr95_target", kind="FPR@95TPR"),
        terminal="FPR\n@95",
        meaning="FPR@95 (target positive, clean)",
        markdown="FPR@95TPR target positive",
        page="FPR@95TPR",
        explanation=(
            "Target positive: share of other images accepted when 95 % of the target is accepted"
        ),
        more=False,
    ),
    Column(
        name="fpr95_ood",
        measure=Measure("fpr95_ood", kind="FPR@95TPR"),
        markdown="FPR@95TPR OOD positive",
        page="FPR@95TPR, OOD positive",
        explanation="Share of target images refused when 95 % of the other images are refused",
    ),
    Column(
        name="auroc_corrupted",
        measure=Measure("auroc", MEAN_CELL),
        markdown="corrupted AUROC",
        page="corrupted AUROC",
        explanation="Mean over all corruptions and severities",
    ),
    Column(
        name="drop",
        measure=Measure("auroc_drop", MEAN_CELL),
        terminal="drop",
        meaning="drop (both sides corrupted)",
        markdown="drop",
        latex="AUROC drop",
        page="drop",
        explanation="Clean AUROC minus mean AUROC, target and other images corrupted",
        more=False,
    ),
    Column(
        name="drop_target_only",
        measure=Measure("auroc_drop", MEAN_CELL, "target-only"),
        page="drop, target only",
        explanation="Clean AUROC minus mean AUROC, only targets corrupted",
    ),
    _by_tone("worst", "worst_skin_tone", "AUROC, worst skin tone", "Lowest AUROC of a skin tone"),
    _by_tone("gap", "skin_tone_gap", "skin tone gap", "AUROC of the best minus the worst tone"),
    *(column_of(own) for own in METRICS if own.column),
    *map(_count, ("n_other", "n_other_patients", "n_target", "n_target_patients", "n_fits")),
    _spread("fold_sd", "fold sd", "folds", markdown="fold sd"),
    _spread("seed_sd", "seed sd", "seeds"),
)

ROW_COLUMNS = (
    RowColumn(name="row", value=lambda entry, _: entry.row),
    RowColumn(name="detector", value=lambda entry, _: entry.detector.name),
    RowColumn(name="family", value=lambda entry, _: entry.detector.family),
    RowColumn(name="control", value=lambda entry, _: entry.control),
    RowColumn(name="asks", value=lambda entry, _: entry.detector.asks(entry.row)),
    RowColumn(name="headline", value=lambda entry, _: entry.headline),
    RowColumn(name="input_size", value=lambda entry, _: entry.detector.input_size),
    RowColumn(name="status", value=lambda entry, _: "ok"),
    RowColumn(
        name="corrupted_at",
        value=lambda _, board: board.corrupted_at,
        in_csv=lambda board: board.corrupted_at != "",
    ),
    RowColumn(
        name="standing",
        value=standing_note,
        markdown="against controls",
        in_csv=lambda board: False,
    ),
)
