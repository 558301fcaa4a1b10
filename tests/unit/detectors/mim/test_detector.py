"""MIM as a whole: blind to what is hidden, in the right direction, reproducible."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from stripes import SIZE, blotches, image_set, striped, stripes, training_set
from torch import Tensor

from mimbench.detectors.imaging.augmentation import augment
from mimbench.detectors.imaging.exposure import level
from mimbench.detectors.imaging.inpainting import harmonic, provide
from mimbench.detectors.imaging.masks import checkerboards
from mimbench.detectors.imaging.similarity import fit_line, log_error
from mimbench.detectors.mim import MIM
from mimbench.detectors.protocol import Batch, TrainingSet
from mimbench.errors import DetectorError, MimbenchError, TrainingError

SMALL: Mapping[str, Any] = {"width": 8, "batch_size": 8}


def small(steps: int = 30, **parameters: Any) -> MIM:
    detector = MIM(steps=steps, **SMALL, **parameters)
    detector.options = replace(detector.options, checkpoint_every=10)
    return detector


def scores(detector: MIM, images: Tensor) -> dict[str, Tensor]:
    scored = detector.score(Batch(images, provide))
    return {name: values for name, values in scored.items() if isinstance(values, Tensor)}


def refit(train: TrainingSet, detector: MIM, **changes: Any) -> MIM:
    """Fit on the same images with a fresh generator."""
    detector.fit(replace(train, generator=torch.Generator().manual_seed(train.seed), **changes))
    return detector


@pytest.fixture(scope="module")
def fitted() -> MIM:
    return refit(striped(), small(steps=120))


def test_what_the_residual_is_adjusted_by_is_a_score_of_its_own(fitted: MIM) -> None:
    images = stripes(8, 12, upright=True)
    found = scores(fitted, images)
    assert MIM.lines == {"residual": "untrained"}
    unit = level(images / 255)
    untrained = log_error(images / 255 / unit, harmonic(images) / 255 / unit)
    assert torch.allclose(found["untrained"], untrained, atol=1e-5)


def test_training_reduces_the_error_and_stripes_score_below_what_was_never_seen(
    fitted: MIM,
) -> None:
    curve = [entry["l1"] for entry in fitted.history]
    assert curve[-1] < 0.7 * curve[0]
    target = scores(fitted, stripes(8, 10, upright=True))
    other = scores(fitted, blotches(8, 11))
    for name in ("l1", "l2", "ssim", "ms_ssim", "gradient", "chroma", "contrast", "residual"):
        assert target[name].shape == (8,)
        assert target[name].median() < other[name].median(), name


def log_errors(detector: MIM, images: Tensor) -> tuple[Tensor, Tensor]:
    """Log errors of the untrained inpainting and the detector's, relative to the level."""
    unit = level(images.float())
    untrained = log_error(images / unit, harmonic(images) / unit)
    return untrained, scores(detector, images)["l1"].log()


def test_the_residual_is_what_a_line_through_the_held_out_images_leaves(fitted: MIM) -> None:
    train = striped()
    held_out, seen = train.validation.images, train.target.images
    untrained, trained = log_errors(fitted, held_out)
    assert fitted.line == pytest.approx(fit_line(untrained, trained), abs=1e-4)
    assert fitted.line != pytest.approx(fit_line(*log_errors(fitted, seen)), abs=0.05)
    residual = scores(fitted, held_out)["residual"]
    assert residual.mean() == pytest.approx(0, abs=1e-4)
    assert (residual * untrained).mean() == pytest.approx(0, abs=1e-4)


def test_the_critic_prefers_originals_and_the_score_says_by_how_much() -> None:
    detector = refit(training_set(blotches(16, 0), blotches(6, 1)), small())
    assert detector.critic is not None
    images = blotches(4, 2)
    pixels, preference = images.float() / 255, torch.zeros(4)
    for board in checkerboards(SIZE, 8):
        hidden = board.expand(4, 1, -1, -1)
        original = pixels / level(pixels, ~hidden) - 1
        inpainted = torch.where(hidden, detector.generator(original, hidden), original)
        real, fake = (detector.critic(shown, hidden)[0] for shown in (original, inpainted))
        preference += (real - fake).mean((1, 2, 3)).detach() / 2
    assert torch.allclose(scores(detector, images)["critic"], preference, atol=1e-5)
    assert (preference > 0.2).all()


def test_a_training_that_fits_held_out_images_ever_worse_ends_early_and_keeps_the_best() -> None:
    flat = torch.full((6, 3, SIZE, SIZE), 90, dtype=torch.uint8)  # hold no stripe to learn
    detector = small(steps=60)
    detector.options = replace(detector.options, validate_every=2, patience=3)
    refit(training_set(striped().target.images, flat), detector)
    curve = [entry["validation"] for entry in detector.history]
    assert detector.history[-1]["step"] == 2 * len(curve) < 60
    assert curve.index(min(curve)) == len(curve) - 4
    assert scores(detector, flat)["l1"].mean() == pytest.approx(min(curve), rel=1e-4)
    assert curve[-1] > 1.1 * min(curve)


def test_training_images_are_augmented(monkeypatch: pytest.MonkeyPatch) -> None:
    def unmoved(images: Tensor, draws: torch.Generator) -> Tensor:
        augment(images, draws)  # leaves all later draws as they are
        return images

    moved = refit(striped(), small(steps=2)).generator.state_dict()
    monkeypatch.setattr("mimbench.detectors.mim.detector.augment", unmoved)
    still = refit(striped(), small(steps=2)).generator.state_dict()
    assert not any(torch.equal(moved[name], still[name]) for name in moved)


@pytest.mark.parametrize("generator", ["gated-unet", "autoencoder", "specialist"])
def test_what_is_hidden_never_changes_what_is_inpainted(generator: str) -> None:
    detector = small(generator=generator, trained=False)
    images = stripes(2, 20, upright=True)
    noise = torch.randint(0, 256, images.shape, generator=torch.Generator().manual_seed(0)).byte()
    for board in checkerboards(SIZE, 8):
        changed = torch.where(board, noise, images)
        _, before = detector.reconstruct(Batch(images))
        _, after = detector.reconstruct(Batch(changed))
        assert torch.equal(before[board.expand_as(images)], after[board.expand_as(images)])
        assert not torch.equal(before, after)
        filled = harmonic(images), harmonic(changed)
        assert torch.equal(filled[0][board.expand_as(images)], filled[1][board.expand_as(images)])


def test_scores_do_not_depend_on_exposure(fitted: MIM) -> None:
    bright = stripes(4, 30, upright=True) // 4 * 4
    for name, values in scores(fitted, bright).items():
        assert torch.allclose(values, scores(fitted, bright // 2)[name], atol=0.05), name


def test_state_of_tensors_and_json_restores_identical_scores(fitted: MIM) -> None:
    state = fitted.state()
    values = json.dumps({k: v for k, v in state.items() if not isinstance(v, Tensor)})
    tensors = {k: v for k, v in state.items() if isinstance(v, Tensor)}
    restored = small()
    restored.load({**tensors, **json.loads(values)})
    images = blotches(4, 1)
    expected, found = scores(fitted, images), scores(restored, images)
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_the_same_seed_gives_the_same_scores_another_seed_others() -> None:
    before = torch.get_rng_state()
    images = blotches(4, 1)
    one, again = (scores(refit(striped(), small()), images) for _ in range(2))
    other = scores(refit(striped(), small(), seed=7), images)
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not torch.equal(one["l1"], other["l1"])
    assert torch.equal(torch.get_rng_state(), before)


def test_an_interrupted_fit_resumes_to_identical_weights(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"

    def die(done: int, total: int, note: str) -> None:
        if done == 30:
            raise KeyboardInterrupt

    whole = refit(striped(), small())
    with pytest.raises(KeyboardInterrupt):
        refit(striped(), small(), checkpoint=path, progress=die)
    assert path.is_file()
    resumed = refit(striped(), small(), checkpoint=path)
    for key, value in whole.state().items():
        other = resumed.state()[key]
        assert torch.equal(value, other) if isinstance(value, Tensor) else value == other


def test_the_control_has_all_scores_but_those_of_a_trained_critic() -> None:
    control = refit(striped(), small(trained=False))
    images = stripes(4, 1, upright=True)
    assert {"l1", "ssim", "contrast", "residual"} < set(scores(control, images))
    assert "critic" not in scores(control, images)
    assert control.not_run["critic"] == "no critic was trained"
    assert not torch.equal(
        scores(control, images)["l1"], scores(refit(striped(), small(), seed=2), images)["l1"]
    )


def test_few_and_constant_images_still_train() -> None:
    flat = torch.full((3, 3, SIZE, SIZE), 90, dtype=torch.uint8)
    detector = refit(training_set(flat, flat), small(steps=5))
    black = torch.zeros(2, 3, SIZE, SIZE, dtype=torch.uint8)
    for images in (flat, black, black + 255):
        assert all(values.isfinite().all() for values in scores(detector, images).values())


def test_without_enough_held_out_images_or_weights_those_scores_alone_are_not_run() -> None:
    few = image_set(stripes(4, 30, upright=True))
    detector = refit(striped(), small(steps=5), validation=few)
    scored = detector.score(Batch(stripes(2, 31, upright=True), provide))
    reasons = {name: str(why) for name, why in scored.items() if isinstance(why, DetectorError)}
    assert reasons.keys() == {"residual", "features", "lpips"}
    assert "5 held-out images" in reasons["residual"]
    assert reasons["features"] == reasons["lpips"]
    assert "backbone weights" in reasons["lpips"]


def test_unusable_training_sets_and_sizes_are_refused_in_one_sentence() -> None:
    nothing = image_set(torch.zeros(0, 3, SIZE, SIZE, dtype=torch.uint8))
    with pytest.raises(TrainingError, match=r"2 or more held-out images of 'target'.* has 0"):
        refit(striped(), small(), validation=nothing)
    with pytest.raises(TrainingError, match="no image to train on"):
        refit(striped(), small(), target=nothing)
    with pytest.raises(DetectorError, match="multiple of 4, not 30 px"):
        refit(striped(), small(), input_size=30)
    with pytest.raises(DetectorError, match="8 px cells does not fit images of 12 px"):
        refit(striped(), small(), input_size=12)
    with pytest.raises(DetectorError, match="24 px cells does not fit images of 32 px"):
        refit(striped(), small(patches=[24]))
    with pytest.raises(DetectorError, match="not one of a MIM of this recipe"):
        small().load(MIM(width=4).state())


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"adversarial": 0.0, "matching": 1.0}, "'matching' needs 'adversarial'"),
        ({"perceptual": 1.0}, "'perceptual' needs 'backbone'"),
        ({"mask": "checkerboard"}, "no mask 'checkerboard'; known: checkerboard-<cell>"),
        ({"mask": "patches-8-1000000"}, "256 passes or fewer"),
        ({"generator": "gated-unit"}, "Did you mean gated-unet"),
        ({"backbone": "squeezenet1_0"}, "no weights for squeezenet1_0"),
    ],
)
def test_recipes_that_make_no_sense_are_refused(parameters: dict[str, Any], problem: str) -> None:
    with pytest.raises(MimbenchError, match=problem):
        MIM(**parameters)


@pytest.mark.parametrize(
    "parameters",
    [
        {"generator": "autoencoder", "adversarial": 0.0},
        {"generator": "specialist", "matching": 1.0, "augment_critic": True, "average": 0.9},
        {"mask": "patches-8-2", "gain": False},
        {"backbone": "squeezenet1_1", "weights": "none", "perceptual": 0.1},
    ],
)
def test_every_variant_learns_and_restores(parameters: dict[str, Any]) -> None:
    detector = refit(striped(), small(**parameters))
    curves = [entry["l1"] for entry in detector.history]
    assert curves[-1] < curves[0]
    restored = small(**parameters)
    restored.load(detector.state())
    images = blotches(2, 1)
    expected, found = scores(detector, images), scores(restored, images)
    assert ("critic" in found) == ("adversarial" not in parameters)
    assert ({"features", "lpips"} <= set(found)) == ("backbone" in parameters)
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_an_unknown_inpainter_is_refused() -> None:
    with pytest.raises(DetectorError, match="'inpaint:magic:8'"):
        provide("inpaint:magic:8", blotches(1, 0))
