"""The trackers that a run can be written to; each is a library that need not be installed."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from PIL import Image

from mimbench.errors import MissingPartError, OutputError, UnknownNameError
from mimbench.report.tracking.content import Tracked

__all__ = ["TRACKERS", "log_to", "require"]

AT_ONCE = 100  # parameters or numbers that a server takes in one request
LONGEST = 500  # characters of a parameter; run.json, which is logged too, has the whole of it


def require(tracker: str) -> None:
    """Raise what `log_to` raises for a tracker that does not exist or is not installed."""
    if tracker not in TRACKERS:
        raise UnknownNameError("tracker", tracker, TRACKERS)
    _library(tracker, tracker)


def log_to(tracker: str, run: Tracked, project: str, place: str = "") -> str:
    """Write a run to a tracker, as a new run there.

    Args:
        tracker: one of `TRACKERS`.
        run: what to write.
        project: name of the experiment or project that it belongs to.
        place: address of a server or folder; empty: what the tracker is configured to.

    Returns:
        Where it is to be seen, as a sentence.

    Raises:
        UnknownNameError: no such tracker.
        MissingPartError: its library is not installed.
        OutputError: the tracker does not take it.
    """
    require(tracker)
    try:
        return TRACKERS[tracker](run, project, place)
    except (MissingPartError, OutputError):
        raise
    except Exception as error:  # of a library that talks to a server
        said = " ".join(str(error).split())
        raise OutputError(f"{tracker} did not take the run: {type(error).__name__}: {said}.") from (
            error
        )


def _to_mlflow(run: Tracked, project: str, place: str) -> str:
    mlflow = _library("mlflow", "mlflow")
    entities = _library("mlflow.entities", "mlflow")
    client = mlflow.MlflowClient(tracking_uri=place or None)
    known = client.get_experiment_by_name(project)
    experiment = known.experiment_id if known else client.create_experiment(project)
    made = client.create_run(
        experiment, run_name=run.name, tags={"mlflow.note.content": _note(run)}
    )
    number, now = made.info.run_id, int(time.time() * 1000)
    for some in _parts(run.parameters):
        client.log_batch(number, params=[entities.Param(k, _short(v)) for k, v in some])
    for some in _parts(run.metrics):
        client.log_batch(number, metrics=[entities.Metric(k, v, now, 0) for k, v in some])
    for path in run.files:
        client.log_artifact(number, str(path))
    for path in run.figures:
        client.log_artifact(number, str(path), "figures")
    client.set_terminated(number)
    return f"MLflow run {number} in the experiment {project}"


def _to_wandb(run: Tracked, project: str, place: str) -> str:
    wandb = _library("wandb", "wandb")
    if place:
        os.environ["WANDB_BASE_URL"] = place
    made = wandb.init(
        project=project, name=run.name, config=dict(run.parameters), notes=_note(run), reinit=True
    )
    try:
        made.summary.update(dict(run.metrics))
        pictures = {f"figures/{path.stem}": wandb.Image(str(path)) for path in run.figures}
        made.log(pictures)
        report = wandb.Artifact(f"{_plain(run.name)}-report", type="report")
        for path in run.files:
            report.add_file(str(path))
        made.log_artifact(report)
    finally:
        made.finish()
    return f"Weights & Biases run {made.id} in the project {project}"


def _to_tensorboard(run: Tracked, project: str, place: str) -> str:
    writer = _library("tensorboard.summary.writer.event_file_writer", "tensorboard")
    events = _library("tensorboard.compat.proto.event_pb2", "tensorboard")
    summaries = _library("tensorboard.compat.proto.summary_pb2", "tensorboard")
    texts = _library("tensorboard.plugins.text.metadata", "tensorboard")
    tensors = _library("tensorboard.compat.proto.tensor_pb2", "tensorboard")
    folder = Path(place or "tensorboard") / project / _plain(run.name)
    if any(folder.glob("events.*")):  # two runs in one folder would be one curve
        raise OutputError(f"{folder} has a run already; name another project, or remove it.")
    folder.mkdir(parents=True, exist_ok=True)
    values = [summaries.Summary.Value(tag=k, simple_value=v) for k, v in run.metrics.items()]
    for path in run.figures:
        with Image.open(path) as picture:
            width, height = picture.size
        image = summaries.Summary.Image(
            width=width, height=height, colorspace=4, encoded_image_string=path.read_bytes()
        )
        values.append(summaries.Summary.Value(tag=f"figures/{path.stem}", image=image))
    table = "\n".join(f"    {name} = {value}" for name, value in run.parameters.items())
    for tag, text in (("parameters", table), ("notes", _note(run))):
        values.append(
            summaries.Summary.Value(
                tag=tag,
                metadata=texts.create_summary_metadata(tag, ""),
                tensor=tensors.TensorProto(dtype="DT_STRING", string_val=[text.encode()]),
            )
        )
    file = writer.EventFileWriter(str(folder))
    try:
        for value in values:
            summary = summaries.Summary(value=[value])
            file.add_event(events.Event(wall_time=time.time(), step=0, summary=summary))
    finally:
        file.close()
    for path in run.files:
        (folder / path.name).write_bytes(path.read_bytes())
    return f"TensorBoard run in {folder}: tensorboard --logdir {folder.parent}"


TRACKERS: Mapping[str, Callable[[Tracked, str, str], str]] = {
    "mlflow": _to_mlflow,
    "wandb": _to_wandb,
    "tensorboard": _to_tensorboard,
}


def _library(module: str, extra: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingPartError(
            f"{module.partition('.')[0]} cannot be imported ({error}); to install it: "
            f"pip install 'mimbench[{extra}]'."
        ) from error


def _parts(named: Mapping[str, Any]) -> Iterator[Sequence[tuple[str, Any]]]:
    items = list(named.items())
    for start in range(0, len(items), AT_ONCE):
        yield items[start : start + AT_ONCE]


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _note(run: Tracked) -> str:
    lines = ["Written by `mimbench log`; the report is index.html.", *run.doubts]
    return "\n\n".join(lines)


def _plain(name: str) -> str:
    """A name as a file can have it."""
    return "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name)
