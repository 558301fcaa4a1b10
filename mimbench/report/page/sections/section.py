"""What a section of the page is, and what it may show."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from mimbench.claims import Verdict, verdicts_of
from mimbench.report.added_detectors import added_lines
from mimbench.report.answer import Answer, Line, answer_of
from mimbench.report.figures.draw import Drawing
from mimbench.report.figures.styles import RowStyle
from mimbench.report.leaderboard.entries import Leaderboard
from mimbench.report.page.payload import page_payload
from mimbench.report.results import Results
from mimbench.runfolder.reading import RunFolder

__all__ = ["Page", "Section", "table_section"]

Data = Mapping[str, Any]
MOST_ROWS = 200  # of a table on the page; its file has all


@dataclass(frozen=True)
class Page:
    """What sections are made from.

    Attributes:
        run: the run's folder.
        results: its tables.
        styles: how each row is drawn.
        drawings: the figures in files.
    """

    run: RunFolder
    results: Results
    styles: Mapping[str, RowStyle]
    drawings: Sequence[Drawing]

    @property
    def board(self) -> Leaderboard:
        """The leaderboard."""
        return self.results.board

    @cached_property
    def rows(self) -> list[str]:
        """The headline scores, in the order of the leaderboard."""
        return [entry.row for entry in self.board.entries if entry.headline]

    @cached_property
    def verdicts(self) -> tuple[Verdict, ...]:
        """What `mimbench verify` said of the run."""
        return verdicts_of(self.run)

    @cached_property
    def answer(self) -> Answer | None:
        """What the run says first."""
        return answer_of(self.run, self.board, self.verdicts)

    @cached_property
    def added(self) -> tuple[Line, ...]:
        """What it says of detectors that the user added."""
        return added_lines(self.run, self.board, self.verdicts)

    @cached_property
    def payload(self) -> dict[str, Any]:
        """The numbers for the page's script."""
        claimed = {own.row for own in self.verdicts if own.headline}
        return page_payload(self.results.metrics, self.board, self.styles, claimed)


@dataclass(frozen=True, kw_only=True)
class Section:
    """One section of the page.

    Attributes:
        id: of its element, which links go to.
        title: its heading.
        nav: its name in the list of sections.
        order: where it stands; lower is earlier.
        open: whether the page shows it unfolded at first.
        data: what its template needs beside what all templates have (see
            `mimbench.report.page.render`); None if this run has no such section. `hint` stands
            beside the heading, `script` is what the page's script reads, by name.
        template: a file of the folder templates.
    """

    id: str
    title: str
    nav: str
    order: int
    data: Callable[[Page], Data | None]
    template: str
    open: bool = False


def table_section(
    *,
    id: str,
    nav: str,
    order: int,
    title: str,
    words: str,
    table: Callable[[Page], pd.DataFrame | None],
    findings: Callable[[Page], Sequence[str]] = lambda page: (),
) -> Section:
    """A section of one table, with its figures if there are any; it needs no template of its own.

    Args:
        id: of the section; also the kind of its figures, and the name of the CSV file that has
            what a long table leaves out.
        nav: its name in the list of sections.
        order: where it stands.
        title: heading.
        words: what the table shows, in a few sentences.
        table: text and numbers as they are printed; a column `caution` is left out. The run has no
            such section if it is empty or None.
        findings: sentences that say what it shows.
    """

    def data(page: Page) -> Data | None:
        found = table(page)
        if found is None or found.empty:
            return None
        shown = found.drop(columns="caution", errors="ignore").head(MOST_ROWS)
        return {
            "stem": id,
            "title": title,
            "words": words,
            "findings": findings(page),
            "columns": [str(column).replace("_", " ") for column in shown.columns],
            "lines": [tuple(map(str, row)) for row in shown.to_numpy(object)],
            "more": len(found) - len(shown),
        }

    return Section(id=id, title=title, nav=nav, order=order, data=data, template="table.html.j2")
