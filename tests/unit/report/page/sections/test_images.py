"""The browser of images shows the scores of the table, and only pictures that the run made."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from mimbench.report import Report
from mimbench.report.page.sections.images import browser_data, sheet_of
from mimbench.report.page.sections.section import Page
from mimbench.runfolder.gallery import read_thumbnails


def test_scores_and_thresholds_are_those_of_one_trained_model(report: Report) -> None:
    page = Page(report.run, report.results, {}, ())
    found = browser_data(page)
    assert found is not None
    assert [row["name"] for row in found["rows"]] == page.rows
    scores = report.run.tables.scores
    own = scores[(scores["fit_id"] == "mim-0") & (scores["corruption"] == "clean")]
    values = own[own["score"] == "mim/residual"].set_index("image_id")["value"]
    place = page.rows.index("mim/residual")
    small = report.run.thumbnails
    assert small is not None
    assert len(found["images"]) == len(small.images)
    for image in found["images"]:
        value = values[small.images[image["at"]]]
        assert image["scores"][place] == pytest.approx(value, rel=1e-3)
        assert 0 < image["ranks"][place] <= 1
    sample = next(s for s in report.results.samples["mim/residual"] if s.fold == 0)
    assert found["rows"][place]["threshold"] == pytest.approx(sample.threshold, rel=1e-3)
    assert 'id="images"' in report.page.read_text(encoding="utf-8")


def test_pictures_that_the_run_did_not_make_are_not_shown(report: Report, tmp_path: Path) -> None:
    folder = shutil.copytree(report.folder / "gallery", tmp_path / "gallery")
    run = replace(report.run, path=tmp_path, thumbnails=read_thumbnails(folder))
    whole = sheet_of(run)
    assert whole is not None
    assert whole.startswith("data:image/jpeg;base64,")
    (folder / "thumbnails.jpg").write_bytes(b"root:x:0:0")
    assert sheet_of(run) is None
    assert sheet_of(replace(run, thumbnails=None)) is None
