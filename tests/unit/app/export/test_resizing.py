"""A resized picture has the same levels in ONNX Runtime as in the benchmark."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from mimbench.app.export.resizing import Resize
from mimbench.detectors.imaging.shared import resize


def pictures(side: int) -> torch.Tensor:
    """Noise, and few levels in cells as in a drawing, whose resized levels lie between integers."""
    draws = np.random.default_rng(0)
    noise = draws.integers(0, 256, (3, side, side), dtype=np.uint8)
    steps = draws.integers(0, 16, (3, side, side), dtype=np.uint8) * 16
    cells = draws.integers(0, 2, (3, side // 4, side // 4), dtype=np.uint8) * 255
    return torch.from_numpy(np.stack([noise, steps, cells.repeat(4, 1).repeat(4, 2)]))


@pytest.mark.parametrize(("side", "size"), [(64, 48), (48, 32), (64, 96), (224, 64), (64, 64)])
def test_no_level_differs_from_the_benchmark(side: int, size: int) -> None:
    graph = Resize(side, size)
    images = pictures(side)
    expected = resize(images, size)
    assert torch.equal(torch.cat([graph(image[None]) for image in images]), expected)


def test_no_level_differs_in_onnx_runtime(tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="pip install onnxruntime")
    pytest.importorskip("onnxscript", reason="pip install onnx onnxscript")
    images = pictures(64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        torch.onnx.export(
            Resize(64, 48), (images[:1],), tmp_path / "resize.onnx", dynamo=True,
            input_names=["picture"], verbose=False,
        )  # fmt: skip
    session = onnxruntime.InferenceSession(str(tmp_path / "resize.onnx"))
    for image in images:
        (found,) = session.run(None, {"picture": image[None].numpy()})
        assert np.array_equal(found, resize(image[None], 48).numpy())
