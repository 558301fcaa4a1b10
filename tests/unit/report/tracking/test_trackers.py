"""A run in a tracker has the numbers of its leaderboard, its figures and its page."""

import shutil
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from mimbench.cli import main
from mimbench.errors import MissingPartError, OutputError, UnknownNameError
from mimbench.report import Report
from mimbench.report.tracking import Tracked, log_to, require, tracked

# MLflow says that servers with a database will replace its folders
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def run(report: Report) -> Tracked:
    return tracked(report)


@pytest.fixture(scope="module")
def leaderboard(report: Report) -> pd.DataFrame:
    return pd.read_csv(report.folder / "leaderboard.csv").set_index("row")


def test_every_number_of_the_leaderboard_is_there_with_its_interval(
    run: Tracked, leaderboard: pd.DataFrame
) -> None:
    row = str(leaderboard.index[0])
    column = next(name for name in leaderboard if name.endswith(":auroc"))
    group = column.partition(":")[0]
    for end in ("", "_low", "_high"):
        found = run.metrics[f"{row}/{group}/auroc{end}"]
        assert found == pytest.approx(leaderboard.loc[row, f"{column}{end}"])
    numbers = leaderboard.filter(like=":").select_dtypes("number")
    assert len(run.metrics) >= int(numbers.notna().to_numpy().sum())
    assert run.parameters["target"] == "mpox"
    assert run.files[0].name == "index.html"
    assert run.figures


def test_mlflow_has_parameters_numbers_figures_and_the_page(
    run: Tracked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # MLflow 3 asks for it
    mlflow = pytest.importorskip("mlflow", reason="mlflow is not installed: mimbench[mlflow]")
    place = (tmp_path / "mlruns").as_uri()
    said = log_to("mlflow", run, "skin", place)
    client = mlflow.MlflowClient(tracking_uri=place)
    experiment = client.get_experiment_by_name("skin")
    (made,) = client.search_runs([experiment.experiment_id])
    assert made.info.run_id in said
    assert made.info.status == "FINISHED"
    assert made.data.metrics == pytest.approx(dict(run.metrics))
    assert set(made.data.params) == set(run.parameters)
    names = {file.path for file in client.list_artifacts(made.info.run_id)}
    assert {"index.html", "leaderboard.csv", "figures"} <= names
    pictures = {file.path for file in client.list_artifacts(made.info.run_id, "figures")}
    assert pictures == {f"figures/{path.name}" for path in run.figures}
    log_to("mlflow", run, "skin", place)
    assert len(client.search_runs([experiment.experiment_id])) == 2


def test_tensorboard_reads_numbers_figures_and_parameters(run: Tracked, tmp_path: Path) -> None:
    reason = "tensorboard is not installed: mimbench[tensorboard]"
    reader = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason=reason
    )
    said = log_to("tensorboard", run, "skin", str(tmp_path))
    folder = next((tmp_path / "skin").iterdir())
    assert f"tensorboard --logdir {tmp_path / 'skin'}" in said
    read = reader.EventAccumulator(str(folder), {"images": 0, "scalars": 0, "tensors": 0})
    read.Reload()
    assert set(read.Tags()["scalars"]) == set(run.metrics)
    name, value = next(iter(run.metrics.items()))
    assert read.Scalars(name)[0].value == pytest.approx(value, rel=1e-6)
    assert {f"figures/{path.stem}" for path in run.figures} == set(read.Tags()["images"])
    text = read.Tensors("parameters")[0].tensor_proto.string_val[0].decode()
    assert "target = mpox" in text
    assert (folder / "index.html").read_bytes() == run.files[0].read_bytes()
    with pytest.raises(OutputError, match="another project"):
        log_to("tensorboard", run, "skin", str(tmp_path))


class FakeWandb(ModuleType):
    """Records what it is given; the library itself talks to a server and takes 100 MB."""

    def __init__(self) -> None:
        super().__init__("wandb")
        self.given: dict[str, Any] = {"files": []}
        self.Image = Path
        files: list[str] = self.given["files"]
        self.Artifact = lambda name, type: SimpleNamespace(name=name, add_file=files.append)

    def init(self, **about: Any) -> SimpleNamespace:
        self.given |= about
        return SimpleNamespace(
            id="r1",
            summary=self.given.setdefault("summary", {}),
            log=lambda pictures: self.given.update(pictures=pictures),
            log_artifact=lambda artifact: self.given.update(artifact=artifact.name),
            finish=lambda: self.given.update(finished=True),
        )


def test_wandb_is_given_the_same(run: Tracked, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeWandb()
    monkeypatch.setitem(sys.modules, "wandb", fake)
    assert "r1" in log_to("wandb", run, "skin")
    assert fake.given["summary"] == run.metrics
    assert fake.given["config"] == run.parameters
    assert len(fake.given["pictures"]) == len(run.figures)
    assert fake.given["files"] == [str(path) for path in run.files]
    assert fake.given["finished"]


def test_a_tracker_that_is_not_there_is_said_with_what_to_install(
    run: Tracked, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UnknownNameError, match="mlflow"):
        require("mlfow")
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(MissingPartError, match=r"pip install 'mimbench\[wandb\]'"):
        require("wandb")
    with pytest.raises(MissingPartError, match=r"pip install 'mimbench\[wandb\]'"):
        log_to("wandb", run, "skin")


def test_what_a_tracker_refuses_is_one_sentence(
    run: Tracked, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeWandb()
    monkeypatch.setattr(fake, "init", lambda **about: 1 / 0)
    monkeypatch.setitem(sys.modules, "wandb", fake)
    with pytest.raises(OutputError, match="wandb did not take the run: ZeroDivisionError"):
        log_to("wandb", run, "skin")


def test_the_command_says_where_the_run_is(
    report: Report,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    folder = shutil.copytree(report.folder, tmp_path / "run")
    line = ["mimbench", "log", str(folder), "--to", "tensorboard", "--place", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", [*line, "--quiet"])
    assert main() == 0
    assert "tensorboard --logdir" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", [*line[:4], "mlfow"])
    assert main() == 64
    assert "Did you mean mlflow" in capsys.readouterr().err
