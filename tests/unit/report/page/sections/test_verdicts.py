"""Verdicts on the page: with all digits in their file, three where they are shown."""

import json
import math
import re
from pathlib import Path

import pandas as pd
import pytest
from synthetic_run import write_synthetic_run

from mimbench.claims import Claim, ClaimsFile, Verdict, as_text, verdicts_of, write_verdicts
from mimbench.errors import MimbenchError
from mimbench.progress import Silent
from mimbench.report import write_report
from mimbench.report.page.sections.section import Page
from mimbench.report.page.sections.verdicts import claim_views, first_lines
from mimbench.report.results import compute_results
from mimbench.runfolder.derived import record_derived, write_derived
from mimbench.runfolder.reading import read_run
from mimbench.scores.reading import read_tables
from mimbench.scores.tables import RunTables

CLAIM = Claim(id="c", statement="It holds.", kind="at_least", rows=("mim/residual",), bound=0.5)
STATED = ClaimsFile(name="test", claim=(CLAIM,))


def clean_run(tables: RunTables, place: Path) -> Path:
    """A run folder without corrupted images."""
    scores = tables.scores[tables.scores["corruption"] == "clean"]
    return write_synthetic_run(place, RunTables(scores, tables.fits, tables.images))


def test_verdicts_of_verify_stand_first_on_the_page_with_all_their_digits(
    tables: RunTables, tmp_path: Path
) -> None:
    folder = clean_run(tables, tmp_path / "run")
    verdict = Verdict(
        claim="chance",
        row="mim/residual",
        headline=True,
        statement="mim beats chance & more",
        verdict="not tested",
        effect="AUROC",
        value=0.6104999,
        low=0.52,
        high=0.7,
        threshold=0.5,
        p=0.02,
        remedy="--detector vit",
        target_patients=45,
        other_patients=53,
        explanation="Nobody claimed it.",
        few_patients="So few show little.",
    )
    further = verdict.model_copy(
        update={"headline": False, "row": "mim/l1", "verdict": "refuted", "p": math.nan}
    )
    write_verdicts([further, verdict], folder, read_tables(folder), STATED)
    kept = verdicts_of(read_run(folder))
    for before, after in zip((further, verdict), kept, strict=True):
        assert after.model_dump_json() == before.model_dump_json()
    assert math.isnan(kept[0].p)
    page = write_report(folder).page.read_text()
    assert page.index('id="verdicts"') < page.index('id="leaderboard"')
    assert "mim beats chance &amp; more" in page
    assert "<code>--detector vit</code>" in page
    assert page.index('class="verdict not-tested"') < page.index('class="verdict refuted"')
    assert "AUROC: 0.610 [0.520, 0.700]; claimed 0.500 or more; adjusted p 0.020; 45 target" in page
    assert page.count("So few show little.") == 1, "said once where it is the same"
    assert 'id="audit"' not in page
    content = (folder / "verdicts.json").read_text()
    (folder / "verdicts.json").write_text(content.replace('"headline"', '"heading"'))
    record_derived(folder / "verdicts.json", read_tables(folder))
    with pytest.raises(MimbenchError, match=r"verdicts\.json.*heading"):
        write_report(folder)


def test_page_and_terminal_count_verdicts_alike(tables: RunTables, tmp_path: Path) -> None:
    folder = clean_run(tables, tmp_path / "run")
    own = Verdict(
        claim="c", row="mim/residual", headline=True, statement="It holds.", verdict="not tested"
    )
    elsewhere = own.model_copy(update={"relation": "other-source", "verdict": "refuted"})
    further = own.model_copy(update={"headline": False, "row": "mim/l1"})
    verdicts = [own, elsewhere, further]
    write_verdicts(verdicts, folder, read_tables(folder), STATED)
    counts = "1 refuted, 1 not tested; further readings: 1 not tested"
    assert f'<span class="ci">{counts}</span>' in write_report(folder).page.read_text("utf-8")
    assert as_text(verdicts, STATED, "mpox").startswith(f"Claims of test, target mpox: {counts}.")


def _verdict(claim: str, verdict: str = "not reproduced", **more: object) -> Verdict:
    measured = {
        "effect": "AUROC of mim/ssim, unknown categories, clean",
        "value": 0.45,
        "low": 0.34,
        "high": 0.56,
        "threshold": 0.8,
        "p": 0.003,
    }
    told = {
        "row": "mim/ssim",
        "headline": True,
        "statement": "MIM finds the unknown.",
        **(measured if verdict != "not tested" else {}),
        **more,
    }
    return Verdict(claim=claim, verdict=verdict, **told)


def test_the_top_of_the_page_has_a_line_for_each_claim_that_was_tested() -> None:
    untested = _verdict("noise", "not tested", explanation="The run has no corruption. Add one.")
    further = _verdict("a", row="mim/l1", headline=False)
    found = first_lines([_verdict("a"), further, _verdict("b", "supported"), untested])
    assert [(own.about, own.state) for own in found] == [
        ("not reproduced", "fail"), ("supported", "pass"), ("not tested", "caution"),
    ]  # fmt: skip
    assert found[0].words == (
        "MIM finds the unknown. AUROC of mim/ssim: 0.450 [0.340, 0.560], claimed 0.800 or more; "
        "adjusted p 0.003."
    )
    assert found[2].words == "MIM finds the unknown. The run has no corruption."
    many = first_lines([*map(_verdict, "abc"), untested, _verdict("d"), _verdict("e")])
    assert (many[-1].about, many[-1].words) == ("Further verdicts", "e, noise.")
    assert first_lines([]) == ()


def test_the_top_of_the_page_says_why_a_claim_is_inconclusive() -> None:
    why = (
        "The number is reached, but no swap test shows that it knows its class. This is one split."
    )
    for more, said in (
        ({"p": 0.21}, "; adjusted p 0.210."),
        ({"p": math.nan}, "; how much retraining or a fitted line moves it is unknown."),
        ({"explanation": why}, "adjusted p 0.003. The number is reached, but no swap test shows "
         "that it knows its class."),
    ):  # fmt: skip
        (own,) = first_lines([_verdict("a", "inconclusive", **more)])
        assert own.words.endswith(said)


def test_the_top_of_the_page_has_at_most_five_lines_on_claims() -> None:
    five = [_verdict(name) for name in "abcde"]
    assert len(first_lines(five)) == 5
    last = first_lines([*five, _verdict("f")])[-1]
    assert (last.about, last.words) == ("Further verdicts", "e, f.")
    two = [_verdict("a", relation=side) for side in ("same-source", "other-source")]
    assert ["AUROC of mim/ssim, same source:" in own.words for own in first_lines(two)] == [
        True,
        False,
    ]


def test_rows_without_a_number_stand_open_on_the_page_with_their_reason(
    tables: RunTables, tmp_path: Path
) -> None:
    folder = clean_run(tables, tmp_path / "run")
    untested = [
        _verdict(
            "a",
            "not tested",
            row=row,
            headline=False,
            explanation="The row mim/residual was not run: its line needs more images.",
        )
        for row in ("mim/residual", "mim/l2")
    ]
    own = [_verdict("a"), *untested, _verdict("a", row="mim/l1", headline=False)]
    (view,) = claim_views(own)
    assert view.untested == ((("mim/residual", "mim/l2"), untested[0]),)
    write_verdicts(own, folder, read_tables(folder), STATED)
    page = write_report(folder).page.read_text("utf-8")
    assert page.count("was not run: its line needs") == 1
    assert page.index("was not run: its line needs") < page.index("1 further reading")
    assert page.index("MIM finds the unknown. AUROC of mim/ssim: 0.450") < page.index("<nav")


def test_claimed_rows_are_among_the_first_curves(tables: RunTables, tmp_path: Path) -> None:
    folder = write_synthetic_run(tmp_path / "run", tables)
    run = read_run(folder)
    page = Page(run, compute_results(run, Silent()), {}, ())
    hidden = next(row for row in page.rows if row not in page.board.leading_rows)
    own = Verdict(claim="c", row=hidden, headline=True, statement="It holds.", verdict="refuted")
    write_verdicts([own], folder, read_tables(folder), STATED)
    text = write_report(folder).page.read_text("utf-8")
    data = re.search(r'<script [^>]*id="data">(.*?)</script>', text, re.DOTALL)
    assert data is not None
    first = {row["name"] for row in json.loads(data[1])["rows"] if row["few"]}
    assert first == {hidden, *page.board.leading_rows}
    assert "best of each family, claimed</option>" in text


OLD_VERDICT = {
    "verdict": "refuted",
    "claim": "mim beats chance & more",
    "id": "chance",
    "row": "mim/residual",
    "reading": "headline",
    "measured": "AUROC of mim/residual",
    "effect": "0.610",
    "interval_95": "[0.520, 0.700]",
    "claimed": "0.824",
    "p_adjusted": "< 0.001",
    "target_patients": 45,
    "other_patients": 53,
    "more_target_patients": "",
    "why": "It is clearly below.",
}


def test_verdicts_of_earlier_versions_are_still_read(tables: RunTables, tmp_path: Path) -> None:
    folder = clean_run(tables, tmp_path / "run")
    untested = OLD_VERDICT | {
        "verdict": "not tested", "reading": "further", "measured": "", "effect": "",
        "interval_95": "", "claimed": "", "p_adjusted": "",
    }  # fmt: skip
    path = folder / "verdicts.csv"
    write_derived(pd.DataFrame([OLD_VERDICT, untested]), path, read_tables(folder))
    first, second = verdicts_of(read_run(folder))
    assert (first.number, first.claimed, first.adjusted_p) == (
        "0.610 [0.520, 0.700]", "0.824 or more", "< 0.001",
    )  # fmt: skip
    assert (second.headline, second.effect, second.adjusted_p) == (False, "", "")
    page = write_report(folder).page.read_text()
    assert (
        "AUROC of mim/residual: 0.610 [0.520, 0.700]; claimed 0.824 or more; adjusted p &lt; 0.001;"
        in page
    )
    write_derived(pd.DataFrame([OLD_VERDICT]).drop(columns="why"), path, read_tables(folder))
    with pytest.raises(MimbenchError, match=r"verdicts\.csv.*why.*mimbench verify"):
        verdicts_of(read_run(folder))
