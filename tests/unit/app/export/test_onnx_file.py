"""What torch's exporter would translate with less precision, or not at all."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mimbench.app.export.onnx_file import _translations

pytestmark = pytest.mark.slow


class Reduced(nn.Module):
    """A sum over what is visible, a count, a mean, and distances to a list of features."""

    def forward(self, values: Tensor, visible: Tensor, features: Tensor) -> tuple[Tensor, ...]:
        total = values.masked_fill(~visible, 0.0).sum((1, 2, 3))
        nearest = torch.cdist(values.flatten(2)[0, :, :4], features)
        return total, visible.sum((1, 2, 3)), values.mean((1, 2, 3)), nearest


def test_sums_over_flat_pictures_keep_their_digits_and_distances_are_exported(
    tmp_path: Path,
) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="pip install onnxruntime")
    pytest.importorskip("onnxscript", reason="pip install onnx onnxscript")
    values = torch.full((1, 3, 256, 256), 0.7)
    given = (values, torch.ones(1, 1, 256, 256, dtype=torch.bool), torch.eye(4))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        torch.onnx.export(
            Reduced(), given, tmp_path / "reduced.onnx", dynamo=True, verbose=False,
            input_names=["values", "visible", "features"],
            custom_translation_table=_translations(),
        )  # fmt: skip
    session = onnxruntime.InferenceSession(str(tmp_path / "reduced.onnx"))
    names = [one.name for one in session.get_inputs()]
    inputs = dict(zip(("values", "visible", "features"), given, strict=True))
    found = session.run(None, {name: inputs[name].numpy() for name in names})
    pixel = float(np.float32(0.7))
    assert found[0] == pytest.approx(3 * 256 * 256 * pixel, rel=1e-7)
    assert found[1].tolist() == [256 * 256]
    assert found[2] == pytest.approx(pixel, rel=1e-7)
    expected = np.linalg.norm(np.full(4, pixel) - np.eye(4), axis=1)
    assert found[3] == pytest.approx(np.tile(expected, (3, 1)), rel=1e-6)
