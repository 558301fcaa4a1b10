"""A linear probe: its head is the best there is, and the seed changes nothing."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from sklearn.linear_model import LogisticRegression
from stripes import blotches, stripes, training_set
from torch import Tensor

from mimbench.detectors.classifier.linear_probe import LinearProbe, logistic_regression
from mimbench.detectors.imaging.shared import provide
from mimbench.detectors.networks.network import build_network
from mimbench.detectors.networks.weights import packaged_file
from mimbench.detectors.protocol import Batch, ImageSet, TrainingSet
from mimbench.errors import RecipeError, WeightsError
from mimbench.testing import DetectorContract

BODY = "timm/test_resnet"
LITE0 = ("timm/tf_efficientnet_lite0", "efficientnet_lite0")


def data(seed: int = 1) -> TrainingSet:
    """Upright stripes (the target) beside blotches, a known category with more images."""
    target = stripes(8, 0, upright=True)
    known = ImageSet(blotches(24, 1), ("blotches",) * 24, tuple(f"b{i}" for i in range(24)))
    held_out = ImageSet(
        torch.cat([stripes(6, 2, upright=True), blotches(6, 3)]),
        ("target",) * 6 + ("blotches",) * 6,
        tuple(f"h{i}" for i in range(12)),
    )
    return replace(training_set(target, target[:4], seed=seed), known=known, validation=held_out)


def posterior(probe: LinearProbe) -> Tensor:
    with torch.inference_mode():
        found = probe.score(Batch(torch.cat([stripes(4, 5, upright=True), blotches(4, 6)])))
    values = found["posterior"]
    assert isinstance(values, Tensor)
    return values


class TestContract(DetectorContract):
    """Even random features separate stripes from blotches."""

    least_auroc = 0.9

    @pytest.fixture(autouse=True)
    def _recipe_file(self, tmp_path: Path) -> None:
        path = tmp_path / "probe.toml"
        path.write_text(
            'name = "probe"\ndetector = "linear-probe"\ninput_size = 32\n'
            'scores = ["posterior", "mahalanobis-target"]\n'
            f'[parameters]\narchitecture = "{BODY}"\nviews = 2\n'
        )
        type(self).spec = str(path)


def test_the_seed_changes_nothing_and_only_the_head_is_trained() -> None:
    probes = [LinearProbe(BODY), LinearProbe(BODY)]
    for seed, probe in enumerate(probes):
        probe.fit(data(seed))
    assert torch.equal(posterior(probes[0]), posterior(probes[1]))
    start, network = build_network(BODY, 2, "none", seed=0).state_dict(), probes[0].network
    assert network is not None
    end = network.state_dict()
    assert {name for name in start if not torch.equal(start[name], end[name])} == {
        "body.fc.weight",
        "body.fc.bias",
    }
    assert probes[0].quality["accuracy"] > 0.9
    assert probes[0].blind  # random features: a control


def test_the_head_is_the_one_that_scikit_learn_finds() -> None:
    draws = torch.Generator().manual_seed(0)
    labels = torch.arange(90) % 3 * (torch.arange(90) < 60)  # 50, 20 and 20 images
    points = torch.randn(90, 5, generator=draws, dtype=torch.float64) + 0.7 * labels[:, None]
    found = logistic_regression(points, labels, torch.zeros(3, 6, dtype=torch.float64), 0.02)
    reference = LogisticRegression(
        C=1 / (2 * 0.02 * 90), class_weight="balanced", tol=1e-10, max_iter=1000
    ).fit(points.numpy(), labels.numpy())
    expected = reference.predict_log_proba(points.numpy())
    logits = points @ found[:, :-1].T + found[:, -1]
    torch.testing.assert_close(
        logits.log_softmax(1), torch.from_numpy(expected), rtol=1e-3, atol=1e-3
    )


def test_a_head_that_is_no_linear_layer_is_refused() -> None:
    with pytest.raises(RecipeError, match="squeezenet1_0 is a Conv2d"):
        LinearProbe("squeezenet1_0").fit(data())


def test_missing_weights_fail_the_fit_and_not_the_plan(tmp_path: Path) -> None:
    probe = LinearProbe(BODY, str(tmp_path / "none.safetensors"))
    with pytest.raises(WeightsError, match="no weights file"):
        probe.fit(data())


def test_shared_features_give_the_scores_of_its_own_network(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_file(build_network(BODY, 1000, "none", 3).body.state_dict(), path)
    probe = LinearProbe(BODY, str(path), views=1)
    probe.fit(data())
    images = stripes(4, 5, upright=True)
    asked: list[str] = []

    def provider(name: str, images: Tensor) -> Tensor:
        asked.append(name)
        return provide(name, images)

    with torch.inference_mode():
        shared, own = probe.score(Batch(images, provider)), probe.score(Batch(images))
        path.unlink()
        without = probe.score(Batch(images, provider))
    assert asked[:1] == list(probe.needs)
    for found in (shared, without):
        torch.testing.assert_close(found["posterior"], own["posterior"])


def test_pooled_features_of_a_transformer_serve_the_post_hoc_scores() -> None:
    detection = ("posterior", "knn-target", "mahalanobis-target")
    wanted = (*detection, "vim", "nnguide")
    probe = LinearProbe("timm/test_vit", side=80, views=1, scores=wanted)
    probe.fit(data())
    with torch.inference_mode():
        found = probe.score(Batch(torch.cat([stripes(4, 5, upright=True), blotches(4, 6)])))
    for name in wanted:
        values = found[name]
        assert isinstance(values, Tensor), values
        assert values.isfinite().all()
        assert name not in detection or values[:4].max() < values[4:].min(), name


@pytest.mark.skipif(packaged_file(LITE0[1]) is None, reason="pip install '.[pretrained]'")
def test_pretrained_features_tell_stripes_from_blotches() -> None:
    probe = LinearProbe(*LITE0)
    probe.fit(data())
    found = posterior(probe)
    assert found[:4].max() < found[4:].min()
