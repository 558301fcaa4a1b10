"""Where the images say it, every report shows its numbers by skin tone without being asked."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from synthetic_run import write_synthetic_run

from mimbench.report import Report, write_report
from mimbench.report.page.sections.skin_tone import SECTIONS
from mimbench.scores.tables import RunTables


def _run(tables: RunTables, folder: Path, tone: list[str] | None) -> Report:
    scores = tables.scores[tables.scores["corruption"] == "clean"]
    images = tables.images if tone is None else tables.images.assign(skin_tone=tone)
    return write_report(write_synthetic_run(folder, RunTables(scores, tables.fits, images)))


@pytest.fixture(scope="module")
def toned(tables: RunTables, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Two tones by patient, a third one of three images, and some that nobody knows."""
    patients = pd.factorize(tables.images["patient"])[0]
    tone = np.select([patients % 7 == 0, patients % 2 == 0], ["", "I"], "VI").astype(object)
    tone[:3] = "III"
    return _run(tables, tmp_path_factory.mktemp("toned") / "run", list(tone))


def _section(report: Report) -> str:
    page = report.page.read_text(encoding="utf-8")
    return page[page.index('<section id="skin_tone">') :].partition("</section>")[0]


def test_the_page_has_each_tone_with_its_interval_and_the_gap(toned: Report) -> None:
    text = _section(toned)
    for heading in ("I", "III", "VI", "gap"):
        assert f'<th scope="col">{heading}</th>' in text
    table = pd.read_csv(toned.folder / "skin_tone.csv")
    line = table[(table["metric"] == "auroc") & (table["group"] == "VI")].iloc[0]
    assert f"{line['value']:.2f} [{line['low']:.2f}, {line['high']:.2f}]" in text
    assert "<td>histogram (control)</td><td>AUROC</td>" in text
    assert "<td>sensitivity</td><td>–</td>" in text


def test_a_tone_of_few_patients_is_named_with_their_number(toned: Report) -> None:
    table = pd.read_csv(toned.folder / "skin_tone.csv")
    few = table[table["group"] == "III"]
    assert len(few)
    assert few["value"].isna().all()
    text = _section(toned)
    assert "<td>too small</td>" in text
    assert f"III ({few['target_patients'].max()} target" in text
    assert "needs 10" in text


def test_scores_without_a_number_of_a_measure_share_a_line(toned: Report) -> None:
    tones = toned.results.skin_tone
    lost = (tones["metric"] == "sensitivity") & (tones["row"] != "histogram")
    value, reason = tones["value"].mask(lost), tones["reason"].mask(lost, "too small: 3 patients")
    results = replace(toned.results, skin_tone=tones.assign(value=value, reason=reason))
    page = SimpleNamespace(results=results, board=toned.board)
    table = pd.DataFrame(SECTIONS[0].data(page)["lines"])
    own = table[table[1] == "sensitivity"]
    silent = own[own[0] != "histogram (control)"]
    assert len(own) == 1 + len(silent) < tones["row"].nunique()
    assert set(silent.iloc[:, 3:].to_numpy().ravel()) <= {"too small", "–"}
    named = [name.removesuffix(" (control)") for cell in silent[0] for name in cell.split(", ")]
    assert sorted(named) == sorted(set(tones["row"]) - {"histogram"}), "no row is lost"


def test_the_leaderboard_has_the_worst_tone_and_the_gap(toned: Report) -> None:
    table = pd.read_csv(toned.folder / "skin_tone.csv")
    board = toned.board
    entry = next(entry for entry in board.entries if entry.headline)
    group = board.primary
    own = table[(table["row"] == entry.row) & (table["metric"] == "auroc")]
    own = own[(own["role"] == group.role) & (own["relation"] == group.relation)]
    values = own.set_index("group")["value"]
    frame = pd.read_csv(toned.folder / "leaderboard.csv").set_index("row").loc[entry.row]
    if np.isfinite(values.get("gap", np.nan)):
        assert frame[f"{group.slug}:worst_skin_tone"] == pytest.approx(min(values[["I", "VI"]]))
        assert frame[f"{group.slug}:skin_tone_gap"] == pytest.approx(values["gap"])
        assert "worst skin tone" in (toned.folder / "leaderboard.md").read_text()
        assert "skin tone gap" in toned.page.read_text()
    known = [name for name in frame.index if name.endswith("skin_tone_gap")]
    assert known, "some group has two tones that are large enough"


def test_without_skin_tone_nothing_speaks_of_it(tables: RunTables, tmp_path: Path) -> None:
    report = _run(tables, tmp_path / "run", None)
    assert 'id="skin_tone"' not in report.page.read_text()
    assert not (report.folder / "skin_tone.csv").exists()
    assert "skin_tone" not in (report.folder / "leaderboard.csv").read_text()
