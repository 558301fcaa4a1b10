"""Two runs side by side: what differs is named first, differences are paired."""

import re
import shutil
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from made_tables import Made, made_images, made_tables
from rich.console import Console
from synthetic_run import RUN_INFO, write_synthetic_run

from mimbench.errors import TableError
from mimbench.files import file_hash
from mimbench.report.comparison import COMPARISON_COLUMNS, RunComparison, compare_runs
from mimbench.report.comparison.facts import names_of
from mimbench.report.comparison.output import comparison_frame, comparison_json
from mimbench.report.comparison.page import comparison_page
from mimbench.report.comparison.terminal import comparison_text
from mimbench.report.comparison.wording import answer
from mimbench.runfolder.reading import RunFolder, read_run
from mimbench.scores.digests import write_sealed
from mimbench.scores.tables import RunTables, checksums

CATEGORIES = {"mpox": ("target", "clinic", 120), "acne": ("unknown", "clinic", 120)}
IMAGES = made_images(CATEGORIES)
BEFORE = {"mim": Made(0.75), "cnn": Made(0.80), "old": Made(0.6)}
BUILT_IN = {
    "detectors": [{"name": "mim", "detector": "mim"}],
    "environment": {"code": "the same"},
}
AFTER = {"mim": Made(0.90), "cnn": Made(0.80), "new": Made(0.6), "newer": Made(0.6)}


def run(folder: Path, tables: RunTables, **info: object) -> RunFolder:
    write_synthetic_run(folder, tables)
    files = {"rejected.csv": file_hash(folder / "rejected.csv")}
    sealed = {**RUN_INFO, "checksums": checksums(folder), "files": files, "detectors": [], **info}
    write_sealed(folder / "run.json", sealed)
    return read_run(folder)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> RunComparison:
    place = tmp_path_factory.mktemp("runs")
    first = made_tables(BEFORE, images=IMAGES, seeds=(0, 1, 2))
    second = made_tables(AFTER, images=IMAGES, seeds=(0, 1, 2), draw=1)
    plan = {"suites": ["quick"], "folds": 5, "seeds": 3, "plan_seed": 0}
    steps = [{"name": "mim", "parameters": {"steps": 5000}}]
    return compare_runs(
        run(
            place / "a", first, name="a", detectors=[{"name": "mim", "parameters": {"steps": 500}}]
        ),
        run(place / "b", second, name="b", run=plan, detectors=steps),
    )


def shown(made: RunComparison) -> str:
    console = Console(width=80, file=StringIO(), record=True)
    console.print(comparison_text(made))
    return console.export_text()


def test_a_better_row_is_found_and_an_equal_one_is_not(made: RunComparison) -> None:
    lines = made.lines[made.lines["condition"] == "clean"].set_index("row")
    assert list(made.lines) == list(COMPARISON_COLUMNS)
    better, equal = lines.loc["mim"], lines.loc["cnn"]
    assert better["difference"] == pytest.approx(better["second"] - better["first"])
    assert better["low"] > 0
    assert better["p"] < 0.05
    assert equal["low"] < 0 < equal["high"]
    assert equal["models"] == "trained anew"


def test_the_answer_names_what_is_clear_and_counts_what_is_not(made: RunComparison) -> None:
    better, rest = answer(made)
    assert better[0] == "pass"
    assert re.match(
        r"Clearly higher in b: mim \+0\.1\d \[.* on unknown, same source, clean", better[1]
    )
    assert rest == ("caution", "1 other row has no clear difference.")
    other_way = compare_runs(made.second, made.first)
    assert next(answer(other_way))[1].startswith("Clearly lower in a: mim -0.1")
    same = compare_runs(made.first, made.first)
    assert list(answer(same)) == [("pass", "No AUROC that is compared differs.")]
    assert shown(made).splitlines()[1].startswith("Clearly higher in b: mim")


def test_runs_of_one_name_are_called_by_their_folders(tmp_path: Path, made: RunComparison) -> None:
    first = replace(made.first, info=made.first.info.model_copy(update={"name": "one"}))
    second = replace(made.second, info=made.first.info.model_copy(update={"name": "one"}))
    assert names_of(first, second) == ("a", "b")
    elsewhere = replace(second, path=tmp_path / "a")
    assert names_of(first, elsewhere) == (str(first.path), str(tmp_path / "a"))


def test_long_names_of_runs_keep_within_80_columns(tmp_path: Path, made: RunComparison) -> None:
    update = {"name": "a-run-of-many-words-in-its-name"}
    second = replace(made.second, info=made.second.info.model_copy(update=update))
    text = shown(compare_runs(made.first, second))
    assert max(map(len, text.splitlines())) <= 80
    assert "+0.1" in text


def test_what_differs_stands_before_the_numbers(made: RunComparison) -> None:
    text = shown(made)
    for said in ("folds: 3 → 5", "mim.parameters.steps: 500 → 5000", "versions: no difference"):
        assert said in text
    assert text.index("folds") < text.index("AUROC against")
    assert "Not compared: old (in a only)" in text
    assert "Not compared: new, newer (in b only)" in text
    assert max(map(len, text.splitlines())) <= 80


def test_programs_get_every_line_with_the_runs_that_it_compares(made: RunComparison) -> None:
    frame = comparison_frame([made])
    assert len(frame) == 2 * 2
    assert {Path(path).name for path in frame["run"]} == {"b"}
    (told,) = comparison_json([made])
    assert len(told["lines"]) == len(frame)
    assert {"part": "plan", "what": "folds", "first": "3", "second": "5"} in told["differences"]


def test_the_page_loads_nothing_and_draws_both_runs(made: RunComparison) -> None:
    page = comparison_page([made])
    assert "default-src &#39;none&#39;" in page
    assert page.count("data:image/svg+xml") == 1
    assert page.count("b compared with a") == 2, "in the window's title and in one heading"
    assert page.index("Clearly higher in b: mim +0.") < page.index("What differs between the runs")
    assert '<th scope="col">a</th><th scope="col">b</th>' in page
    assert "folds: 3 → 5" in page
    assert '<tr><th scope="row">cnn</th>' in page
    assert '<tr class="clear"><th scope="row">mim</th>' in page


def test_the_same_scores_differ_by_nothing(made: RunComparison) -> None:
    again = compare_runs(made.first, made.first)
    assert set(again.lines["models"]) == {"same scores"}
    assert (again.lines[["difference", "low", "high"]] == 0).all(axis=None)
    assert not again.differences


def test_rows_whose_images_keep_their_ranks_differ_by_nothing(
    made: RunComparison, tmp_path: Path
) -> None:
    tables = made.first.tables
    moved = tables.scores["score"] == "mim"
    values = tables.scores["value"].mask(moved, np.exp(tables.scores["value"]))
    scores = tables.scores.assign(value=values)
    again = compare_runs(made.first, run(tmp_path / "c", replace(tables, scores=scores), name="c"))
    own = again.lines[again.lines["row"] == "mim"]
    assert set(own["models"]) == {"same ranks"}
    assert (own[["difference", "low", "high"]] == 0).all(axis=None)
    assert set(again.lines["models"]) == {"same scores", "same ranks"}
    text = " ".join(shown(again).split())
    assert (
        "All images keep their ranks under each condition, so these AUROCs are the same: mim."
        in text
    )
    assert list(answer(again)) == [("pass", "No AUROC that is compared differs.")]


def test_one_training_leaves_the_p_value_unknown(tmp_path: Path) -> None:
    first = run(tmp_path / "a", made_tables({"mim": Made(0.7)}, images=IMAGES))
    second = run(tmp_path / "b", made_tables({"mim": Made(0.9)}, images=IMAGES, draw=1))
    lines = compare_runs(first, second).lines
    assert lines["p"].isna().all()
    assert lines["caution"].str.contains("retraining").all()
    ((state, words),) = answer(compare_runs(first, second))
    assert (state, words) == (
        "caution",
        "No difference is clear. In 1 row none can be clear: what retraining changes is unknown; "
        "run both with --seeds 3.",
    )


def test_runs_on_other_images_cannot_be_compared(made: RunComparison) -> None:
    tables = made.second.tables
    images = tables.images.assign(image_id="x" + tables.images["image_id"])
    scores = tables.scores.assign(image_id="x" + tables.scores["image_id"].astype("str"))
    other = replace(made.second, tables=RunTables(scores, tables.fits, images))
    with pytest.raises(TableError, match="no image in common"):
        compare_runs(made.first, other)


def test_the_trainings_of_another_recipe_say_nothing_of_its_own_retraining(tmp_path: Path) -> None:
    made = made_tables({"mim": Made(0.7)}, images=IMAGES, seeds=(0, 1, 2))
    three = run(tmp_path / "a", made, **BUILT_IN)
    one = made_tables({"mim": Made(0.9)}, images=IMAGES, draw=1)
    alike = run(tmp_path / "b", one, **BUILT_IN)
    other = RunTables(one.scores, one.fits.assign(recipe_hash="another"), one.images)
    changed = run(tmp_path / "c", other, **BUILT_IN)
    assert compare_runs(three, alike).lines["p"].notna().all()
    lines = compare_runs(three, changed).lines
    assert lines["p"].isna().all()
    assert lines["caution"].str.contains("retraining").all()


def test_changed_code_of_a_detector_is_the_first_difference(tmp_path: Path) -> None:
    def made_by(name: str, draw: int, files: dict[str, str] | None, seeds: int) -> RunFolder:
        tables = made_tables({"mim": Made(0.7)}, images=IMAGES, seeds=range(seeds), draw=draw)
        detector = {"name": "mim", "detector": "mine.py:Mim", "files": files}
        return run(tmp_path / name, tables, name=name, detectors=[detector])

    first = made_by("a", 0, {"mine.py": "1", "net.pth": "1"}, 3)
    second = made_by("b", 1, {"mine.py": "2", "net.pth": "1"}, 1)
    changed = compare_runs(first, second)
    assert changed.differences[0].text == "mine.py was changed: mim"
    text = shown(changed)
    assert text.index("files: mine.py was changed: mim") < text.index("recipes: no difference")
    assert changed.lines["caution"].str.contains("retraining").all(), "of other code than the first"
    alike = compare_runs(first, made_by("c", 1, {"mine.py": "1", "net.pth": "1"}, 1))
    assert not alike.differences
    assert alike.lines["p"].notna().all()
    unknown = compare_runs(first, made_by("d", 1, None, 1))
    (difference,) = unknown.differences
    assert "d does not say which code mim had" in difference.text
    assert unknown.lines["p"].isna().all(), "unknown code may be other code"


def test_a_changed_default_of_the_code_is_named(tmp_path: Path) -> None:
    def with_channels(name: str, channels: int) -> RunFolder:
        tables = made_tables({"mine": Made(0.7)}, images=IMAGES)
        detector = {"name": "mine", "detector": "mine.py:Mine", "files": {"mine.py": name}}
        found = run(tmp_path / name, tables, name=name, detectors=[detector])
        (fit_id,) = tables.fits["fit_id"]
        (found.path / "fits").mkdir()
        about = {"recipe": {"parameters": {"channels": channels, "steps": 60}}}
        write_sealed(found.path / "fits" / f"{fit_id}.json", about)
        return found

    first, second = with_channels("a", 16), with_channels("b", 32)
    told = [own.text for own in compare_runs(first, second).differences]
    assert told == ["mine.py was changed: mine", "mine.parameters.channels: 16 → 32"]
    shutil.rmtree(second.path / "fits")  # as in a compact run
    assert [own.text for own in compare_runs(first, second).differences] == told[:1]


def test_what_combines_rows_has_the_code_of_its_members(tmp_path: Path) -> None:
    def combined(name: str, code: str, seeds: int) -> RunFolder:
        rows = {"mine": Made(0.7), "both": Made(0.7)}
        tables = made_tables(rows, images=IMAGES, seeds=range(seeds), draw=seeds)
        mine = {"name": "mine", "detector": "mine.py:Mine", "files": {"mine.py": code}}
        both = {"name": "both", "detector": "ensemble", "trains_on": "rows", "files": {}}
        return run(tmp_path / name, tables, name=name, detectors=[mine, both])

    first = combined("a", "1", 3)
    assert compare_runs(first, combined("b", "1", 1)).lines["p"].notna().all()
    assert compare_runs(first, combined("c", "2", 1)).lines["p"].isna().all()


def test_what_has_no_auroc_is_said_not_to_be_compared(made: RunComparison) -> None:
    lines = made.lines.assign(difference=float("nan"), p=float("nan"), caution="no ID images")
    assert list(answer(replace(made, lines=lines))) == [
        ("caution", "Not compared, no ID images: cnn, mim.")
    ]


def test_a_detector_that_gave_no_score_is_named_with_its_reason(tmp_path: Path) -> None:
    made = made_tables(BEFORE, images=IMAGES, seeds=(0, 1, 2))
    lost = made.fits["detector"] == "old"
    fits = made.fits.assign(
        status=made.fits["status"].mask(lost, "not run"),
        reason=made.fits["reason"].mask(lost, "no weights"),
    )
    kept = ~made.scores["fit_id"].isin(made.fits.loc[lost, "fit_id"])
    silent = run(tmp_path / "a", RunTables(made.scores[kept], fits, made.images), name="a")
    assert "old has no scores in a: no weights" in compare_runs(silent, silent).missing
