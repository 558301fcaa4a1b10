"""A section of the page is one object: in the page and its list once a file holds it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from synthetic_run import write_synthetic_run

from mimbench.report import write_report
from mimbench.report.page import sections
from mimbench.report.page.sections import all_sections
from mimbench.report.page.sections.section import MOST_ROWS, table_section
from mimbench.scores.tables import RunTables

OWN = """
import pandas as pd

from mimbench.report.page.sections.section import table_section


def _table(page):
    sizes = {entry.row: entry.detector.input_size for entry in page.board.entries}
    return pd.DataFrame({"score": sizes.keys(), "input_size": sizes.values(), "caution": "none"})


SECTIONS = (
    table_section(
        id="sizes",
        nav="Sizes",
        order=45,
        title="Sizes & more",
        words="What detectors see.",
        table=_table,
        findings=lambda page: [f"{len(page.rows)} headline scores."],
    ),
)
"""


@pytest.fixture
def one_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A file in the folder of sections."""
    (tmp_path / "own_sizes.py").write_text(OWN)
    monkeypatch.setattr(sections, "__path__", [*sections.__path__, str(tmp_path)])
    yield
    sys.modules.pop("mimbench.report.page.sections.own_sizes", None)


def test_a_file_in_the_folder_is_a_section(
    one_more: None, tables: RunTables, tmp_path: Path
) -> None:
    scores = tables.scores[tables.scores["corruption"] == "clean"]
    folder = write_synthetic_run(tmp_path / "run", RunTables(scores, tables.fits, tables.images))
    page = write_report(folder).page.read_text()
    places = [page.index(f'<section id="{name}">') for name in ("categories", "sizes", "limits")]
    assert places == sorted(places)
    links = [page.index(f'<li><a href="#{name}">') for name in ("categories", "sizes", "limits")]
    assert links == sorted(links)
    own = page[places[1] :].partition("</section>")[0]
    assert "<h2>Sizes &amp; more</h2>" in own
    assert "4 headline scores." in own
    assert '<th scope="col">input size</th>' in own
    assert "caution" not in own


def test_a_section_without_data_is_neither_shown_nor_listed(
    tables: RunTables, tmp_path: Path
) -> None:
    scores = tables.scores[tables.scores["corruption"] == "clean"]
    folder = write_synthetic_run(tmp_path / "run", RunTables(scores, tables.fits, tables.images))
    page = write_report(folder).page.read_text()
    for name in ("degradation", "subgroups", "training"):
        assert f'id="{name}"' not in page
        assert f'href="#{name}"' not in page
    linked = [name for name in all_ids() if f'<li><a href="#{name}">' in page]
    assert linked == [name for name in all_ids() if f'<section id="{name}">' in page]
    assert {"leaderboard", "categories", "limits", "reproduce"} <= set(linked)


def all_ids() -> list[str]:
    return [section.id for section in all_sections()]


def test_ids_and_places_are_distinct() -> None:
    orders = [section.order for section in all_sections()]
    assert len(set(all_ids())) == len(all_ids())
    assert len(set(orders)) == len(orders)


def test_a_long_table_is_cut_and_says_where_the_rest_is() -> None:
    table = pd.DataFrame({"value": range(MOST_ROWS + 3)})
    section = table_section(
        id="long", nav="", order=0, title="", words="", table=lambda page: table
    )
    data = section.data(None)
    assert len(data["lines"]) == MOST_ROWS
    assert data["more"] == 3
