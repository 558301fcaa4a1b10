"""A row's graph as an ONNX file."""

import contextlib
import io
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mimbench.app.export.row_graph import RowGraph
from mimbench.errors import MissingPartError

__all__ = ["Session", "onnx_bytes", "require_onnx"]

INPUT = "picture"
FLOAT, INT64, DOUBLE = 1, 7, 11  # of onnx.TensorProto


def require_onnx() -> None:
    """Make sure that the libraries of the extra "app" are installed.

    Raises:
        MissingPartError: one is not.
    """
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingPartError(
            f"An app needs {error.name}, which is not installed: pip install 'mimbench[app]'."
        ) from error


@torch.no_grad()
def onnx_bytes(graph: RowGraph) -> bytes:
    """Content of an ONNX file.

    Args:
        graph: of a row, after `warm_up`.
    """
    # the exporter and its decompositions speak of their own deprecations and progress
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            graph.eval(),
            (graph.example,),
            dynamo=True,
            input_names=[INPUT],
            output_names=list(graph.outputs),
            custom_translation_table=_translations(),
            verbose=False,
        )
    if program is None:
        raise TypeError("torch.onnx.export returned no program")
    content: bytes = _without_origin(program.model_proto).SerializeToString()
    return content


def _translations() -> dict[Any, Any]:
    """Operators that torch translates in another way than parity needs, or not at all."""
    return {
        torch.ops.aten._cdist_forward.default: _distances,
        torch.ops.aten.mean.dim: _mean,
        torch.ops.aten.sum.dim_IntList: _sum,
    }


def _operators() -> Any:
    """ONNX's operators; the exporter takes a Python list where their types want a tensor."""
    from onnxscript import opset18

    return opset18


def _mean(values: Any, dim: Sequence[int], keepdim: bool = False, dtype: int | None = None) -> Any:
    """Mean in double precision: torch adds in a tree, other runtimes add one after the other."""
    op = _operators()
    mean = op.ReduceMean(op.Cast(values, to=DOUBLE), list(dim), keepdims=int(keepdim))
    return op.CastLike(mean, values)


def _sum(
    values: Any, dim: Sequence[int] | None, keepdim: bool = False, dtype: int | None = None
) -> Any:
    """Sum in double precision, as for the mean; a count of what is true is an integer."""
    op = _operators()
    total = op.ReduceSum(
        op.Cast(values, to=DOUBLE), list(dim) if dim else None, keepdims=int(keepdim)
    )
    return op.Cast(total, to=FLOAT if values.dtype == FLOAT else INT64)


def _distances(first: Any, second: Any, p: float, mode: int | None = None) -> Any:
    """Euclidean distances of the rows of two matrices, which torch does not translate itself."""
    if p != 2:
        raise ValueError(f"cdist with p = {p}; only p = 2 can be exported")
    op = _operators()
    apart = op.Sub(op.Unsqueeze(first, [-2]), op.Unsqueeze(second, [-3]))
    return op.Sqrt(op.ReduceSumSquare(apart, [-1], keepdims=0))


def _without_origin(model: Any) -> Any:
    """The model without the places in the source from which its nodes come: they name folders."""
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for function in model.functions:
        for node in function.node:
            del node.metadata_props[:]
            node.doc_string = ""
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        del value.metadata_props[:]
    for tensor in model.graph.initializer:
        del tensor.metadata_props[:]
    del model.graph.metadata_props[:]
    del model.metadata_props[:]
    return model


class Session:
    """An ONNX file that is ready to judge pictures, in ONNX Runtime on the CPU."""

    def __init__(self, content: bytes) -> None:
        """Load the content of a file that `onnx_bytes` made."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = 1  # as on the page; more gain nothing on one picture
        self._session = onnxruntime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"]
        )
        self.outputs = [output.name for output in self._session.get_outputs()]

    def __call__(self, picture: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        """Outputs by name for one picture, uint8 (C, C, 3)."""
        given = np.ascontiguousarray(picture.transpose(2, 0, 1)[None])
        return dict(zip(self.outputs, self._session.run(None, {INPUT: given}), strict=True))
