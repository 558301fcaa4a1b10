"""Each of anomalib's models trains and scores offline. anomalib is no part of the extra test."""

from typing import Any

import pytest
import torch
from stripes import blotches, stripes, training_set

from mimbench.detectors.anomalib import Anomalib
from mimbench.detectors.anomalib.models import MODELS
from mimbench.detectors.networks.weights import packaged_file
from mimbench.detectors.protocol import Batch
from mimbench.errors import RecipeError

pytest.importorskip("anomalib", reason="anomalib's models: pip install anomalib")

LITE0 = {
    "backbone": "timm/tf_efficientnet_lite0",
    "weights": "efficientnet_lite0",
    "options": {"layers": ["blocks.1", "blocks.2", "blocks.4"]},
}
OWN: dict[str, dict[str, Any]] = {"draem": {"batch_size": 2}}
CASES = [(name, OWN.get(name, {"weights": "none", "batch_size": 4})) for name in sorted(MODELS)]
if packaged_file("efficientnet_lite0") is not None:
    CASES += [(name, LITE0) for name in ("padim", "patchcore", "stfpm")]


def larger(images: torch.Tensor) -> torch.Tensor:
    return images.repeat_interleave(2, 2).repeat_interleave(2, 3)


@pytest.mark.filterwarnings("ignore")  # those of anomalib's dependencies
@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_a_model_trains_scores_and_survives_its_state(
    name: str, parameters: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    target, held_out = (larger(stripes(n, n, upright=True)) for n in (8, 2))
    detector = Anomalib(name, steps=2, **parameters)
    detector.fit(training_set(target, held_out))
    images = Batch(torch.cat([held_out, larger(blotches(2, 0))]))
    scores = detector.score(images)
    assert scores.shape == (4,)
    assert scores.isfinite().all()
    assert len(set(scores.tolist())) == 4
    other = Anomalib(name, steps=2, **parameters)
    other.load(detector.state())
    assert torch.equal(other.score(images), scores)


@pytest.mark.filterwarnings("ignore")
def test_a_layer_that_the_backbone_has_not_got_is_refused() -> None:
    detector = Anomalib("patchcore", weights="none", options={"layers": ["layer1", "layer9"]})
    images = larger(stripes(4, 0, upright=True))
    with pytest.raises(RecipeError, match="layer9"):
        detector.fit(training_set(images, images))


def test_draem_ranks_images_that_its_probability_cannot_tell_apart() -> None:
    draem = MODELS["draem"]
    assert draem.score is not None

    class Certain(torch.nn.Module):
        """Logits that a float32 softmax makes 1 alike."""

        def reconstructive_subnetwork(self, images: torch.Tensor) -> torch.Tensor:
            return images

        def discriminative_subnetwork(self, seen: torch.Tensor) -> torch.Tensor:
            high = 100 * seen[:, :1]
            return torch.cat([torch.zeros_like(high), high], dim=1)

    images = torch.stack([torch.full((3, 4, 4), 0.3), torch.full((3, 4, 4), 0.4)])
    assert draem.score(Certain(), images).tolist() == pytest.approx([30.0, 40.0])
