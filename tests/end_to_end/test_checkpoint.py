"""A checkpoint is scored without a fit, and the gate tells a damaged one from a sound one."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from small_images import write_category
from torch import Tensor

from mimbench.cli import main
from mimbench.data.dataset import ImageOptions
from mimbench.errors import RecipeError
from mimbench.evaluation.planning.plan import RunFile, make_plan
from mimbench.evaluation.runner import execute
from mimbench.progress import Silent
from mimbench.scores.reading import read_tables
from mimbench.scores.tables import RunTables
from mimbench.statistics.tables.validation import validation_table

TRAINING = """
name = "mine"
detector = "classifier"
input_size = 32
[parameters]
architecture = "squeezenet1_1"
steps = 40
batch_size = 16
"""
CHECKPOINT = """
name = "mine"
detector = "trained-classifier"
input_size = 32
scores = ["posterior", "energy", "knn"]
headline = ["posterior"]
[parameters]
architecture = "squeezenet1_1"
weights = "model.safetensors"
categories = ["Monkeypox", "measles"]
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with images, a recipe, a network trained on some of them, and its reference run."""
    root = tmp_path_factory.mktemp("checkpoint")
    for number, (name, level, patients) in enumerate(
        (("data/mpox", 90, 24), ("data/measles", 190, 24), ("unknown/orf", 170, 24))
    ):
        write_category(root / name, level, patients, number)
    (root / "training.toml").write_text(TRAINING)
    (root / "checkpoint.toml").write_text(CHECKPOINT)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        tables = executed("training.toml", "trained")
        fit = tables.fits["fit_id"].iloc[0]
        shutil.copy(f"trained/fits/{fit}.safetensors", "model.safetensors")
        executed("checkpoint.toml", "reference")
    return root


@pytest.fixture(autouse=True)
def _inside(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)


def executed(recipe: str, out: str, **options: str) -> RunTables:
    images = ImageOptions(data=("data",), unknown=("unknown",), canonical_size=32, **options)
    execute(make_plan(RunFile(detectors=(recipe,), data=images)), Path(out), Silent())
    return read_tables(Path(out))


def gated(monkeypatch: pytest.MonkeyPatch, candidate: str) -> int:
    monkeypatch.setattr("sys.argv", ["mimbench", "gate", "reference", candidate])
    return main()


def with_noise(share: float) -> dict[str, Tensor]:
    """The checkpoint with normal noise on every weight, in shares of its layer's deviation."""
    generator = torch.Generator().manual_seed(0)
    return {
        name: tensor + share * tensor.std() * torch.randn(tensor.shape, generator=generator)
        for name, tensor in load_file("model.safetensors").items()
    }


def test_a_checkpoint_scores_as_the_fit_that_it_was(place: Path) -> None:
    runs = [read_tables(place / name) for name in ("trained", "reference")]
    for score in ("mine/posterior", "mine/energy"):
        own = [run.scores[run.scores["score"] == score] for run in runs]
        before, after = (table.set_index("image_id")["value"] for table in own)
        assert (before - after[before.index]).abs().max() < 1e-4
    fits = runs[1].fits.iloc[0]
    assert (fits["fitted_on"], fits["status"]) == ("nothing", "ok")
    assert "already trained" in fits["not_run"]


def test_the_quality_of_a_fit_is_that_on_its_validation_images(place: Path) -> None:
    tables = read_tables(place / "trained")
    line = validation_table(tables.fits).iloc[0]
    assert line["images"] == (tables.images["split_0"] == "validation").sum()
    assert 0.9 <= line["balanced_accuracy"] <= 1  # grey levels far apart
    assert 0 <= line["ECE"] <= 1
    assert validation_table(read_tables(place / "reference").fits).empty


def test_new_weights_at_the_same_path_are_noticed_and_damage_fails_the_gate(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree("reference", "candidate")
    before = read_tables(Path("candidate"))
    sound = Path("model.safetensors").read_bytes()
    assert gated(monkeypatch, "candidate") == 0
    assert "every score is the same" in " ".join(capsys.readouterr().out.split())

    outcomes = {}
    for share in (1e-3, 2.0):
        save_file(with_noise(share), "model.safetensors")
        after = executed("checkpoint.toml", "candidate")
        Path("model.safetensors").write_bytes(sound)
        assert after.fits["state_hash"].iloc[0] != before.fits["state_hash"].iloc[0]
        code = gated(monkeypatch, "candidate")
        outcomes[share] = code, " ".join(capsys.readouterr().out.split())
    assert outcomes[1e-3][0] == 0
    assert "retraining variance excluded" in outcomes[1e-3][1]
    assert outcomes[2.0][0] == 1
    assert "REGRESSION mine/posterior" in outcomes[2.0][1]


def test_roles_that_the_checkpoint_was_not_trained_for_are_said() -> None:
    with pytest.raises(RecipeError, match=r"'mpox'.*target = "):
        executed("checkpoint.toml", "other", target="measles")
    recipe = CHECKPOINT.replace('"measles"]', '"orf"]')
    Path("orf.toml").write_text(recipe)
    images = ImageOptions(data=("data",), unknown=("unknown",), canonical_size=32)
    plan = make_plan(RunFile(detectors=("orf.toml",), data=images))
    assert any("was trained on orf" in note for note in plan.dataset.notes)
