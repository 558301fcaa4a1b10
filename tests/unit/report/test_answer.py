"""What a page says first is what the verdicts say, and never more."""

import re
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest
from made_tables import Made, made_tables

from mimbench.claims import Verdict
from mimbench.report.answer import Answer, answer_of
from mimbench.report.checks import checks
from mimbench.report.leaderboard.entries import Leaderboard, build_leaderboard
from mimbench.report.results import Results
from mimbench.report.subject import subject_of, what_was_measured
from mimbench.runfolder.reading import RunFolder, read_run
from mimbench.scores.tables import RunTables
from mimbench.statistics.tables.class_signal import class_signal_table
from mimbench.statistics.tables.metrics import metrics_table

SEEDS = (0, 1, 2)
GOOD = Made(0.92, drop=0.01, swap=0.6)
CNN = Made(0.75, drop=0.06)
CONTROL = Made(0.6, control=True)


def run_of(tables: RunTables) -> tuple[RunFolder, Leaderboard]:
    """A run with its leaderboard; the detector `cnn` is a classifier."""
    family = tables.fits["family"].mask(tables.fits["detector"] == "cnn", "classifier")
    tables = replace(tables, fits=tables.fits.assign(family=family))
    with TemporaryDirectory() as folder:
        tables.write(Path(folder))
        run = read_run(Path(folder))
    return run, build_leaderboard(run, metrics_table(tables))


def answer(rows: dict[str, Made], seeds: tuple[int, ...] = SEEDS) -> Answer:
    run, board = run_of(made_tables(rows, seeds=seeds))
    found = answer_of(run, board)
    assert found is not None
    return found


def line(found: Answer, about: str) -> tuple[str, str]:
    own = next(one for one in found.lines if about in one.about)
    return own.state, own.words


def test_a_row_that_deserves_it_is_called_better_and_loses_less() -> None:
    found = answer({"good": GOOD, "cnn": CNN, "harmonic": CONTROL})
    assert found.subject.row == "good"
    state, words = line(found, "unknown")
    assert state == "pass"
    assert "Better than every classifier; the highest is cnn" in words
    assert "Better than every control; the highest is harmonic" in words
    state, words = line(found, "corruption")
    assert state == "pass"
    assert "loses less than every classifier" in words
    assert len(found.lines) <= 5
    assert found.lines[0].about.startswith("unknown"), "the group that sorts comes first"


def test_with_one_training_nothing_is_better_or_worse() -> None:
    for rows in (
        {"good": GOOD, "cnn": CNN, "harmonic": CONTROL},
        {"good": Made(0.6, swap=0.5), "cnn": Made(0.9), "harmonic": Made(0.95, control=True)},
    ):
        for own in answer(rows, seeds=(0,)).lines:
            assert own.state == "caution"
            assert "etter than" not in own.words
            assert "orse than" not in own.words
        words = line(answer(rows, seeds=(0,)), "unknown")[1]
        assert "Inconclusive against the classifiers (highest cnn" in words
        assert "retraining" in words


@pytest.mark.parametrize(
    ("rows", "state", "said"),
    [
        (
            {"good": Made(0.6, swap=0.4), "cnn": Made(0.9)},
            "fail",
            "Worse than a classifier; the highest is cnn",
        ),
        ({"good": Made(0.92, swap=0.92), "cnn": CNN}, "caution", "fitted on measles"),
        ({"good": Made(0.8, swap=0.5), "cnn": Made(0.8)}, "caution", "Inconclusive against"),
        ({"good": Made(0.92), "cnn": CNN}, "caution", "no swap test shows that good knows its"),
    ],
)
def test_a_number_that_shows_nothing_is_not_called_better(
    rows: dict[str, Made], state: str, said: str
) -> None:
    found, words = line(answer({**rows, "harmonic": CONTROL}), "unknown")
    assert found == state
    assert said in words
    assert "Better than every classifier" not in words


def test_an_interval_beside_zero_that_decides_nothing_has_the_adjusted_p() -> None:
    rows = {f"harmonic{k}": Made(0.5, control=True) for k in range(6)}
    rows |= {"good": Made(0.72, swap=0.5), "harmonic": Made(0.8, control=True)}
    said = line(answer(rows), "unknown")[1]
    assert re.search(
        r"Inconclusive against the controls \(highest harmonic, -0\.\d\d \[-0\.\d\d, -0\.\d\d\]†? "
        r"alone; p 0\.\d{3} over all controls and comparisons here\)\.",
        said,
    ), said


def test_below_a_control_is_said_and_never_passes() -> None:
    rows = {"good": Made(0.7, swap=0.5), "cnn": CNN, "harmonic": Made(0.95, control=True)}
    state, words = line(answer(rows), "unknown")
    assert state == "fail"
    assert "Worse than a control; the highest is harmonic" in words


def test_robustness_of_a_row_with_nothing_to_lose_is_not_judged() -> None:
    rows = {"good": Made(0.55, swap=0.5), "cnn": CNN, "harmonic": CONTROL}
    state, words = line(answer(rows), "corruption")
    assert state == "caution"
    assert "0.60" in words


def test_the_row_that_claims_fixed_beforehand_is_the_subject() -> None:
    run, board = run_of(made_tables({"good": GOOD, "twin": GOOD, "harmonic": CONTROL}))
    named = Verdict(claim="c", row="twin", headline=True, statement="s", verdict="not tested")
    fixed = subject_of(run, board, [named.model_copy(update={"headline": False}), named])
    assert fixed is not None
    assert fixed.row == "twin"
    assert "claims" in fixed.why
    chosen = subject_of(run, board)
    assert chosen is not None
    assert chosen.row == "good"
    only, of_controls = run_of(made_tables({"harmonic": CONTROL}))
    assert subject_of(only, of_controls) is None
    assert answer_of(only, of_controls) is None


def test_the_title_counts_what_was_measured() -> None:
    run, _ = run_of(made_tables({"good": GOOD, "cnn": CNN, "harmonic": CONTROL}))
    title = what_was_measured(run)
    for fact in ("mpox", "3 other categories", "2 detectors", "1 control", "1 corruption"):
        assert fact in title


def states(
    tables: RunTables,
    audit: pd.DataFrame | None = None,
    trained: str = "",
    as_is: RunTables | None = None,
) -> dict[str, tuple[str, str]]:
    """State and words of each check."""
    if trained:
        tables = replace(tables, fits=tables.fits.assign(quality=trained))
    run, board = run_of(tables)
    if audit is not None:
        run = replace(run, extras={"audit": audit})
    run = replace(run, as_is=as_is)
    empty = pd.DataFrame()
    results = Results(
        metrics=empty, board=board, samples={}, operating=empty, robustness=empty,
        calibration=empty, class_signal=class_signal_table(tables), known_curve=empty,
        left_out=empty, harmonise=empty, validation=empty, skin_tone=empty, training=empty,
    )  # fmt: skip
    found = checks(run, results, subject_of(run, board))
    return {one.name: (one.state, one.words) for one in found}


def audit_of(*findings: tuple[str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(findings, columns=["severity", "check", "message"])


def test_checks_pass_only_where_they_were_made_and_hold() -> None:
    rows = {"good": GOOD, "cnn": CNN, "harmonic": CONTROL}
    good = states(made_tables(rows, seeds=SEEDS), audit_of(("note", "reading", "all read")))
    assert {name: state for name, (state, _) in good.items()} == dict.fromkeys(good, "pass")
    assert "3 trainings" in good["training"][1]
    once = states(made_tables(rows))
    assert {name: state for name, (state, _) in once.items()} == {
        "data audit": "caution",
        "training": "caution",
        "power": "pass",
        "swap test": "caution",
    }
    assert "not made" in once["data audit"][1]
    without = {"good": replace(GOOD, swap=None), "cnn": CNN, "harmonic": CONTROL}
    assert states(made_tables(without, seeds=SEEDS))["swap test"] == ("caution", "good: not made")
    same = {"good": replace(GOOD, swap=0.92), "harmonic": CONTROL}
    assert states(made_tables(same, seeds=SEEDS))["swap test"][0] == "fail"


def test_a_source_probe_that_voids_a_column_stands_in_the_data_check() -> None:
    tables = made_tables({"good": GOOD, "harmonic": CONTROL}, seeds=SEEDS)
    probe = ("warning", "source probe", "web can be separated from the target: 0.99.")
    state, words = states(tables, audit_of(("warning", "balance", "few"), probe))["data audit"]
    assert state == "fail"
    assert "--harmonise, added to the run's command, trains everything on re-encoded files" in words
    assert words.startswith("web")
    again = states(tables, audit_of(probe), as_is=tables)["data audit"]
    assert again[0] == "fail"
    assert "--harmonise" not in again[1]
    assert again[1].endswith("although all files were re-encoded alike")
    few = states(tables, audit_of(("warning", "balance", "few")))["data audit"]
    assert few == ("caution", "1 warning: balance")
    assert states(tables, audit_of(("error", "leaks", "a leak")))["data audit"][0] == "fail"


def test_a_classifier_that_guesses_and_few_patients_fail_their_checks() -> None:
    tables = made_tables({"good": GOOD, "cnn": CNN, "harmonic": CONTROL}, seeds=SEEDS)
    guessing = states(tables, trained='{"balanced_accuracy": 0.5}')
    assert guessing["training"][0] == "fail"
    rows = {"good": GOOD, "cnn": CNN, "harmonic": CONTROL}
    both = states(made_tables(rows), trained='{"balanced_accuracy": 0.5}')["training"]
    assert both[0] == "fail"
    assert "no better than guessing; fewer than three trainings" in both[1]
    one = made_tables(rows, seeds=SEEDS)
    learned = np.where(one.fits["seed"] == 0, 0.4, 0.9)
    told = [f'{{"balanced_accuracy": {value}}}' for value in learned]
    fits = one.fits.assign(quality=np.where(one.fits["detector"] == "cnn", told, ""))
    some = states(replace(one, fits=fits))["training"]
    assert some[0] == "caution"
    assert "cnn: 1 of 3 trained models no better than guessing" in some[1]
    tested = tables.images["patient"].isin([f"mpox-{k}" for k in (1, 2, 4, 5)])
    left_out = (tables.images["role"] == "target") & ~tested
    images = tables.images.assign(split_0=np.where(left_out, "train", tables.images["split_0"]))
    few = states(replace(tables, images=images))
    assert few["power"][0] == "fail"
    widest = (
        r"fewer than 10 patients on one side; widest interval of an AUROC 0\.\d\d to [01]\.\d\d"
    )
    assert re.fullmatch(widest, few["power"][1])


def test_a_negative_drop_is_a_gain() -> None:
    found = answer({"good": Made(0.7, drop=-0.05), "cnn": CNN, "harmonic": CONTROL})
    _, words = line(found, "corruption")
    assert re.match(r"good gains 0\.\d+ \[-?0\.\d+, 0\.\d+\] of AUROC, cnn loses 0\.\d+ \[", words)
