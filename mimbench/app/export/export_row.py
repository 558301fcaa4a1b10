"""From a chosen row to the bytes of model.onnx, checked in ONNX Runtime."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from mimbench.app.export.guard import Guard
from mimbench.app.export.onnx_file import Session, onnx_bytes
from mimbench.app.export.parity import Parity, check_parity, compare
from mimbench.app.export.row_graph import RowGraph
from mimbench.app.rows import AppRow
from mimbench.errors import DetectorError
from mimbench.evaluation.scoring import score_images
from mimbench.progress import Progress

__all__ = ["Model", "Pictures", "export_row"]


@dataclass(frozen=True)
class Pictures:
    """Pictures that every runtime must score alike.

    Attributes:
        pixels: uint8 (N, C, C, 3), RGB, at the canonical size.
        names: what each shows, for messages.
    """

    pixels: NDArray[np.uint8]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class Model:
    """A row as an ONNX file.

    Attributes:
        content: of model.onnx.
        outputs: names of what it returns.
        reference: float64 (N, F), torch's scores of the pictures.
        seen: float32 (N, 3), what the guard saw of them, see `guard.look`.
        parity: ONNX Runtime compared with torch.
    """

    content: bytes
    outputs: tuple[str, ...]
    reference: NDArray[np.float64]
    seen: NDArray[np.float32]
    parity: Parity


def export_row(row: AppRow, guard: Guard, pictures: Pictures, progress: Progress) -> Model:
    """Export all fits of a row and compare their scores with torch's.

    Raises:
        DetectorError: the row cannot be exported, or scores differently.
    """
    detectors = [fit.detector for fit in row.fits]
    canonical = pictures.pixels.shape[1]
    with torch.no_grad():
        graph = RowGraph(detectors, row.score, canonical, row.size, row.thresholds, guard)
        graph.warm_up()
    progress.stage("Exporting", 1)
    try:
        content = onnx_bytes(graph)
    except Exception as error:  # the exporter raises nearly anything on what it cannot express
        raise DetectorError(f"{row.name} cannot be exported: {_reason(error)}.") from error
    progress.update(1)
    reference = _torch_scores(row, pictures, progress)
    outcome, seen = _compared(content, row, reference, pictures, progress)
    check_parity(outcome, row.name)
    return Model(content, graph.outputs, reference, seen, outcome)


def _reason(error: BaseException) -> str:
    """First line of the exception that began it: it names the operator."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0].rstrip('.')}" if lines else type(error).__name__


def _torch_scores(row: AppRow, pictures: Pictures, progress: Progress) -> NDArray[np.float64]:
    progress.stage("Scoring with torch", len(row.fits))
    columns = []
    for number, fit in enumerate(row.fits):
        progress.update(number, str(fit.spec))
        found = score_images(fit, pictures.pixels, row.size, torch.device("cpu"))
        columns.append(found[row.name])
    progress.update(len(row.fits))
    return np.stack(columns, axis=1)


def _compared(
    content: bytes,
    row: AppRow,
    reference: NDArray[np.float64],
    pictures: Pictures,
    progress: Progress,
) -> tuple[Parity, NDArray[np.float32]]:
    """An ONNX file compared with torch's scores; and what the guard saw of each picture."""
    session = Session(content)
    progress.stage("Scoring with ONNX Runtime", len(pictures))
    scores, seen = [], []
    for number, pixels in enumerate(pictures.pixels):
        result = session(pixels)
        scores.append(result["row_scores"].astype(np.float64))
        seen.append(result["row_seen"])
        progress.update(number + 1)
    return parity_of("ONNX Runtime", row, reference, scores, pictures.names), np.stack(seen)


def parity_of(
    runtime: str,
    row: AppRow,
    reference: NDArray[np.float64],
    scores: Sequence[NDArray[np.float64]],
    names: Sequence[str],
) -> Parity:
    """Compare the scores (F,) of each picture in a runtime with torch's (N, F)."""
    return compare(runtime, reference, np.stack(scores), row.thresholds, row.unit, names)
