"""An already trained classifier: scored as it is, with the outputs it was trained with."""

from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import load_file, save_file
from stripes import blotches, stripes

from mimbench.detectors.classifier.posthoc import SCORES
from mimbench.detectors.classifier.posthoc.catalogue import UNFITTED
from mimbench.detectors.classifier.trained import TrainedClassifier
from mimbench.detectors.networks.network import build_network
from mimbench.detectors.networks.preprocessing import Preprocessing
from mimbench.detectors.protocol import Batch
from mimbench.errors import RecipeError, WeightsError
from mimbench.testing import DetectorContract

BODY = "resnet18"
OUTPUTS = ["Chicken Pox", "Monkeypox", "measles"]
IMAGENET = Preprocessing((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
IMAGES = torch.cat([stripes(4, 5, upright=True), blotches(4, 6)])


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random network with three outputs."""
    path = tmp_path_factory.mktemp("weights") / "model.safetensors"
    save_file(build_network(BODY, 3, "none", seed=4).body.state_dict(), path)
    return path


class TestContract(DetectorContract):
    least_auroc = None  # a random network knows nothing

    @pytest.fixture(autouse=True)
    def _recipe_file(self, checkpoint: Path, tmp_path: Path) -> None:
        path = tmp_path / "mine.toml"
        path.write_text(
            'name = "mine"\ndetector = "trained-classifier"\ninput_size = 32\n'
            'scores = ["posterior", "gen"]\n[parameters]\n'
            f'architecture = "{BODY}"\nweights = "{checkpoint}"\ncategories = {OUTPUTS}\n'
        )
        type(self).spec = str(path)


@torch.inference_mode()
def test_scores_are_those_of_the_checkpoints_own_outputs(checkpoint: Path) -> None:
    network = torchvision.models.get_model(BODY, num_classes=3).eval()
    network.load_state_dict(load_file(checkpoint))
    log_p = network(IMAGENET(IMAGES)).log_softmax(1)
    for target, column in (("mpox", 1), ("measles", 2)):
        detector = TrainedClassifier(BODY, str(checkpoint), OUTPUTS, target)
        assert detector.knows[0] == target
        p = log_p[:, column].exp()
        posterior = detector.score(Batch(IMAGES))["posterior"]
        torch.testing.assert_close(posterior, ((1 - p) / p).log(), rtol=1e-3, atol=1e-4)


def test_what_needs_training_images_is_not_run_and_the_rest_is_scored(checkpoint: Path) -> None:
    detector = TrainedClassifier(BODY, str(checkpoint), OUTPUTS, scores=SCORES)
    with torch.inference_mode():
        found = detector.score(Batch(IMAGES))
    scored = {name for name, values in found.items() if isinstance(values, torch.Tensor)}
    assert scored == set(UNFITTED) - {"mc-dropout"}
    assert all(found[name].isfinite().all() for name in scored)
    assert set(detector.not_run) == set(SCORES) - scored
    assert "already trained" in detector.not_run["mahalanobis"]
    assert "no dropout" in detector.not_run["mc-dropout"]


def test_categories_that_do_not_fit_are_refused(checkpoint: Path) -> None:
    for outputs, target, problem in (
        (OUTPUTS, "acne", "target acne is not among the categories"),
        (["mpox", "Monkey Pox", "acne"], "mpox", "names mpox twice"),
        (["mpox"], "mpox", "at least two"),
    ):
        with pytest.raises(RecipeError, match=problem):
            TrainedClassifier(BODY, str(checkpoint), outputs, target)
    detector = TrainedClassifier(BODY, str(checkpoint), [*OUTPUTS, "acne"])
    with pytest.raises(WeightsError, match=r"fc\.bias \(3,\) instead of \(4,\)"):
        detector.state()
