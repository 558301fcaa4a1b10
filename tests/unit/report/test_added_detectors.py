"""A detector that the user added is compared with the run's own one and with the best control."""

from dataclasses import replace
from pathlib import Path

import pytest
from made_tables import Made, made_tables

from mimbench.claims import Verdict
from mimbench.report.added_detectors import _Gap, _higher, added_detectors, added_lines
from mimbench.report.answer import Line
from mimbench.report.leaderboard.entries import build_leaderboard
from mimbench.report.leaderboard.groups import Group
from mimbench.runfolder.info import DetectorInfo, RunSettings
from mimbench.runfolder.reading import RunFolder, read_run
from mimbench.scores.tables import RunTables
from mimbench.statistics.core.estimate import Estimate
from mimbench.statistics.tables.metrics import metrics_table

ROWS = {
    "mim/l1": Made(0.55),
    "mim/residual": Made(0.7),
    "mine": Made(0.95),
    "harmonic": Made(0.8, control=True),
}
SEEDS = (0, 1, 2)
HEADLINE = Verdict(claim="c", row="mim/l1", headline=True, statement="s", verdict="not tested")


def run_of(folder: Path, rows: dict[str, Made], seeds: tuple[int, ...] = SEEDS) -> RunFolder:
    made = made_tables(rows, seeds=seeds)
    scores = made.scores.assign(fit_id=made.scores["fit_id"].str.replace("mim/residual", "mim/l1"))
    fits = made.fits[~made.fits["fit_id"].str.startswith("mim/residual")]  # one fit, two scores
    tables = RunTables(scores, fits, made.images)
    folder.mkdir(exist_ok=True)
    tables.write(folder)
    run = read_run(folder)
    told = (
        DetectorInfo(name="mim", headline=("l1", "residual"), trains_on="target"),
        DetectorInfo(name="harmonic", control=True),
        *(DetectorInfo(name=row, family="plug-in") for row in rows if row.startswith("mine")),
    )
    return replace(run, info=run.info.model_copy(update={"detectors": told}))


def lines(run: RunFolder, *verdicts: Verdict) -> tuple[Line, ...]:
    return added_lines(run, build_leaderboard(run, metrics_table(run.tables)), verdicts)


def test_it_is_compared_with_the_highest_own_score_and_the_best_control(tmp_path: Path) -> None:
    run = run_of(tmp_path, ROWS)
    assert [one.name for one in added_detectors(run)] == ["mine"]
    (line,) = lines(run)
    assert line.about == "Added: mine"
    assert line.state == "pass"
    assert line.words.startswith(
        "Difference in AUROC from mim/residual (highest of 2 on unknown): +0."
    )
    assert "on unknown: clearly higher; " in line.words
    assert "From the best control: +0." in line.words
    assert "(harmonic) on unknown" in line.words


def test_where_another_score_of_the_family_is_higher_it_is_named(tmp_path: Path) -> None:
    run = run_of(tmp_path, ROWS)
    board = build_leaderboard(run, metrics_table(run.tables))
    group = board.groups[0]
    rivals = ["mim/residual", "mim/l1"]
    assert not _higher("mim/residual", rivals, group, board)
    cell = board.entry("mim/residual").cell(group, "auroc")
    assert _higher("mim/l1", rivals, group, board) == f"mim/residual has {cell.value:.2f}"
    told = _Gap(group, "mim/l1", Estimate(0.1, 0, 0.2), 2, "mim/residual has 0.70")
    assert told.text(False, board.groups, named=False).endswith(
        "on unknown (mim/residual has 0.70)"
    )


def test_it_is_compared_with_the_row_that_claims_fixed(tmp_path: Path) -> None:
    (line,) = lines(run_of(tmp_path, ROWS), HEADLINE)
    assert line.words.startswith("Difference in AUROC from mim/l1: +0.4")


@pytest.mark.parametrize(
    ("auroc", "state", "said"),
    [(0.7, "fail", "on unknown: clearly lower"), (0.8, "caution", "+0.")],
)
def test_a_row_below_a_control_or_beside_it_is_not_said_to_pass(
    tmp_path: Path, auroc: float, state: str, said: str
) -> None:
    (line,) = lines(run_of(tmp_path, {**ROWS, "mine": Made(auroc)}))
    assert line.state == state
    assert said in line.words


def test_below_the_highest_of_several_is_one_of_several_chances() -> None:
    def gap(value: float, chances: int) -> _Gap:
        own = Estimate(value, value - 0.1, value + 0.1, p=0.02)
        return _Gap(Group("unknown", "same-source"), "harmonic", own, chances)

    assert [gap(-0.1, 8).p, gap(-0.1, 1).p, gap(0.1, 8).p] == [0.16, 0.02, 0.02]
    assert gap(-0.1, 100).p == 1


def test_of_one_training_nothing_is_clear(tmp_path: Path) -> None:
    (line,) = lines(run_of(tmp_path, ROWS, seeds=(0,)))
    assert line.state == "caution"
    assert "clearly" not in line.words
    assert "No difference is clear (what retraining changes is unknown; --seeds 3" in line.words


def test_further_added_rows_are_counted(tmp_path: Path) -> None:
    more = {f"mine-{number}": Made(0.6) for number in range(3)}
    shown = lines(run_of(tmp_path, {**ROWS, **more}))
    assert [line.about for line in shown] == ["Added: mine", "Added: mine-0"]
    assert shown[-1].words.endswith("2 more added detectors are in the leaderboard.")


def test_a_run_of_own_detectors_alone_and_one_of_nothing_added(tmp_path: Path) -> None:
    alone = {name: own for name, own in ROWS.items() if name[:4] != "mim/"}
    (line,) = lines(run_of(tmp_path / "alone", alone))
    assert line.words.startswith("Difference in AUROC from the best control")
    none = {name: own for name, own in ROWS.items() if name != "mine"}
    assert lines(run_of(tmp_path / "none", none)) == ()


def test_detectors_of_the_run_file_are_its_own_and_mim_is_what_inpaints(tmp_path: Path) -> None:
    rows = {"pca": Made(0.9), "mim-short": Made(0.6), "mim-long": Made(0.7), "mine": Made(0.95)}
    run = run_of(tmp_path, rows)
    told = (
        DetectorInfo(name="pca", detector="pca-ratio", family="one-class", trains_on="target"),
        DetectorInfo(name="mim-short", detector="mim", family="inpainting", trains_on="target"),
        DetectorInfo(name="mim-long", detector="mim", family="inpainting", trains_on="target"),
        DetectorInfo(name="mine", detector="mine.py:Mine", family="plug-in"),
    )
    in_place = [
        {"extends": "mim", "name": "mim-short"},
        {"extends": "mim", "name": "mim-long"},
        {"detector": "mine.py:Mine", "name": "mine"},
    ]
    settings = RunSettings.model_validate({"detectors": ["pca.toml", *in_place]})
    fits = run.tables.fits
    family = fits["family"].mask(fits["detector"].str.startswith("mim"), "inpainting")
    tables = replace(run.tables, fits=fits.assign(family=family))
    info = run.info.model_copy(update={"detectors": told, "run": settings})
    run = replace(run, info=info, tables=tables)
    assert [one.name for one in added_detectors(run)] == ["pca", "mine"]
    first, second = lines(run)
    assert [first.about, second.about] == ["Added: pca", "Added: mine"]
    assert second.words.startswith(
        "Difference in AUROC from mim-long (highest of 2 on unknown): +0."
    )
