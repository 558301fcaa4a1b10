"""What strangers named cannot leave its cell: Markdown, JUnit XML and CSV of verdicts."""

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pytest
from made_tables import Made, made_tables

from mimbench.claims.judgement import Verdict
from mimbench.claims.output import write_verdicts
from mimbench.claims.statement import read_claims
from mimbench.gate import GateSettings, as_junit, as_markdown, gate, movers
from mimbench.gate.comparability import Problem
from mimbench.gate.result import GateResult, GateTest, diagnosis
from mimbench.report.leaderboard.formats import _line
from mimbench.scores.tables import FIT_COLUMNS, SCORE_COLUMNS

EVIL = "a|b\n<script>alert(1)</script> [x](http://y) \x1b[2J \x00"


@pytest.fixture
def result() -> GateResult:
    words = {"row": EVIL, "condition": "clean", "verdict": "regression", "caution": ""}
    words |= {"unchanged": ""}
    numbers: dict[str, Any] = {field.name: 0.5 for field in fields(GateTest)}
    test = GateTest(**{**numbers, **words})
    problem = Problem("images", EVIL, False)
    return GateResult(GateSettings(), (problem,), (test,), diagnosis([test]))


def test_a_summary_for_a_pull_request_has_neither_html_nor_links_nor_more_cells(
    result: GateResult,
) -> None:
    text = as_markdown(result)
    (row,) = [line for line in text.splitlines() if line.startswith("| regression")]
    assert row.replace("\\|", "").count("|") == 13
    for wrong in ("<script", "](http", "\x1b", "\x00"):
        assert wrong not in text
    assert "<script" not in _line([EVIL])


def test_junit_stays_xml(result: GateResult) -> None:
    suite = ElementTree.fromstring(as_junit(result))
    (failure,) = suite.iter("failure")
    (error,) = suite.iter("error")
    assert "drop" in failure.get("message", "")
    assert r"\x1b[2J \x00" in error.get("message", "")


def test_a_claim_with_markup_is_kept_as_it_is(
    tmp_path: Path,
) -> None:
    own = Verdict(claim="id", row="mim/l1", headline=True, statement=EVIL, verdict="supported")
    claims = read_claims("mim-paper")
    path = write_verdicts([own], tmp_path, made_tables({"mim": Made(0.8)}), claims)
    assert json.loads(path.read_text())["verdicts"][0]["statement"] == EVIL


def test_columns_of_the_user_may_be_called_like_ours() -> None:
    tables = made_tables({"mim": Made(0.8), "histogram": Made(0.6, control=True)})
    ours = {*SCORE_COLUMNS, *FIT_COLUMNS, "before", "after", "harm", "row"} - {*tables.images}
    same = replace(tables, images=tables.images.assign(**dict.fromkeys(ours, "x")))
    settings = GateSettings(rows=("mim",))
    pd.testing.assert_frame_equal(movers(same, same, ("mim",)), movers(tables, tables, ("mim",)))
    assert gate(same, same, settings).exit_code == gate(tables, tables, settings).exit_code == 0
