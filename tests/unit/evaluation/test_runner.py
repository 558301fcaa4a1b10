"""A run fits without seeing what it is tested on, computes nothing twice, and loses no row."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from small_images import write_category
from small_plans import executed, planned
from torch import Tensor

from mimbench.data.dataset import ImageOptions
from mimbench.detectors.imaging import shared
from mimbench.detectors.imaging.shared import provide
from mimbench.errors import RecipeError, TableError
from mimbench.evaluation import scoring
from mimbench.evaluation.planning.plan import Plan, RunFile, make_plan
from mimbench.evaluation.runner import execute, run
from mimbench.files import digests_by_name
from mimbench.progress import Silent
from mimbench.registry import resolve
from mimbench.runfolder.cleanup import leftovers
from mimbench.runfolder.derived import write_derived
from mimbench.runfolder.history import read_attempts
from mimbench.runfolder.score_blocks import read_block
from mimbench.scores.reading import read_tables
from mimbench.scores.tables import RunTables
from mimbench.testing import check


def auroc(tables: RunTables, row: str, role: str) -> float:
    merged = tables.scores.merge(tables.images, on="image_id")
    merged = merged[(merged["score"] == row) & (merged["corruption"] == "clean")]
    merged = merged[merged["split_0"] == "test"]
    target = merged.loc[merged["role"] == "target", "value"].to_numpy()
    other = merged.loc[merged["role"] == role, "value"].to_numpy()
    return float((other[:, None] > target[None, :]).mean())


def test_an_easy_problem_is_solved_in_the_right_direction(
    folders: dict[str, Path], plugin: Path, tmp_path: Path
) -> None:
    plan = planned(folders, [f"{plugin}:Brightness"], suites=("quick",))
    tables = executed(plan, tmp_path)
    assert auroc(tables, "Brightness", "unknown") == 1.0
    assert auroc(tables, "Brightness", "abnormal") == 1.0
    conditions = tables.scores[["corruption", "severity"]].drop_duplicates()
    assert len(conditions) == 1 + 4 * 3


def test_severities_choose_among_those_of_every_suite(
    folders: dict[str, Path], plugin: Path
) -> None:
    chosen = {"suites": ("quick", "imagenet-c"), "severities": "3"}
    plan = planned(folders, [f"{plugin}:Brightness"], **chosen)
    assert {condition.severity for condition in plan.conditions} == {0, 3}
    assert len(plan.conditions) == 1 + 15
    with pytest.raises(RecipeError, match=r"quick has no severity 2; .*1, 3, 5"):
        planned(folders, [f"{plugin}:Brightness"], suites=("quick",), severities=(2, 3))
    with pytest.raises(RecipeError, match=r"--severities .*--suite"):
        planned(folders, [f"{plugin}:Brightness"], severities=(3,))


def test_no_fit_sees_a_test_unknown_or_abnormal_image_or_patient(
    folders: dict[str, Path], plugin: Path, tmp_path: Path
) -> None:
    plan = planned(folders, [f"{plugin}:Spy"], folds=3)
    seen = resolve(f"{plugin}:SEEN")
    for fold in range(3):
        seen.clear()
        fits = tuple(spec for spec in plan.fits if spec.fold == fold)
        single = Plan(plan.run, plan.dataset, plan.images, plan.recipes, fits, plan.conditions[:1])
        execute(single, tmp_path / str(fold), Silent())
        content = [np.moveaxis(image, 2, 0).tobytes() for image in plan.dataset.pixels]
        was_seen = np.array([image in set(seen) for image in content])
        part = plan.images[f"split_{fold}"].to_numpy()
        role = plan.images["role"].to_numpy()
        assert was_seen.sum() == (part != "test").sum() == len(seen)
        assert not was_seen[part == "test"].any()
        assert not was_seen[np.isin(role, ["unknown", "abnormal"])].any()
        patients = plan.images["patient"]
        assert not set(patients[was_seen]) & set(patients[part == "test"])


def test_a_swap_fit_sees_as_many_images_of_the_swap_category_and_no_test_image(
    folders: dict[str, Path], plugin: Path, tmp_path: Path
) -> None:
    plan = planned(folders, [f"{plugin}:TargetSpy"], folds=3, swap=("Measles",))
    fits = [spec for spec in plan.fits if spec.fitted_on == "measles"]
    assert len(fits) == 3
    seen = resolve(f"{plugin}:SEEN")
    content = [np.moveaxis(image, 2, 0).tobytes() for image in plan.dataset.pixels]
    for spec in fits:
        seen.clear()
        single = Plan(
            plan.run, plan.dataset, plan.images, plan.recipes, (spec,), plan.conditions[:1]
        )
        result = execute(single, tmp_path / str(spec.fold), Silent())
        assert result.failures == ()
        was_seen = plan.images[[image in set(seen) for image in content]]
        assert set(was_seen["category"]) == {"measles"}
        part = f"split_{spec.fold}"
        assert "test" not in set(was_seen[part])
        target = plan.images[(plan.images["category"] == "mpox") & (plan.images[part] != "test")]
        trained = [(t[part] == "train").sum() for t in (was_seen, target)]
        assert trained[0] == trained[1]


def test_swap_fits_are_scored_on_clean_images_alone(
    folders: dict[str, Path], plugin: Path, tmp_path: Path
) -> None:
    plan = planned(folders, [f"{plugin}:Brightness"], suites=("quick",), swap=("measles",))
    tables = executed(plan, tmp_path)
    scored = tables.scores.merge(tables.fits, on="fit_id").groupby("fitted_on")["corruption"]
    conditions = scored.agg(set)
    assert conditions["measles"] == {"clean"}
    assert len(conditions["mpox"]) == 5


def test_what_a_line_was_fitted_on_is_in_the_tables_of_target_and_swap_fits(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    recipe = tmp_path / "small.toml"
    text = 'extends = "random-generator"\nname = "small"\nscores = ["residual"]\n'
    recipe.write_text(text + "headline = []\n[parameters]\nwidth = 4\n")
    for name, grey in (("mpox", 90), ("measles", 140)):
        write_category(tmp_path / "data" / name, grey, 24, grey)
    more = folders | {"data": tmp_path / "data"}
    tables = executed(planned(more, [str(recipe)], swap=("measles",)), tmp_path / "run")
    for fit in tables.fits.itertuples():
        assert json.loads(fit.lines) == {"small/residual": "small/untrained"}
        own = tables.images[
            (tables.images["category"] == fit.fitted_on)
            & (tables.images["split_0"] == "validation")
        ]
        scored = tables.scores[tables.scores["fit_id"] == fit.fit_id].pivot_table(
            index="image_id", columns="score", values="value"
        )
        held_out = scored.loc[own["image_id"]]
        # the line has been taken out: what is left of it is level
        slope = np.polyfit(held_out["small/untrained"], held_out["small/residual"], 1)[0]
        assert abs(slope) < 1e-4
    assert set(tables.fits["fitted_on"]) == {"mpox", "measles"}


def test_a_changed_plug_in_file_is_fitted_and_scored_again(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    path = tmp_path / "mine.py"
    text = "def level(images):\n    return {sign}images.float().mean((1, 2, 3))\n"
    means = []
    for sign in ("", "-"):
        path.write_text(text.format(sign=sign))
        tables = executed(planned(folders, [f"{path}:level"]), tmp_path / "out")
        means.append(tables.scores["value"].mean())
    assert means[0] == -means[1]


def test_a_rerun_computes_nothing_and_a_changed_parameter_only_its_own(
    folders: dict[str, Path], plugin: Path, tmp_path: Path
) -> None:
    recipe = tmp_path / "sharp.toml"
    text = f'name = "sharp"\ndetector = "{plugin}:Brightness"\n[parameters]\nsharpness = '
    recipe.write_text(text + "1.0")
    detectors = ["histogram", str(recipe)]
    out = tmp_path / "out"
    first = executed(planned(folders, detectors), out)
    written = {path: path.stat().st_mtime_ns for path in out.rglob("blocks/**/*.parquet")}
    spoken = [out / "verdicts.csv", out / "subgroups.csv"]
    for path in spoken:
        write_derived(pd.DataFrame({"of": ["these"]}), path, read_tables(out))
    again = executed(planned(folders, detectors), out)
    assert all(path.exists() for path in spoken), "they still speak of the run's tables"
    assert {path: path.stat().st_mtime_ns for path in out.rglob("blocks/**/*.parquet")} == written
    pd.testing.assert_frame_equal(first.scores, again.scores)
    attempts = read_attempts(out)
    assert [attempt.finished for attempt in attempts] == [True, True]
    for done in ("fits", "blocks"):
        tallies = [getattr(attempt, done) for attempt in attempts]
        assert tallies[0].computed == tallies[1].found == tallies[0].planned > 0
        assert tallies[0].found == tallies[1].computed == 0
    assert all({"audit", "fit", "score"} == attempt.costs.keys() for attempt in attempts)
    assert all(cost["peak_memory"] > 1e6 for attempt in attempts for cost in attempt.costs.values())
    block = read_block(next(iter(written)))
    assert block is not None
    assert {"fit_id", "condition", "images", "code", "seconds"} <= block.about.keys()

    recipe.write_text(text + "2.0")
    changed = executed(planned(folders, detectors), out)
    assert not any(path.exists() for path in spoken)
    for path, time in written.items():
        assert path.stat().st_mtime_ns == time
    old, new = (table.fits.set_index("detector")["fit_id"] for table in (first, changed))
    assert old["histogram"] == new["histogram"]
    assert old["sharp"] != new["sharp"]
    values = [t.scores.query("score == 'sharp'")["value"].to_numpy() for t in (first, changed)]
    np.testing.assert_allclose(values[1], 2 * values[0])


def test_a_run_says_whether_a_table_names_images_outside_of_its_folder(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    data = shutil.copytree(folders["data"], tmp_path / "data")
    listed = [f"{path.relative_to(data)},{path.parent.name}" for path in data.rglob("*.png")]
    shutil.copy(data / "mpox" / "00_0.png", tmp_path / "moved.png")
    (data / "mpox" / "00_0.png").unlink()
    found = []
    for first in ("mpox/00_1.png,mpox", "../moved.png,mpox"):
        rows = dict.fromkeys([first, *(line for line in listed if "/00_0" not in line)])
        (data / "manifest.csv").write_text("\n".join(["path,category", *rows]))
        images = ImageOptions(data=(str(data),), canonical_size=32)
        plan = make_plan(RunFile(detectors=("histogram",), data=images))
        found.append(execute(plan, tmp_path / "out", Silent()).further)
    assert found == [False, True]


def test_many_images_leave_one_file_of_scores_for_each_fit_and_condition(
    folders: dict[str, Path], plugin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "SHARD", 7)
    plan, out = planned(folders, [f"{plugin}:Brightness"]), tmp_path / "out"
    tables = executed(plan, out)
    files = sorted(out.glob("blocks/*/*.parquet"))
    assert len(files) == len(plan.fits) * len(plan.conditions)
    blocks = read_attempts(out)[0].blocks
    assert blocks.computed == blocks.planned == scoring.count_blocks(plan) > 2 * len(files)

    again = executed(plan, out)
    assert read_attempts(out)[-1].blocks.found == blocks.planned
    pd.testing.assert_frame_equal(again.scores, tables.scores)
    assert leftovers(out) == []

    files[0].write_bytes(files[0].read_bytes()[:-9])
    mended = executed(plan, out)
    pd.testing.assert_frame_equal(mended.scores, tables.scores)
    assert sorted(out.glob("blocks/*/*.parquet")) == files


TELLS = """
from mimbench import Detector

class Tells(Detector):
    trains_on = "target"

    def fit(self, train):
        self.level = float(train.target.images.float().mean())
        self.quality = {"images": 3, "accuracy": 0.5}
        self.history = [{"step": 10, "loss": 1.0, "critic": 0.5}]
        self.not_run = {"z": "no z", "a": "no a"}

    def score(self, batch):
        return (batch.images.float().mean((1, 2, 3)) - self.level).abs()
"""


def test_a_rerun_leaves_the_same_bytes_so_that_verdicts_stay(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "tells.py").write_text(TELLS)
    plan, out = planned(folders, [f"{tmp_path / 'tells.py'}:Tells"]), tmp_path / "out"
    executed(plan, out)
    (out / "verdicts.json").touch()
    names = ("scores.parquet", "fits.parquet", "images.parquet", "training.csv")
    before = {name: (out / name).read_bytes() for name in names}
    executed(plan, out)
    assert {name: (out / name).read_bytes() for name in names} == before
    assert (out / "verdicts.json").exists()


def said_of_fits(plan: Plan, out: Path) -> list[str]:
    """What a run says of earlier fits in its folder."""
    shares = Shares()
    execute(plan, out, shares)
    return [text for text in shares.said if "fitted again" in text]


def test_a_run_with_other_threads_trains_its_own_fits_and_says_so(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, out = planned(folders, ["histogram"]), tmp_path / "out"
    said = []
    for threads in (1, 1, 2):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        said.append(said_of_fits(plan, out))
    assert said[:2] == [[], []]
    (told,) = said[2]
    assert "threads per process (1, now 2; to use the earlier fits, set OMP_NUM_THREADS" in told
    assert len(list((out / "fits").glob("*.json"))) == 2


def test_a_row_that_is_fitted_again_is_named_with_what_changed(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    file, out = tmp_path / "tells.py", tmp_path / "out"
    file.write_text(TELLS)
    control = {"extends": "histogram", "input_size": 32}  # what the plug-in sees
    rows = [f"{file}:Tells", {**control, "parameters": {"bins": 4}}]
    assert said_of_fits(planned(folders, rows), out) == []
    file.write_text(TELLS + "# another version\n")
    rows[1] = {**control, "parameters": {"bins": 2}}
    assert said_of_fits(planned(folders, rows), out) == [
        "Tells is fitted again. Changed since its earlier fit: file tells.py.",
        "histogram is fitted again. Changed since its earlier fit: parameter bins (4, now 2).",
    ]
    fewer = planned(folders, rows, known=("measles",), folds=2)
    assert any("images to train on" in text for text in said_of_fits(fewer, out))
    assert said_of_fits(planned(folders, rows, folds=2), tmp_path / "new") == []


def test_a_fit_whose_file_is_missing_is_said_to_be_damaged(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    plan, out = planned(folders, ["histogram"]), tmp_path / "out"
    assert said_of_fits(plan, out) == []
    (state,) = (out / "fits").glob("*.safetensors")
    state.unlink()
    assert said_of_fits(plan, out) == [
        "histogram is fitted again. A file of its earlier fit is missing or damaged."
    ]


def test_files_of_one_name_do_not_hide_each_other() -> None:
    files = [["net.pth", "1"], ["net.pth", "2"], ["mine.py", "3"]]
    assert digests_by_name(files) == {"net.pth": "1+2", "mine.py": "3"}


def test_what_is_damaged_among_earlier_fits_is_no_reason(
    folders: dict[str, Path], plugin: Path, tmp_path: Path
) -> None:
    (tmp_path / "fits").mkdir()
    for name, note in (("a" * 16, "[]"), ("b" * 16, '{"recipe": {"name": {}}}'), ("c" * 16, "{")):
        (tmp_path / "fits" / f"{name}.json").write_text(note)
        (tmp_path / "fits" / f"{name}.safetensors").touch()
    assert said_of_fits(planned(folders, [f"{plugin}:Brightness"]), tmp_path) == []


def test_the_untrained_inpainting_is_made_once_per_shard_for_all_rows(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, int]] = []

    def counted(name: str, images: Tensor) -> Tensor:
        asked.append((name, len(images)))
        return provide(name, images)

    monkeypatch.setattr(shared, "provide", counted)
    monkeypatch.setattr(scoring, "SHARD", 30)
    monkeypatch.setattr(scoring, "BATCH", 16)
    short = tmp_path / "short.toml"
    short.write_text('extends = "mim"\nname = "short"\n[parameters]\nsteps = 1\nwidth = 2\n')
    plan = planned(folders, [str(short), "harmonic", "random-generator"])
    rows = set(executed(plan, tmp_path / "out").scores["score"])
    assert {"short/contrast", "harmonic/rough", "random-generator/contrast"} <= rows
    shards = [len(unit.rows) for unit in scoring.units(plan)]
    assert len(shards) > 1
    assert asked == [("inpaint:harmonic:checkerboard-8", count) for count in shards]


class Shares(Silent):
    """Remembers how far each stage of a run came, and what was said."""

    def __init__(self) -> None:
        self.reached: dict[str, float] = {}
        self.said: list[str] = []

    def message(self, text: str) -> None:
        self.said.append(text)

    def stage(self, title: str, total: float) -> None:
        self.title, self.total = title, total
        self.reached[title] = 0.0

    def update(self, done: float, note: str = "", left: float | None = None) -> None:
        self.reached[self.title] = done / self.total


def test_every_stage_comes_to_its_end(folders: dict[str, Path], tmp_path: Path) -> None:
    images = ImageOptions(data=(str(folders["data"]),), canonical_size=32)
    shares = Shares()
    run(RunFile(detectors=("histogram",), data=images), tmp_path / "out", shares)
    assert len(shares.reached) >= 4
    assert set(shares.reached.values()) == {1.0}, shares.reached


def test_tables_of_other_images_are_not_replaced_without_a_word(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    both, said = ("histogram", "complexity"), []
    for name, detectors in (
        ("data", both[:1]),
        ("data", both),
        ("data", both[:1]),
        ("other", both),
    ):
        if name == "other":
            shutil.copytree(folders["data"], tmp_path / "other")
            next((tmp_path / "other").rglob("*.png")).unlink()
        place = folders["data"] if name == "data" else tmp_path / "other"
        images = ImageOptions(data=(str(place),), canonical_size=32)
        shares = Shares()
        run(RunFile(detectors=detectors, data=images), tmp_path / "out", shares)
        said.append([text for text in shares.said if "will be replaced" in text])
    assert said[:2] == [[], []], "nothing goes"
    assert "rows of complexity, which this run leaves out" in said[2][0]
    assert "tables of other images" in said[3][0]


@pytest.mark.parametrize(
    ("name", "line", "reason"),
    [
        ("Raises", 'raise RuntimeError("the fit went wrong")', "RuntimeError: the fit went wrong"),
        ("NotFinite", "def score(self, batch):", "not finite"),
        ("Unbuilt", "self.level = undefined", "NameError: name 'undefined' is not defined"),
    ],
)
def test_a_broken_plug_in_is_a_failed_row_with_its_line_and_the_others_go_on(
    folders: dict[str, Path], plugin: Path, tmp_path: Path, name: str, line: str, reason: str
) -> None:
    plan = planned(folders, [f"{plugin}:{name}", f"{plugin}:Brightness"])
    result = execute(plan, tmp_path, Silent())
    tables = read_tables(tmp_path)
    fits = tables.fits.set_index("detector")
    assert fits.loc[name, "status"] == "failed"
    assert reason in fits.loc[name, "reason"]
    code = plugin.read_text().splitlines()
    start = code.index(f"class {name}(Brightness):")
    number = next(k for k in range(start, len(code)) if code[k].strip() == line) + 1
    assert f"mine.py, line {number}: " in fits.loc[name, "reason"]
    assert [what.partition(",")[0] for what, _ in result.failures] == [name]
    assert set(tables.scores["score"]) == {"Brightness"}


def test_what_cannot_be_imported_or_lacks_weights_is_a_failed_row_too(
    folders: dict[str, Path], plugin: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken.py").write_text("import torch\n\nclass Mine(\n")
    (tmp_path / "late.py").write_text("import torch\n\ntorch.no_such_thing()\n")
    (tmp_path / "lacks.toml").write_text(
        'extends = "mim-perceptual"\nname = "lacks"\n[parameters]\nweights = "nowhere.pth"\n'
    )
    detectors = [f"{tmp_path}/broken.py:Mine", f"{tmp_path}/late.py:Yours", f"{plugin}:redness"]
    tables = executed(planned(folders, [*detectors, f"{tmp_path}/lacks.toml"]), tmp_path / "out")
    reasons = tables.fits.set_index("detector")["reason"]
    assert "broken.py, line 3: SyntaxError" in reasons["Mine"]
    assert "late.py, line 3: AttributeError" in reasons["Yours"]
    assert "There is no weights file" in reasons["lacks"]
    assert "nowhere.pth" in reasons["lacks"]
    assert set(tables.scores["score"]) == {"redness"}


def test_scores_depend_neither_on_folds_mates_nor_on_the_shard(
    folders: dict[str, Path], plugin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    detectors = [f"{plugin}:redness"]
    whole = executed(planned(folders, detectors, suites=("quick",)), tmp_path / "whole")
    monkeypatch.setattr("mimbench.evaluation.scoring.SHARD", 7)
    parts = executed(planned(folders, detectors, suites=("quick",)), tmp_path / "parts")
    keys = ["score", "corruption", "severity", "image_id"]
    left, right = (table.scores.sort_values(keys)["value"].to_numpy() for table in (whole, parts))
    np.testing.assert_array_equal(left, right)


NAMES = """
import torch
from mimbench import Detector

class Level(Detector):
    trains_on = "target"
    random = False

    def fit(self, train):
        self.level = train.target.images.float().mean()

    def score(self, batch):
        return (batch.images.float().mean((1, 2, 3)) - self.level).abs()

class value(Level):
    pass

class Control(Level):
    def score(self, batch):
        return {"a\\x1b[2J": super().score(batch)}

class ByBatch(Level):
    def score(self, batch):
        scores = {"a": super().score(batch), "b": super().score(batch)}
        return {"a": scores["a"]} if float(batch.images.float().mean()) > 132 else scores

class Unlike(ByBatch):
    seen = 0
    def score(self, batch):
        Unlike.seen += 1
        return {"a" if Unlike.seen == 1 else "c": Level.score(self, batch)}

class Complex(Level):
    def score(self, batch):
        return super().score(batch) * torch.ones((), dtype=torch.complex64)

class Whole(Level):
    def score(self, batch):
        return {"int": super().score(batch).long(), "bool": super().score(batch) > 9}

class Exits(Level):
    def score(self, batch):
        raise SystemExit(0)
"""


def test_scores_with_names_or_numbers_that_no_table_holds_fail_their_own_row_alone(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "names.py").write_text(NAMES)
    wrong = {
        "Control": ("control characters", r"\x1b"),
        "ByBatch": ("always be the same", "ByBatch/a, ByBatch/b", "names.py"),
        "Unlike": ("always be the same", "Unlike/a"),
        "Complex": ("is complex", "real number"),
        "Exits": ("sys.exit(0)", "names.py, line"),
    }
    names = [f"{tmp_path / 'names.py'}:{name}" for name in (*wrong, "value", "Whole")]
    shares = Shares()
    plan = planned(folders, names, suites=("quick",), severities=(1,))
    result = execute(plan, tmp_path / "out", shares)
    reasons = {what.partition(",")[0]: reason for what, reason in result.failures}
    assert reasons.keys() == wrong.keys()
    for name, texts in wrong.items():
        for text in texts:
            assert text in reasons[name], reasons[name]
    tables = read_tables(tmp_path / "out")
    assert set(tables.scores["score"]) == {"value", "Whole/int", "Whole/bool"}
    rows = tables.scores.groupby("score").size()
    assert rows.nunique() == 1, "every image under every condition"
    told = [text for text in shares.said if "converted to float64" in text]
    assert sorted(told) == [
        f"Scores of Whole/{kind.rstrip('64')} are {kind}; they are converted to float64."
        for kind in ("bool", "int64")
    ]


def test_check_finds_names_that_change_and_says_what_it_converts(tmp_path: Path) -> None:
    (tmp_path / "names.py").write_text(NAMES)
    first = next(iter(check(f"{tmp_path / 'names.py'}:ByBatch")))
    assert "ByBatch/b is not there for every batch" in first.problem
    first = next(iter(check(f"{tmp_path / 'names.py'}:Control")))
    assert "control characters" in first.problem
    first = next(iter(check(f"{tmp_path / 'names.py'}:Whole")))
    assert (first.problem, "Whole/int (int64)" in first.note) == ("", True)


def test_images_that_no_table_holds_end_the_run_before_the_first_fit(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    plan = planned(folders, ["histogram"])
    images = plan.images.assign(category=plan.images["category"].replace("orf", "=cmd()"))
    with pytest.raises(TableError, match="=cmd"):
        execute(replace(plan, images=images), tmp_path / "out", Silent())
    assert not list((tmp_path / "out" / "fits").iterdir())
