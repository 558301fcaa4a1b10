"""Runs side by side on a terminal, within 80 columns."""

from collections.abc import Iterator
from textwrap import wrap

from rich import box
from rich.console import Group as Lines
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from mimbench.report.comparison.rows import RunComparison
from mimbench.report.comparison.wording import (
    answer,
    facts,
    groups,
    header,
    lines_of,
    notes,
    title,
)
from mimbench.report.leaderboard.groups import Group

__all__ = ["comparison_text"]

SHOWN = 8  # differences of one part
HEADING = 9  # characters of a run's name above its numbers


def comparison_text(made: RunComparison) -> RenderableType:
    """The answer, what differs, a table for each group of images, and how to read it."""
    return Lines(
        Text(title(made), style="bold"),
        *(Text(words) for _, words in answer(made)),
        *map(Text, _facts(made)),
        *(_table(made, group) for group in groups(made)),
        *map(Text, notes(made)),
    )


def _facts(made: RunComparison) -> Iterator[str]:
    for part, own in facts(made):
        said = own[:SHOWN] + [f"and {len(own) - SHOWN} more; see --html"] * (len(own) > SHOWN)
        yield f"{part}: {'; '.join(said) or 'no difference'}"


def _table(made: RunComparison, group: Group) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.title, table.title_justify = f"AUROC against {group.label}", "left"
    for place, name in enumerate(header(made)):
        if place < 2:
            table.add_column(name, overflow="fold")
        else:
            lines = wrap(name, HEADING) if name in made.names else [name]
            table.add_column(Text("\n".join(lines)), justify="right", no_wrap=True)
    for cells, clear in lines_of(made, group):
        table.add_row(*map(Text, cells), style="bold" if clear else "")
    return table
