"""Classifiers: weights from files, training modes, state, calibration."""

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from stripes import blotches, stripes, training_set
from torch import Tensor, nn

from mimbench.detectors.classifier.classifier import Classifier
from mimbench.detectors.networks.network import build_network
from mimbench.detectors.protocol import Batch, ImageSet, TrainingSet
from mimbench.detectors.statefile import read_state, write_state
from mimbench.errors import TrainingError, UnknownNameError, WeightsError
from mimbench.testing import DetectorContract

BODY = "squeezenet1_0"
SCORES = ("posterior", "knn-target", "mahalanobis", "vim")


def data(seed: int = 1) -> TrainingSet:
    """Upright stripes (the target) beside blotches, a known category."""
    target = stripes(16, 0, upright=True)
    base = training_set(target, target[:4], seed=seed)
    known = ImageSet(blotches(16, 1), ("blotches",) * 16, tuple(f"b{i}" for i in range(16)))
    held_out = ImageSet(
        torch.cat([stripes(6, 2, upright=True), blotches(6, 3)]),
        ("target",) * 6 + ("blotches",) * 6,
        tuple(f"h{i}" for i in range(12)),
    )
    return replace(base, known=known, validation=held_out)


def fitted(architecture: str = BODY, **parameters: Any) -> Classifier:
    classifier = Classifier(architecture, **{"steps": 4, "batch_size": 8, **parameters})
    classifier.fit(data())
    return classifier


def scores(classifier: Classifier) -> dict[str, Tensor]:
    images = torch.cat([stripes(4, 5, upright=True), blotches(4, 6)])
    with torch.inference_mode():
        found = classifier.score(Batch(images))
    return {name: values for name, values in found.items() if isinstance(values, Tensor)}


class TestContract(DetectorContract):
    """A few steps suffice: the first score is a distance in features."""

    least_auroc = 0.9

    @pytest.fixture(autouse=True)
    def _recipe_file(self, tmp_path: Path) -> None:
        path = tmp_path / "small.toml"
        path.write_text(
            'name = "small"\ndetector = "classifier"\ninput_size = 32\n'
            'scores = ["knn-target", "mahalanobis-target", "posterior"]\n'
            '[parameters]\narchitecture = "squeezenet1_0"\nsteps = 4\nbatch_size = 16\n'
        )
        type(self).spec = str(path)


def test_a_state_file_restores_all_scores_and_the_quality(tmp_path: Path) -> None:
    first = fitted(scores=SCORES)
    assert "not linear in the features" in first.not_run["vim"]
    measures = {"images", "accuracy", "balanced_accuracy", "ECE", "temperature"}
    assert set(first.quality) == measures
    write_state(tmp_path / "state.safetensors", first.state())
    second = Classifier(BODY, scores=SCORES)
    second.load(read_state(tmp_path / "state.safetensors"))
    assert (second.categories, second.quality) == (first.categories, first.quality)
    assert second.not_run == first.not_run
    before, after = scores(first), scores(second)
    assert "knn-target" in before
    assert all(torch.equal(before[name], after[name]) for name in before)


class PreparedError(Exception):
    """Ends a fit where its training would begin."""


def test_the_training_is_made_for_few_and_unequal_images(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}

    def prepare(*arguments: Any, **options: Any) -> None:
        given.update(step=arguments[3], options=arguments[4], **options)
        raise PreparedError

    monkeypatch.setattr("mimbench.detectors.classifier.classifier.Trainer", prepare)
    few = ImageSet(data().target.images[:4], ("target",) * 4, ("a", "b", "c", "d"))
    with pytest.raises(PreparedError):
        Classifier(BODY).fit(replace(data(), target=few))
    chances = given["weights"] / given["weights"].sum()
    assert chances[:4].sum() == pytest.approx(0.5)  # 4 of 20 images are the target's
    rates = [given["options"].rate(share) for share in (0.0, 0.1, 0.55, 1.0)]
    assert rates == pytest.approx([0.1, 1.0, 0.5, 0.0])
    assert given["validate"] is not None
    assert given["options"].patience > 0


def test_smoothed_labels_keep_the_posterior_from_the_extremes() -> None:
    # not SqueezeNet: the ReLU after its head dies easily, and what is dead has no spread either
    spread = []
    for smoothing in (0.0, 0.4):
        classifier = fitted("resnet18", steps=20, label_smoothing=smoothing)
        assert classifier.quality["accuracy"] > 0.7  # it has learnt: chance is 0.5
        spread.append(float(scores(classifier)["posterior"].abs().max()))
    assert 1.0 < spread[1] < 0.6 * spread[0]  # log 4 = 1.39 is what 0.4 asks for


@pytest.mark.parametrize("architecture", [BODY, "timm/test_resnet"])
def test_a_new_network_leaves_the_generators_of_every_device_as_they_were(
    architecture: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for device in ("cuda", "xpu"):  # torch.manual_seed would seed these, and nothing restores them
        monkeypatch.setattr(
            f"torch.{device}.manual_seed_all", lambda *_: pytest.fail("it seeds another device")
        )
    before = torch.get_rng_state()
    one = build_network(architecture, 2, "none", seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    torch.default_generator.manual_seed(99)
    other = build_network(architecture, 2, "none", seed=1)
    for (name, tensor), again in zip(
        one.state_dict().items(), other.state_dict().values(), strict=True
    ):
        assert torch.equal(tensor, again), name


@pytest.mark.parametrize(
    ("suffix", "wrap", "prefix"),
    [
        (".safetensors", None, ""),
        (".pth", None, "module."),
        (".pth", "model", ""),
        (".pth", "model_state_dict", ""),
        (".pth", "state_dict", "model."),
    ],
)
def test_weights_load_from_a_file_whatever_its_head_and_wrapping(
    suffix: str, wrap: str | None, prefix: str, tmp_path: Path
) -> None:
    source = build_network(BODY, 7, "none", seed=9).body.state_dict()
    path = tmp_path / f"weights{suffix}"
    if suffix == ".safetensors":
        save_file(source, path)
    else:
        named = {prefix + name: tensor for name, tensor in source.items()}
        torch.save({"epoch": 3, wrap: named} if wrap else named, path)
    loaded = build_network(BODY, 3, str(path), seed=0).body.state_dict()
    assert loaded["classifier.1.weight"].shape[0] == 3
    body = [name for name in source if not name.startswith("classifier.1.")]
    assert all(torch.equal(source[name], loaded[name]) for name in body)


def test_auxiliary_heads_are_left_out_and_the_network_is_the_same(tmp_path: Path) -> None:
    source = torchvision.models.googlenet(weights=None, aux_logits=True, init_weights=False)
    save_file(source.state_dict(), tmp_path / "googlenet.safetensors")
    loaded = build_network("googlenet", 2, str(tmp_path / "googlenet.safetensors"), seed=0)
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    source.fc = nn.Identity()
    loaded.body.fc = nn.Identity()
    source.transform_input = True  # as torchvision sets it for ImageNet's weights
    with torch.inference_mode():
        assert torch.equal(source.eval()(images), loaded.body.eval()(images))


def test_weights_of_another_network_are_refused_by_name(tmp_path: Path) -> None:
    source = build_network(BODY, 2, "none", seed=0).body.state_dict()
    first = "features.0.weight"
    source["stem.weight"] = source.pop("features.0.bias")
    source[first] = source[first][:, :1].contiguous()
    save_file(source, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError) as caught:
        build_network(BODY, 2, str(tmp_path / "other.safetensors"), seed=0)
    for part in (
        "1 missing (features.0.bias)",
        "1 unexpected (stem.weight)",
        f"shape ({first} (96, 1, 7, 7) ",
    ):
        assert part in str(caught.value)


class Attack:
    """Runs code when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors", ".bin"])
def test_a_file_that_would_run_code_is_refused_and_does_not_run(
    suffix: str, tmp_path: Path
) -> None:
    victim = tmp_path / "touched"
    for protocol in (2, 4):
        path = tmp_path / f"weights{protocol}{suffix}"
        path.write_bytes(pickle.dumps({"weight": Attack(victim)}, protocol=protocol))
        with pytest.raises(WeightsError, match="weights"):
            build_network(BODY, 2, str(path), seed=0)
    torch.save({"weight": Attack(victim)}, path)
    with pytest.raises(WeightsError):
        build_network(BODY, 2, str(path), seed=0)
    assert not victim.exists()


def test_a_classifier_without_a_known_category_says_what_is_missing() -> None:
    with pytest.raises(TrainingError, match="at least one known category"):
        Classifier(BODY).fit(replace(data(), known=None))


def test_wrong_parameters_are_refused_before_any_training() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean mahalanobis"):
        Classifier(BODY, scores=["mahalanobi"])
