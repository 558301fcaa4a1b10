"""A row's graph as an ONNX file, with weights of half precision where that is asked for."""

import contextlib
import io
import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mimbench.app.export.row_graph import RowGraph
from mimbench.errors import MissingPartError

__all__ = ["Session", "half_weights", "onnx_bytes", "require_onnx"]

LEAST = 64  # numbers in a tensor that is worth a conversion
INPUT = "picture"


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
            verbose=False,
        )
    if program is None:
        raise TypeError("torch.onnx.export returned no program")
    content: bytes = _without_origin(program.model_proto).SerializeToString()
    return content


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


def half_weights(content: bytes) -> bytes:
    """The same ONNX file with its weights in float16, which are widened when it is loaded.

    Arithmetic stays in float32.
    """
    import onnx
    from onnx import numpy_helper

    model = onnx.load_model_from_string(content)
    widened = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        narrow = values.astype(np.float16) if values.dtype == np.float32 else None
        if narrow is None or values.size < LEAST or not np.isfinite(narrow).all():
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(narrow, f"{name}.half"))
        widened.append(
            onnx.helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT)
        )
    nodes = [*widened, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    written: bytes = model.SerializeToString()
    return written


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
