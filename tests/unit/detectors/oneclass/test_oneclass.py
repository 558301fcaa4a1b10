"""One-class detectors keep the contract, and what each of them promises."""

from pathlib import Path

import pytest
import torch
from stripes import blotches, stripes, training_set

from mimbench.data.dataset import ImageOptions
from mimbench.detectors.imaging.shared import provide
from mimbench.detectors.oneclass import (
    Autoencoder,
    FeatureMahalanobis,
    FeatureNeighbours,
    PaDiM,
    PatchCore,
)
from mimbench.detectors.oneclass.patches import greedy_coreset
from mimbench.detectors.protocol import Batch
from mimbench.errors import DetectorError, TrainingError, WeightsError
from mimbench.evaluation.planning.plan import RunFile, make_plan
from mimbench.recipes import names, read_recipe
from mimbench.testing import DetectorContract


class TestNeighbours(DetectorContract):
    spec = "knn-features"


class TestMahalanobis(DetectorContract):
    spec = "mahalanobis-features"


class TestForest(DetectorContract):
    spec = "isolation-forest"


class TestSVM(DetectorContract):
    spec = "one-class-svm"


class TestPatchCore(DetectorContract):
    spec = "patchcore"


class TestPaDiM(DetectorContract):
    spec = "padim"


class Short(DetectorContract):
    """The shipped recipe with a training of seconds."""

    recipe = ""
    steps = 30

    @pytest.fixture(autouse=True)
    def _shorter(self, tmp_path: Path) -> None:
        found = read_recipe(self.recipe)
        parameters = {**found.parameters, "steps": self.steps, "width": 8}
        lines = [f"{key} = {value!r}" for key, value in parameters.items()]
        path = tmp_path / "short.toml"
        path.write_text(
            f'name = "short"\ndetector = "{found.detector}"\ninput_size = 64\n'
            f"scores = {list(found.scores)}\n[parameters]\n" + "\n".join(lines)
        )
        type(self).spec = str(path)


class TestAutoencoder(Short):
    recipe = "autoencoder"


class TestVAE(Short):
    recipe = "vae"


class TestContextEncoder(Short):
    recipe = "context-encoder"


class TestDeepSVDD(Short):
    recipe = "deep-svdd"


def test_a_coreset_covers_every_cluster() -> None:
    generator = torch.Generator().manual_seed(0)
    centres = 10 * torch.randn(12, 200, generator=generator)
    sizes = [400, *[5] * 11]
    cluster = torch.repeat_interleave(torch.arange(12), torch.tensor(sizes))
    points = centres[cluster] + torch.randn(len(cluster), 200, generator=generator)
    chosen = greedy_coreset(points, 12, generator)
    assert sorted(cluster[chosen].tolist()) == list(range(12))
    assert len(greedy_coreset(points[:5], 12, generator)) == 5


def test_a_row_on_random_features_is_a_control_and_one_on_trained_features_is_none(
    folders: dict[str, Path],
) -> None:
    random = [
        name
        for name in names("baselines")
        if read_recipe(name).family == "one-class"
        and read_recipe(name).parameters.get("weights") == "none"
    ]
    assert len(random) == 6
    trained = [
        {"extends": name, "name": f"{name}-2", "parameters": {"weights": "some.safetensors"}}
        for name in random
    ]
    images = ImageOptions(data=(str(folders["data"]),), canonical_size=32)
    plan = make_plan(RunFile(detectors=(*random, *trained), data=images))
    assert [recipe.control for recipe in plan.recipes] == [True] * 6 + [False] * 6
    for name in random:
        assert "control until weights are given" in read_recipe(name).description


@pytest.mark.parametrize("kind", [FeatureNeighbours, FeatureMahalanobis, PatchCore, PaDiM])
def test_a_transformer_serves_as_backbone(
    kind: type[FeatureNeighbours | FeatureMahalanobis | PatchCore | PaDiM],
) -> None:
    """Random features of 80 px already see that blotches are no stripes."""
    train = stripes(12, 0, upright=True)
    first, second = (kind("timm/test_vit", side=80) for _ in range(2))
    first.fit(training_set(train, train[:2]))
    second.load(first.state())
    images = torch.cat([stripes(4, 5, upright=True), blotches(4, 6)])
    with torch.inference_mode():
        scores, again = (one.score(Batch(images, provide)) for one in (first, second))
    assert torch.equal(scores, again)
    assert scores[:4].max() < scores[4:].min()


def test_missing_weights_fail_the_fit_and_not_the_plan(tmp_path: Path) -> None:
    detector = FeatureNeighbours("squeezenet1_0", str(tmp_path / "none.safetensors"))
    target = stripes(4, 0, upright=True)
    with pytest.raises(WeightsError, match="no weights file"):
        detector.fit(training_set(target, target))


def test_no_target_image_and_odd_sizes_are_refused() -> None:
    none = torch.zeros(0, 3, 32, 32, dtype=torch.uint8)
    with pytest.raises(TrainingError, match="no image of the target"):
        FeatureMahalanobis("squeezenet1_0").fit(training_set(none, none))
    with pytest.raises(DetectorError, match="multiples of 16, not 40"):
        Autoencoder().score(Batch(torch.zeros(1, 3, 40, 40, dtype=torch.uint8)))


def test_a_context_encoder_never_sees_what_it_paints() -> None:
    detector = Autoencoder(kind="context", width=4)
    one = stripes(2, 1, upright=True)
    other = one.clone()
    other[..., 8:24, 8:24] = 255 - other[..., 8:24, 8:24]
    with torch.inference_mode():
        (mask, painted), (_, again) = (detector.reconstruct(Batch(x)) for x in (one, other))
    assert mask[0, 8:24, 8:24].all()
    assert int(mask[0].sum()) == 16 * 16
    assert torch.equal(painted[..., 8:24, 8:24], again[..., 8:24, 8:24])


def test_pretrained_patches_tell_other_textures_of_the_same_colours(real_weights: Path) -> None:
    train = torch.nn.functional.interpolate(stripes(24, 0, upright=True), 64)
    detector = PatchCore("squeezenet1_0", str(real_weights), memory=200)
    detector.fit(training_set(train, train[:4]))
    upright = torch.nn.functional.interpolate(stripes(12, 5, upright=True), 64)
    lying = torch.nn.functional.interpolate(stripes(12, 6, upright=False), 64)
    blotched = torch.nn.functional.interpolate(blotches(12, 7), 64)
    with torch.inference_mode():
        inside, turned, other = (
            detector.score(Batch(x, provide)) for x in (upright, lying, blotched)
        )
    assert float((turned[:, None] > inside[None]).float().mean()) > 0.9
    assert float((other[:, None] > inside[None]).float().mean()) > 0.9
