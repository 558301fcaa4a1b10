"""What a reader of a run's report relies on."""

import dataclasses
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from rich.console import Console
from synthetic_run import RUN_INFO, write_synthetic_run

from mimbench.api import open_run
from mimbench.errors import MimbenchError, OutputError
from mimbench.report import Report, build, write_report
from mimbench.report.added_detectors import added_lines
from mimbench.report.cautions import few_targets, shortened
from mimbench.report.figures import draw
from mimbench.report.figures.panels import save_figure
from mimbench.report.figures.roc import operating_points
from mimbench.report.figures.samples import clean_samples, mean_roc
from mimbench.report.figures.training import loss_curves
from mimbench.report.leaderboard.groups import Group
from mimbench.report.leaderboard.lookup import rounded
from mimbench.report.leaderboard.paired_differences import PairedDifferences
from mimbench.report.leaderboard.printed import (
    CONTROL,
    leaderboard_table,
    of_claims,
    without_spare_controls,
)
from mimbench.report.leaderboard.publication import Choice, board_table
from mimbench.report.leaderboard.publication_formats import as_latex, latex_text
from mimbench.report.leaderboard.terminal import printed_board
from mimbench.report.leaderboard.ties import UNCLEAR
from mimbench.report.page.payload import _thousandths
from mimbench.report.results import Results
from mimbench.report.subgroups import write_subgroups
from mimbench.runfolder.info import DetectorInfo
from mimbench.runfolder.reading import RunFolder, read_run
from mimbench.scores.tables import RunTables
from mimbench.statistics.core.cautions import MARK, mark_of
from mimbench.text import counted

KNOWN = Group("known", "same-source")
UNKNOWN = Group("unknown", "other-source")


def page_of(report: Report) -> str:
    return report.page.read_text(encoding="utf-8")


def test_all_files_of_a_report_are_written(report: Report) -> None:
    names = {path.name for path in report.folder.iterdir()}
    assert {"metrics.parquet", "leaderboard.csv", "leaderboard.md", "index.html"} <= names
    figures = {path.name for path in (report.folder / "figures").iterdir()}
    for stem in ("degradation_known_same-source_both", "categories", "roc", "distributions"):
        assert {f"{stem}.png", f"{stem}.svg"} <= figures


def test_large_tables_take_the_place_of_what_they_were_before(
    report: Report, tmp_path: Path
) -> None:
    (tmp_path / "metrics.csv").write_text("row,value\n")
    report.results.write(tmp_path)
    assert {"metrics.parquet", "robustness.parquet"} <= {p.name for p in tmp_path.iterdir()}
    assert not (tmp_path / "metrics.csv").exists()


def test_leaderboard_repeats_the_numbers_of_the_metrics_table(report: Report) -> None:
    metrics = pd.read_parquet(report.folder / "metrics.parquet")
    board = pd.read_csv(report.folder / "leaderboard.csv").set_index("row")
    clean = metrics[(metrics["corruption"] == "clean") & (metrics["category"] == "")]
    clean = clean[clean["question"] == "detection"]
    compared = 0
    for line in clean.itertuples():
        column = f"{line.role}_{line.relation}:{line.metric}"
        if line.row in board.index and column in board and np.isfinite(line.value):
            assert board.loc[line.row, column] == pytest.approx(line.value, abs=1e-12)
            compared += 1
    assert compared == 6 * 3 * 3  # rows x groups x (AUROC and two FPR conventions)


def test_leaderboard_is_sorted_by_one_group_with_headline_scores_first(report: Report) -> None:
    entries = report.board.entries
    assert report.board.primary == UNKNOWN
    headline = [entry for entry in entries if entry.headline]
    assert [entry.headline for entry in entries] == sorted(
        (entry.headline for entry in entries), reverse=True
    )
    values = [entry.cells[UNKNOWN]["auroc"].value for entry in headline]
    assert values == sorted(values, reverse=True)


def test_scores_that_ask_the_open_set_question_are_labelled(report: Report) -> None:
    asks = pd.read_csv(report.folder / "leaderboard.csv").set_index("row")["asks"]
    assert asks["resnet18/msp"] == "open-set"
    assert set(asks.drop("resnet18/msp").dropna()) == {"detection"}
    markdown = (report.folder / "leaderboard.md").read_text()
    assert "| resnet18/msp (open-set) |" in markdown
    assert markdown.count("(open-set) |") == 1
    page = (report.folder / "index.html").read_text()
    assert page.count('<span class="badge">open-set</span>') == 1


def test_a_row_below_the_best_control_is_marked_in_words(report: Report) -> None:
    by_row = {entry.row: entry for entry in report.board.entries}
    control, value = report.board.best_control[UNKNOWN]
    assert control == "histogram"
    assert by_row["mim/residual"].cells[UNKNOWN]["auroc"].value < value
    assert by_row["mim/residual"].standing(UNKNOWN) == "not above"
    assert by_row["resnet18/posterior"].standing(UNKNOWN) == "uncertain"
    assert by_row["mim/residual"].over_control[UNKNOWN].high < 0
    line = next(
        line
        for line in (report.folder / "leaderboard.md").read_text().splitlines()
        if "mim/residual" in line
    )
    assert "does not beat the controls" in line


def test_comparisons_are_paired(report: Report) -> None:
    """The interval of a difference is narrower than two intervals side by side suggest."""
    entry = report.board.entry("resnet18/msp")
    own, gap = entry.cells[UNKNOWN]["auroc"], entry.over_control[UNKNOWN]
    control = report.board.entry("histogram").cells[UNKNOWN]["auroc"]
    assert gap.value == pytest.approx(own.value - control.value, abs=1e-12)
    assert gap.high - gap.low < (own.high - own.low) + (control.high - control.low)
    assert report.board.best[UNKNOWN][0] == "resnet18/posterior"
    assert not report.board.entry("mim/residual").as_good_as_best(UNKNOWN)


def test_a_score_that_points_the_wrong_way_is_not_flipped(report: Report) -> None:
    entry = next(entry for entry in report.board.entries if entry.row == "mim/l1")
    assert entry.cells[KNOWN]["auroc"].value < 0.5
    assert f"{entry.cells[KNOWN]['auroc'].value:.2f}" in page_of(report)


def test_failures_and_rejected_images_are_shown(report: Report) -> None:
    reason = "Loss became NaN at step 3"
    assert reason in page_of(report)
    assert reason in (report.folder / "leaderboard.md").read_text()
    assert reason in (report.folder / "leaderboard.csv").read_text()
    assert "not a JPEG file" in page_of(report)
    assert "left out: 1" in page_of(report)


def test_sources_and_both_sizes_are_named(report: Report) -> None:
    header = (report.folder / "leaderboard.md").read_text().splitlines()[2]
    assert "known, same source" in header
    assert "unknown, other source" in header
    page = page_of(report)
    assert re.search(r"Working resolution</dt><dd>64 px", page)
    assert re.search(r"Detector input</dt><dd>64 px", page)


def test_page_needs_nothing_but_itself(report: Report) -> None:
    class Links(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.loaded: list[str] = []

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            for name, value in attrs:
                if name in ("src", "srcset") or (tag == "link" and name == "href"):
                    self.loaded.append(str(value))

    page = page_of(report)
    links = Links()
    links.feed(page)
    assert all(link.startswith("data:") for link in links.loaded)
    assert not re.search(r"url\((?!#)|@import", unquote(page))  # figures are quoted
    assert len(page.encode()) < 1_500_000


def test_names_from_outside_cannot_add_markup(tables: RunTables, tmp_path: Path) -> None:
    evil = '<script>alert("x")</script>'
    odd = {"acne": evil, "receipt": "[red]x[/]", "psoriasis": r"$\frac{$ & 5% \input{x}"}
    images = tables.images.replace({"category": odd})
    scores = tables.scores[tables.scores["corruption"] == "clean"]
    scores = scores.replace({"score": {"harmonic": f"harmonic/{evil}"}})
    folder = write_synthetic_run(
        tmp_path / "run", dataclasses.replace(tables, images=images, scores=scores)
    )
    info = RUN_INFO | {"name": evil, "command": evil, "notes": [evil]}
    info["run"] = {"description": evil}
    (folder / "run.json").write_text(json.dumps(info))
    write_report(folder)
    assert "<script>alert" not in (folder / "index.html").read_text()
    assert "<script>alert" not in (folder / "leaderboard.md").read_text()
    again = {path: path.read_text().splitlines() for path in (folder / "figures").glob("*.svg")}
    (folder / "figures" / "drawn.json").unlink()  # else they are not drawn again
    write_report(folder)
    for path, lines in again.items():
        assert lines == path.read_text().splitlines(), f"{path.name} must be reproducible"


def test_figures_are_drawn_again_only_if_their_numbers_or_files_changed(
    report: Report, tables: RunTables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(report.folder, tmp_path / "run")
    whole = {path: path.read_bytes() for path in (folder / "figures").iterdir()}
    drawn = []

    def save(figure: Figure, stem: Path) -> None:
        drawn.append(stem.name)
        save_figure(figure, stem)

    monkeypatch.setattr(draw, "save_figure", save)
    write_report(folder)
    assert drawn == []
    (folder / "figures" / "roc.png").write_bytes(b"damaged")
    (folder / "figures" / "categories.svg").unlink()
    write_report(folder)
    assert drawn == ["categories", "roc"]
    assert {path: path.read_bytes() for path in (folder / "figures").iterdir()} == whole

    scores = tables.scores.assign(value=-tables.scores["value"])
    other = write_synthetic_run(tmp_path / "other", dataclasses.replace(tables, scores=scores))
    shutil.copytree(folder / "figures", other / "figures")
    write_report(other)
    assert {"categories", "roc", "distributions"} <= set(drawn[2:])


def test_one_split_is_cautioned_without_numbers(tables: RunTables, tmp_path: Path) -> None:
    one = tables.fits["fold"].isna() | (tables.fits["fold"] == 0)
    fits = tables.fits[one]
    scores = tables.scores[
        tables.scores["fit_id"].isin(fits["fit_id"]) & (tables.scores["corruption"] == "clean")
    ]
    images = tables.images.drop(columns=["split_1", "split_2"])
    report = write_report(write_synthetic_run(tmp_path / "run", RunTables(scores, fits, images)))
    assert "--folds" in page_of(report)
    board = printed_board(report)
    told = ("Target: ", "One split: ")  # verdicts say how many patients and folds there are
    assert [words.startswith(told) for words in board.also_checked].count(True) == 2
    assert not any(words.startswith(told) for words in board.notes)
    assert "n/a" in (report.folder / "leaderboard.md").read_text()  # fold spread


def test_hardly_any_tested_patient_of_the_target_is_a_caution(tables: RunTables) -> None:
    images = tables.images.copy()
    splits = [name for name in images if str(name).startswith("split_")]
    target = images["role"] == "target"
    assert not few_targets(tables)
    images.loc[target, splits] = "train"
    few = images.loc[target, "patient"].drop_duplicates().iloc[:3]
    images.loc[target & images["patient"].isin(few), splits] = "test"
    (said,) = few_targets(replace(tables, images=images))
    assert "3 target patients" in said


def test_a_toy_run_says_so_before_its_numbers(tables: RunTables, tmp_path: Path) -> None:
    """Its own description, that no photo is in it, and which classifier only guesses."""
    scores = tables.scores[tables.scores["corruption"] == "clean"]
    quality = np.where(
        tables.fits["detector"] == "resnet18", json.dumps({"balanced_accuracy": 0.32}), ""
    )
    images = tables.images.assign(format="generated")
    toy = RunTables(scores, tables.fits.assign(quality=quality), images)
    folder = write_synthetic_run(tmp_path / "run", toy)
    about = "To look around, not to conclude."
    (folder / "run.json").write_text(json.dumps(RUN_INFO | {"run": {"description": about}}))
    report = write_report(folder)
    page = page_of(report)
    assert page.index(about) < page.index("All images of this run are generated")
    assert page.index("no photo is among them") < page.index('id="leaderboard"')
    first = page.index("<li>", page.index('id="limits"'))
    assert page.index(about, first) - first < 60
    guessing = "resnet18 does not separate the 3 categories"  # 1/3 by guessing
    assert page.count(guessing) == 2  # beside the validation table and among the limits
    assert "phantom" not in page, "other generated images make no such promise"
    assert "generated" not in page_of(write_report(_photos(tmp_path / "photos", toy)))


def test_a_run_on_the_phantom_says_that_raw_error_is_at_chance_by_construction(
    tables: RunTables, tmp_path: Path
) -> None:
    clean = tables.scores[tables.scores["corruption"] == "clean"]
    images = tables.images.assign(format="generated", dataset="phantom")
    report = write_report(
        write_synthetic_run(tmp_path / "run", RunTables(clean, tables.fits, images))
    )
    page = page_of(report)
    limits = page[page.index('id="limits"') :]
    assert re.search(r"phantom was built so that[^<]*raw error[^<]*near chance", limits)


def _photos(folder: Path, toy: RunTables) -> Path:
    """The same of photos, with classifiers that learned something."""
    quality = toy.fits["quality"].replace(json.dumps({"balanced_accuracy": 0.32}), "")
    images = toy.images.assign(format="JPEG")
    fits = toy.fits.assign(quality=quality)
    return write_synthetic_run(folder, RunTables(toy.scores, fits, images))


def test_tables_from_elsewhere_need_no_run_metadata(tables: RunTables, tmp_path: Path) -> None:
    scores = tables.scores[tables.scores["corruption"] == "clean"]
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    RunTables(scores, tables.fits, tables.images).write(folder)
    report = write_report(folder)
    assert all(entry.headline for entry in report.board.entries)
    assert "elsewhere" in page_of(report)


def test_terminal_table_fits_100_columns(report: Report) -> None:
    console = Console(width=100, record=True, file=StringIO())
    console.print(leaderboard_table(printed_board(report)))
    lines = console.export_text().splitlines()
    assert max(len(line) for line in lines) <= 100
    assert not any("\r" in line for line in lines)
    assert any("histogram" in line for line in lines)


def test_a_table_for_a_paper_marks_what_is_not_clearly_above_a_control(report: Report) -> None:
    board = report.board
    table = board_table(board, Choice(), PairedDifferences(report.run.tables), "run")
    shown = [entry for entry in board.entries if entry.headline]
    for entry, (_, *cells) in zip(shown, table.body, strict=True):
        for group, cell in zip(board.groups, cells, strict=False):
            unclear = entry.standing(group) in ("uncertain", "not above")
            assert cell.text.endswith(UNCLEAR) == unclear, (entry.row, group)
    marks = {cell.text[-1] for _, *cells in table.body for cell in cells if cell.text}
    assert UNCLEAR in marks
    assert len(marks) > 1
    assert any(note.startswith(f"{UNCLEAR} Not clearly above the best") for note in table.notes)
    assert r"\S{}" in as_latex(table)
    assert not any(note.startswith("Not compared") for note in table.notes)


def test_a_table_for_a_paper_names_rows_that_no_control_stands_beside(report: Report) -> None:
    """They have no mark, as rows that are clearly above one have none."""
    alone = tuple(
        dataclasses.replace(own, over_control={}) if own.row == "mim/residual" else own
        for own in report.board.entries
    )
    board = dataclasses.replace(report.board, entries=alone)
    table = board_table(board, Choice(), PairedDifferences(report.run.tables), "run")
    assert "Not compared with a control: mim/residual." in table.notes


def test_beside_verdicts_the_rows_of_the_claims_and_the_controls_to_beat_are_printed(
    report: Report,
) -> None:
    board = printed_board(report)
    asked = of_claims(board, {"mim/residual", "broken"})
    names = [row for row, *_ in asked.rows]
    compared = report.board.entry("mim/residual").best_control
    assert names == [
        row
        for row, *_ in board.rows
        if row in {"mim/residual", *(one for one, _ in compared.values())}
    ]
    assert 1 < len(names) < len(board.rows)
    k = next(k for k, (row, *_) in enumerate(board.rows) if row == "mim/residual")
    further = [(name, kind, board.rows[k][2]) for name, kind in (("mim/a", ""), ("mim/b", "o"))]
    more = dataclasses.replace(
        board,
        rows=[*board.rows, *further],
        cells=[*board.cells, board.cells[k], board.cells[k]],
        controls=[*board.controls, [], []],
    )
    assert [row for row, *_ in of_claims(more, {"mim/residual"}).rows] == [*names, "mim/a"]
    assert [row for row, *_ in of_claims(board, {"mim/residual"}).failures] == ["broken"]
    missing = [
        ("web/a, web/b", "not run", "no package"),
        ("big (9 scores)", "not run", "no weights"),
    ]
    board = dataclasses.replace(board, failures=missing)
    assert not of_claims(board, {"mim/residual", "web/c"}).failures
    named = of_claims(board, {"mim/residual", "web/b", "big/x"}).failures
    assert [row for row, *_ in named] == ["web/a, web/b", "big (9 scores)"]
    board = dataclasses.replace(board, failures=[("knn", "not run", "no weights")])
    assert not of_claims(board, {"mim/residual", "knn2/a"}).failures
    assert of_claims(board, {"mim/residual", "knn/a"}).failures, "its scores are not known"
    console = Console(width=100, record=True, file=StringIO())
    console.print(leaderboard_table(asked))
    text = " ".join(console.export_text().split())
    assert "Headline rows of the detectors that the claims name, and the best controls" in text
    assert board.also_checked
    assert all(words not in text for words in board.also_checked)
    assert not any(kind == "o" for _, kind, _ in asked.rows)
    assert "o: asks" not in text
    assert of_claims(board, {"of no headline"}) == board


@pytest.mark.parametrize("mark", ["†", "¶"])
def test_a_mark_is_explained_where_it_is_printed_and_nowhere_else(
    report: Report, mark: str
) -> None:
    """One of them may stand beside rows that are left out."""
    board = printed_board(report)
    notes = ["† Read with caution: AUROC.", "¶ Retraining: unknown."]
    cells = [[("0.50", "")] * len(own) for own in board.cells]
    plain = dataclasses.replace(board, notes=notes, cells=cells, added=[])
    added = dataclasses.replace(plain, added=[("Added: mine", f"+0.10 [-0.10, +0.30]{mark}")])
    cells[0][0] = (f"0.50 [0.40, 0.60]{mark}", "")
    for shown in (plain, added):
        console = Console(width=100, record=True, file=StringIO())
        console.print(leaderboard_table(shown))
        text = console.export_text()
        assert [own[0] for own in notes if own in text] == [mark]
        cells[0][0] = ("0.50", "")


def test_the_name_of_a_run_is_no_markup(report: Report) -> None:
    board = dataclasses.replace(printed_board(report), title="Leaderboard of a [red] run")
    console = Console(width=100, record=True, file=StringIO())
    console.print(leaderboard_table(board))
    assert "Leaderboard of a [red] run" in console.export_text()


def test_controls_that_are_best_for_no_row_are_counted_and_left_to_the_page(
    report: Report,
) -> None:
    board = printed_board(report)
    others = [row for row, kind, _ in board.rows if kind != CONTROL]
    beaten = {name for row in others for name, _ in report.board.entry(row).best_control.values()}
    spare = {row for row, *_ in board.rows} - {*others, *beaten}
    shown = without_spare_controls(board)
    assert {row for row, *_ in shown.rows} == {*others, *beaten}
    assert bool(spare) == (shown != board)
    more = [[*board.rows, ("further", CONTROL, "dim")], [*board.cells, board.cells[0]]]
    further = dataclasses.replace(
        board, rows=more[0], cells=more[1], controls=[*board.controls, ()]
    )
    kept = without_spare_controls(further)
    assert kept.rows == shown.rows
    count = len(spare) + 1
    said = f"The page also has {counted(count, 'control')} with which no row is compared."
    assert kept.notes[0] == said
    alone = dataclasses.replace(
        board, rows=[("further", CONTROL, "")], cells=board.cells[:1], controls=[()]
    )
    assert without_spare_controls(alone) == alone, "a run of controls alone"


def test_a_long_name_of_rows_that_were_not_run_costs_no_column(report: Report) -> None:
    def left_out(*failed: str) -> tuple[str, str]:
        failures = [(row, "not run", "no weights") for row in failed]
        board = dataclasses.replace(printed_board(report), failures=failures)
        console = Console(width=100, record=True, file=StringIO())
        console.print(leaderboard_table(board))
        text = console.export_text()
        return text, next((line for line in text.splitlines() if "Left out" in line), "")

    text, without = left_out("efficientnet_lite0-probe-64 (29 scores)")
    assert without == left_out("efficientnet_lite0-probe-64")[1]
    assert "(29 scores)" in text


def test_an_added_detector_is_compared_on_the_page_first_and_on_the_terminal_last(
    tables: RunTables, tmp_path: Path
) -> None:
    clean = tables.scores[tables.scores["corruption"] == "clean"]
    scores = clean.assign(score=clean["score"].astype("str").str.replace("resnet18", "mine"))
    fits = tables.fits.assign(detector=tables.fits["detector"].str.replace("resnet18", "mine"))
    folder = write_synthetic_run(tmp_path / "run", RunTables(scores, fits, tables.images))
    renamed = json.loads(json.dumps(RUN_INFO).replace("resnet18", "mine"))
    (folder / "run.json").write_text(json.dumps(renamed))
    report = write_report(folder)
    page = page_of(report)
    told = page.index("<b>Added: mine/posterior.</b> Difference in AUROC from mim/residual: ")
    assert told < page.index("How well <b>")
    console = Console(width=80, record=True, file=StringIO())
    console.print(leaderboard_table(printed_board(report)))
    *_, last = console.export_text(clear=False).split("Added: ")
    assert last.startswith("mine/posterior. Difference in AUROC from mim/residual: ")
    (line,) = added_lines(report.run, report.board)
    causes = {cause[0].upper() + cause[1:]: mark_of(cause) for cause in line.cautions if cause}
    assert "¶" in causes.values()
    assert all(mark in last for mark in causes.values())
    for said in (" ".join(console.export_text(clear=False).split()), page):
        for cause, mark in causes.items():
            beginning = f"{mark} Read with caution" if mark == MARK else f"{mark} {cause}"
            assert cause in said[said.index(beginning) :], "the legend is of differences, too"
    assert "From the best control" in " ".join(last.split())


def test_report_imports_nothing_slow_that_it_may_not_need() -> None:
    modules = "sys, mimbench.report.build, mimbench.report.leaderboard.terminal"
    # what draws, which figures that stand need not, and what several folds need
    slow = {"torch", "seaborn", "matplotlib.figure", "matplotlib.pyplot", "scipy.stats"}
    code = f"import {modules}; sys.exit(bool({slow} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_frozen_thresholds_stand_in_table_page_and_figure(report: Report) -> None:
    operating = pd.read_csv(report.folder / "operating.csv", keep_default_na=False)
    own = operating[(operating["row"] == "mim/residual") & (operating["corruption"] == "clean")]
    sensitivity = float(own.loc[own["role"] == "target", "value"].iloc[0])
    assert f"<td>{sensitivity:.2f} [" in page_of(report)
    points = operating_points(report.results.operating, report.board.groups)
    assert points["mim/residual", UNKNOWN][0] == pytest.approx(1 - sensitivity)


def test_too_few_validation_patients_give_a_reason_and_no_threshold(
    tables: RunTables, tmp_path: Path
) -> None:
    images = tables.images.replace({f"split_{fold}": {"validation": "train"} for fold in range(3)})
    scores = tables.scores[tables.scores["corruption"] == "clean"]
    report = write_report(
        write_synthetic_run(tmp_path / "run", RunTables(scores, tables.fits, images))
    )
    assert "The scores have no threshold: 0 target patients in validation" in page_of(report)


def test_subgroups_are_in_words_and_controls_are_marked(tables: RunTables, tmp_path: Path) -> None:
    scores = tables.scores[tables.scores["corruption"] == "clean"]
    tone = np.where(np.arange(len(tables.images)) % 4 < 2, "I", "V")
    images = tables.images.assign(skin_tone=tone)
    folder = write_synthetic_run(tmp_path / "run", RunTables(scores, tables.fits, images))
    write_subgroups(folder, ["skin_tone", "source"])
    page = page_of(write_report(folder))
    section = page[page.index('<section id="subgroups">') :]
    text = section[: section.index("</section>")]
    assert "<td>histogram (control)</td><td>AUROC</td><td>known, same source</td>" in text
    assert "<td>skin tone: gap</td>" in text
    assert "no target images in this group" in text
    for raw in ("<td>auroc", "skin_tone", "no ID images", "same-source"):
        assert raw not in text, raw


def test_loss_curves_are_means_over_the_fits_that_speak_for_a_detector(
    tables: RunTables, tmp_path: Path
) -> None:
    scores = tables.scores[tables.scores["corruption"] == "clean"]
    folder = write_synthetic_run(tmp_path / "run", RunTables(scores, tables.fits, tables.images))
    assert 'id="training"' not in page_of(write_report(folder))
    losses = {"mim-0": (4.0, 2.0), "mim-1": (2.0, 1.0), "of-a-swap": (90.0, 90.0)}
    lines = [
        {"fit_id": fit, "detector": "mim", "step": step, "loss": loss, "value": value * size}
        for fit, values in losses.items()
        for step, value in zip((10, 20), values, strict=True)
        for loss, size in (("l1", 1.0), ("critic", -100.0), ("validation", 3.0))
    ]
    path = folder / "training.csv"
    pd.DataFrame(lines).to_csv(path, index=False)
    curves = loss_curves(read_run(folder)).set_index(["loss", "step"])
    assert curves.loc[("l1", 20), ["value", "low", "high"]].tolist() == [0.5, 1 / 3, 2 / 3]
    assert curves.loc[("critic", 10), "value"] == -1
    assert (curves["fits"] == 2).all()
    page = page_of(write_report(folder))
    section = page[page.index('<section id="training">') :]
    assert "data:image/svg+xml" in section[: section.index("</section>")]
    assert (folder / "figures" / "training.png").is_file()
    pd.DataFrame(lines).drop(columns="loss").to_csv(path, index=False)
    with pytest.raises(MimbenchError, match=r"training\.csv lacks the column loss"):
        write_report(folder)


def test_a_publication_marks_open_set_rows_and_explains_what_it_shows_alone(
    report: Report,
) -> None:
    run = open_run(report.folder)
    latex = run.table(rows=["mim/residual", "resnet18/msp"], form="latex")
    detection = run.table(rows=["mim/residual"], columns=["auroc"])
    assert "resnet18/msp (open-set) &" in latex
    assert latex.count("Open-set beside a name") == 1
    assert "FPR@95TPR" not in latex
    assert "Drop: clean AUROC minus" in latex
    for absent in ("Open-set", "A control is", "Drop:", "corrupted at", "Run with --seeds"):
        assert absent not in detection, absent


def test_latex_escapes_names(report: Report) -> None:
    text = (report.folder / "leaderboard.tex").read_text()
    ends = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(ends) == 1 + 4  # heading and headline rows
    assert r"\textit{histogram}" in text
    assert latex_text("a_b & 5 %") == r"a\_b \& 5 \%"


def test_unreadable_metadata_is_one_sentence(tables: RunTables, tmp_path: Path) -> None:
    folder = write_synthetic_run(tmp_path / "run", tables)
    (folder / "run.json").write_text("{")
    with pytest.raises(MimbenchError, match=r"run\.json is not readable JSON"):
        write_report(folder)


def test_the_script_prints_each_number_as_the_tables_do() -> None:
    """Rounding 0.595264 to thousandths and those half to even printed 0.59 beside 0.60."""
    values = [0.595264, 0.5947, 0.125, 0.375, 0.005, -0.005, -0.0049, 0.9951, 1.0, 0.0, -0.1049]
    values += np.random.default_rng(0).uniform(-1, 1, 2000).tolist()
    values += [k / 200 for k in range(-201, 202)]  # halves of a hundredth, as near as they can be
    for value, thousandths in zip(values, _thousandths(np.array(values)), strict=True):
        assert abs(thousandths / 1000 - value) <= 0.00101
        shown = f"{np.floor(thousandths / 10 + 0.5) / 100 + 0.0:.2f}"  # Math.round
        assert shown == rounded(value), value


def test_roc_encloses_the_auroc_of_the_leaderboard(report: Report, tables: RunTables) -> None:
    samples = clean_samples(tables, ["mim/residual", "harmonic"])
    for row, of_row in samples.items():
        curve = mean_roc(of_row, UNKNOWN)
        entry = next(entry for entry in report.board.entries if entry.row == row)
        assert curve is not None
        assert np.mean(curve) == pytest.approx(entry.cells[UNKNOWN]["auroc"].value, abs=0.01)


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """As if the disk were full after so many bytes of a file."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("cut_off", ["metrics.parquet", "figures/categories.png", "index.html"])
def test_what_cannot_be_written_whole_leaves_the_report_before(
    report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut_off: str
) -> None:
    folder = shutil.copytree(report.folder, tmp_path / "run")
    (folder / "figures" / "drawn.json").unlink()  # else no figure is drawn again
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    limit = 20_000
    assert len(before[folder / cut_off]) > limit
    monkeypatch.setattr(build, "compute_results", lambda run, tell, second: report.results)
    if cut_off != "metrics.parquet":
        monkeypatch.setattr(Results, "write", lambda results, folder: None)
    if cut_off == "index.html":
        monkeypatch.setattr(build, "draw_figures", lambda folder, results, styles: ())
    with files_of_at_most(limit), pytest.raises(OutputError):
        write_report(folder)
    after = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    del before[folder / "starts.json"], after[folder / "starts.json"]  # it has the time it took
    assert after.keys() == before.keys()
    assert [path.name for path in before if after[path] != before[path]] == []


def test_a_short_training_is_named_beside_the_recipe_that_it_shortens() -> None:
    steps = {"mim": 50, "resnet18": 200, "mine": 1}
    detectors = {
        name: DetectorInfo(name=name, parameters={"steps": count}) for name, count in steps.items()
    }
    detectors["vae"] = DetectorInfo(name="vae", detector="own.py:Vae", parameters={"steps": 1})
    (said,) = shortened(cast(RunFolder, SimpleNamespace(detectors=detectors)))
    assert said == "Trained for fewer steps than today's recipe says: mim 50 of 500"
    del detectors["mim"]
    assert not list(shortened(cast(RunFolder, SimpleNamespace(detectors=detectors))))
