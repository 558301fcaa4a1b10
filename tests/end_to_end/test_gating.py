"""A damaged model fails the gate, a re-trained twin passes: from images to the exit code."""

import sys
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest

from mimbench.cli import main
from mimbench.data.options import ImageOptions
from mimbench.evaluation.planning.plan import RunFile, make_plan
from mimbench.evaluation.runner import execute
from mimbench.progress import Silent
from mimbench.scores.reading import read_tables
from mimbench.scores.tables import RunTables

TEXTURE = '''
import torch
from torch.nn.functional import conv2d

from mimbench import Detector


class Texture(Detector):
    """Distance to the target's mean response of random filters."""

    trains_on = "target"

    def fit(self, train):
        self.filters = torch.randn(24, 3, 7, 7, generator=train.generator)
        responses = self.responses(train.target.images)
        self.mean, self.sd = responses.mean(0), responses.std(0)

    def responses(self, images):
        maps = conv2d(images.float() / 255, self.filters, stride=3)
        return torch.cat([maps.mean((2, 3)), maps.std((2, 3)).clamp(min=1e-3).log()], dim=1)

    def score(self, batch):
        responses = self.responses(batch.images)
        return ((responses - self.mean) / self.sd).square().mean(1)

    def state(self):
        return {"filters": self.filters, "mean": self.mean, "sd": self.sd}

    def load(self, state):
        self.filters, self.mean, self.sd = state["filters"], state["mean"], state["sd"]
'''
DAMAGE = ("batch.images", "batch.images.flip(1)")  # BGR, as other image libraries read
SUITE = """
name = "one"
description = "One condition."
severities = [2]
corruptions = ["gaussian_noise"]
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Three seeds of a model, three more of the same, three of the damaged one; a gate file."""
    root = tmp_path_factory.mktemp("gate")
    suite = root / "one.toml"
    suite.write_text(SUITE)
    plugin = root / "texture.py"
    plugin.write_text(TEXTURE)
    six = _run(root / "six", plugin, suite, 6)
    plugin.write_text(TEXTURE.replace(*DAMAGE))
    gate_file = root / "gate.toml"
    gate_file.write_text('role = "abnormal"\n')
    return {
        "file": gate_file,
        "reference": _part(six, root / "reference", (0, 1, 2)),
        "twin": _part(six, root / "twin", (3, 4, 5)),
        "damaged": _run(root / "damaged", plugin, suite, 3),
    }


def _run(out: Path, plugin: Path, suite: Path, seeds: int) -> Path:
    run = RunFile(
        detectors=(f"{plugin}:Texture",),
        suites=(str(suite),),
        seeds=seeds,
        data=ImageOptions(data=("phantom",), abnormal=("generated",)),
    )
    execute(make_plan(run), out, Silent())
    return out


def _part(run: Path, out: Path, seeds: tuple[int, ...]) -> Path:
    """The run as it would be with these seeds alone."""
    tables = read_tables(run)
    fits = tables.fits[tables.fits["seed"].isin(seeds)]
    scores = tables.scores[tables.scores["fit_id"].isin(fits["fit_id"])]
    out.mkdir()
    RunTables(scores, fits, tables.images).write(out)
    return out


def _mimbench(*arguments: object) -> int:
    before, sys.argv = sys.argv, ["mimbench", *map(str, arguments)]
    try:
        return main()
    finally:
        sys.argv = before


def test_a_retrained_twin_passes(runs: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("--file", runs["file"], "--require-evidence")
    assert _mimbench("gate", runs["reference"], runs["twin"], *asked) == 0
    text = capsys.readouterr().out
    assert "PASS          Texture" in text
    assert "retraining sd 0.000" not in text


def test_a_damaged_model_fails_and_the_outputs_say_where(
    runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [
        "--file",
        runs["file"],
        "--junit",
        tmp_path / "gate.xml",
        "--markdown",
        tmp_path / "gate.md",
    ]
    assert _mimbench("gate", runs["reference"], runs["damaged"], "--explain", *files) == 1
    text = capsys.readouterr().out
    assert "REGRESSION    Texture" in text
    assert "moved most" in text
    suite = ElementTree.parse(tmp_path / "gate.xml").getroot()
    assert int(suite.get("failures", "0")) >= 1
    assert "| regression | Texture | clean |" in (tmp_path / "gate.md").read_text()


def test_the_three_tables_are_all_that_a_reference_needs(runs: dict[str, Path]) -> None:
    kept = {path.name for path in runs["reference"].iterdir()}
    assert kept == {"scores.parquet", "fits.parquet", "images.parquet"}
    assert sum(path.stat().st_size for path in runs["reference"].iterdir()) < 1_000_000
    scores = pd.read_parquet(runs["reference"] / "scores.parquet")
    assert set(scores["corruption"]) == {"clean", "gaussian_noise"}
