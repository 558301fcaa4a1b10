"""Does a detector keep the protocol?"""

import copy
import difflib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mimbench.detectors.build import (
    build,
    combines,
    converted,
    fit,
    identity,
    scores_of,
)
from mimbench.detectors.imaging.shared import provide, resize
from mimbench.detectors.named import recipe_of
from mimbench.detectors.protocol import Batch, Detector, ImageSet, Provider, TrainingSet
from mimbench.detectors.statefile import read_state, write_state
from mimbench.errors import DetectorError
from mimbench.progress import Progress
from mimbench.recipes import Recipe, content_hash
from mimbench.registry import where
from mimbench.testing.causes import of_error, of_restoring
from mimbench.testing.outcomes import (
    Outcome,
    global_random_state,
    global_random_state_must_stay,
    outcomes,
    titles,
)
from mimbench.testing.steps import Steps

__all__ = ["DetectorContract", "check_detector"]

SIDE = 64
FAMILIES = ("inpainting", "one-class", "classifier", "ensemble", "control", "plug-in")
TOLERANCE = 1e-3  # of the scores' spread, between batch sizes
DEVICE_TOLERANCE = 1e-2  # of the scores' spread, between devices


@dataclass(frozen=True)
class _Trained:
    """What became of a fit; `disturbed`: it changed a global random state."""

    detector: Detector
    error: BaseException | None = None
    disturbed: bool = False


def _untold(number: int, share: float, note: str) -> None:
    """Report nothing."""


class DetectorContract:
    """Inherit these tests, set `spec`, and pytest runs them over your detector.

    Attributes:
        spec: as on the command line: recipe, "file.py:Object", "package.module:Object", plug-in.
        least_auroc: what the detector must reach on an easy problem (smooth stripes against
            noise, other stripes and other colours); None for one that knows no such thing. What is
            not fitted, such as a trained model, is judged only if it is set.
    """

    spec: ClassVar[str] = ""
    least_auroc: ClassVar[float | None] = 0.9
    _kept: ClassVar[tuple[str, dict[int, _Trained]] | None] = None  # of `_trained`
    told: Callable[[int, float, str], None] = staticmethod(_untold)  # fit 1 or 2, share done, note
    were: Mapping[str, str] = MappingProxyType({})  # scores that are no floats, and what they are
    remark: str = ""  # of the last test

    def test_scores_are_finite_one_per_image(self) -> None:
        """Every score is a tensor (N,) of finite numbers, for one image and for many."""
        detector = self._fitted()
        found = [set(self._scores(detector, _target(n, 1))) for n in (1, 5, 32)]
        found.append(set(self._scores(detector, _other(12, 1))))
        names = set.union(*found)
        for own in found:
            assert own == names, (
                f"{', '.join(sorted(names - own))} is not there for every batch; the names of "
                "scores must always be the same."
            )

    def test_higher_means_less_like_the_target(self) -> None:
        """On an easy problem the first score ranks other images above the target's."""
        detector = self._fitted()
        target = next(iter(self._scores(detector, _target(24, 2)).values()))
        other = next(iter(self._scores(detector, _other(24, 3)).values()))
        stated = any("least_auroc" in vars(kind) for kind in self._own_kinds())
        if self.least_auroc is None or (detector.trains_on == "nothing" and not stated):
            self.remark = (
                "the direction was not judged: nothing is fitted here, and a trained model knows "
                "no made-up images. A run on your own images shows it; --least-auroc 0.9 judges it."
            )
            return
        pairs = other[:, None] - target[None, :]
        auroc = float((pairs > 0).mean() + 0.5 * (pairs == 0).mean())
        assert auroc >= self.least_auroc, (
            f"AUROC {auroc:.2f} on an easy problem; at least {self.least_auroc} is expected. "
            "Is a higher score less like the target? If the problem is too far from yours, or the "
            "training too short for it, ask for less with --least-auroc."
        )
        self.remark = f"AUROC {auroc:.2f} on an easy problem; at least {self.least_auroc} is asked."

    def test_batch_size_does_not_change_scores(self) -> None:
        """An image has the same score alone and among others, within rounding."""
        detector = self._fitted()
        images = torch.cat([_target(6, 4), _other(6, 5)])
        together = self._scores(detector, images)
        alone = [self._scores(detector, image[None]) for image in images]
        for name, values in together.items():
            single = np.concatenate([scores[name] for scores in alone])
            spread = float(np.ptp(values)) or 1.0
            gap = float(np.abs(values - single).max())
            assert gap <= TOLERANCE * spread, (
                f"{name} differs by {gap:.3g} between batches of 12 and of 1 (spread {spread:.3g});"
                " a score must depend on its own image alone. Is a network's eval() called?"
            )

    def test_fits_repeat(self) -> None:
        """Two fits with the same seed give the same scores."""
        images = torch.cat([_target(4, 6), _other(4, 7)])
        first, second = (self._scores(self._fitted(number), images) for number in (1, 2))
        for name in first:
            assert np.array_equal(first[name], second[name]), (
                f"{name} differs between two fits with the same seed; "
                + self._unsteady(name, images, "draw random numbers from train.generator.")
            )

    def test_state_survives_a_file(self) -> None:
        """A detector restored from its state scores as before."""
        detector = self._fitted()
        images = torch.cat([_target(4, 8), _other(4, 9)])
        before = self._scores(detector, images)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "state.safetensors"
            write_state(path, detector.state())
            state = read_state(path)
        restored = build(self._recipe())
        try:
            restored.load(state)
            after = self._scores(restored, images)
        except Exception as error:
            if not isinstance(error, DetectorError):  # whose message says it
                _note(error, of_restoring(detector, restored, state))
            raise
        for name in before:
            assert np.array_equal(before[name], after[name]), (
                f"{name} changed after state() and load(); "
                + self._unsteady(name, images, of_restoring(detector, restored, state))
            )

    def test_scores_are_the_same_on_every_device(self) -> None:
        """A detector that was moved to a device scores images there, and as before."""
        detector = self._fitted()
        images = torch.cat([_target(4, 8), _other(4, 9)])
        before = self._scores(detector, images)
        for device in ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]:
            detector.to(torch.device(device))
            after = self._scores(detector, images, device)
            for name in before:
                gap = float(np.abs(before[name] - after[name]).max())
                spread = float(np.ptp(before[name])) or 1.0
                assert gap <= DEVICE_TOLERANCE * spread, (
                    f"{name} differs by {gap:.3g} on {device} (spread {spread:.3g}); does to() "
                    "move all that it learned?"
                )
        if not torch.cuda.is_available():
            self.remark = "only the CPU was tried: torch finds no GPU here."

    def test_nothing_outside_is_changed(self) -> None:
        """Neither the images nor any global random state are touched."""
        second = self._trained(2)
        assert not second.disturbed, (
            "A global random state changed; fit() must draw from train.generator instead."
        )
        detector, images = self._fitted(2), _target(4, 10)
        kept = images.clone()
        with global_random_state_must_stay(
            "score() may draw no random numbers. Where a network with dropout scores, call its "
            "eval()."
        ):
            self._scores(detector, images)
        assert torch.equal(images, kept), "score() changed the batch's images."

    @classmethod
    def _own_kinds(cls) -> tuple[type, ...]:
        """The classes below this contract."""
        return cls.__mro__[: cls.__mro__.index(DetectorContract)]

    def _recipe(self) -> Recipe:
        return recipe_of(self.spec)

    def _size(self) -> int:
        return self._recipe().input_size or SIDE

    def _fitted(self, number: int = 1) -> Detector:
        """A copy of one of the two fits that the tests share."""
        trained = self._trained(number)
        if trained.error is not None:
            raise trained.error
        return copy.deepcopy(trained.detector)

    def _trained(self, number: int) -> _Trained:
        """Fit 1 or 2, with the same seed; one that fails is not tried again."""
        key = content_hash(identity(self._recipe()))
        kept = type(self)._kept
        if kept is None or kept[0] != key:
            kept = type(self)._kept = (key, {})
        fits = kept[1]
        if number == 2 and 1 in fits and fits[1].error is not None:
            return fits[1]
        if number not in fits:
            fits[number] = self._fit(number)
        return fits[number]

    def _fit(self, number: int) -> _Trained:
        detector = build(self._recipe())
        if detector.trains_on == "nothing":
            return _Trained(detector)

        def told(done: int, total: int, note: str) -> None:
            self.told(number, done / max(total, 1), f"step {done} of {total}, {note}")

        self.told(number, 0.0, "")
        train = _training_set(self._size(), known=detector.trains_on == "known", progress=told)
        before = global_random_state()
        try:
            fit(detector, train)
        except (Exception, SystemExit) as error:
            _note(error, of_error(error, detector))
            return _Trained(detector, error)
        return _Trained(detector, disturbed=global_random_state() != before)

    def _unsteady(self, name: str, images: Tensor, otherwise: str) -> str:
        """Why scores differ that should not: score() itself draws, or `otherwise`."""
        detector = self._fitted()
        first, second = (self._scores(detector, images) for _ in range(2))
        if np.array_equal(first[name], second[name]):
            return otherwise
        return "score() gives the same images other scores each time; it may not draw at random."

    def _scores(
        self, detector: Detector, images: Tensor, device: str = "cpu"
    ) -> Mapping[str, NDArray[np.float64]]:
        resized = resize(images, self._size()).to(device)
        try:
            with torch.inference_mode():
                result = detector.score(Batch(resized, _provider(device)))
        except Exception as error:
            _note(error, of_error(error, detector))
            raise
        self.were = converted(self._recipe(), result)
        return scores_of(self._recipe(), result, len(images))


def check_detector(spec: str, least_auroc: float | None, progress: Progress) -> Iterator[Outcome]:
    """Run the contract over one detector, test by test.

    Args:
        spec: recipe, "file.py:Object", "package.module:Object" or the name of a plug-in.
        least_auroc: as of the contract, in [0, 1]; None: its default.
        progress: is told what is done now.

    Yields:
        One outcome per test; an exception of the detector is a problem, not an error.
    """
    recipe = recipe_of(spec)
    detector = build(recipe)
    if combines(recipe):
        raise DetectorError(f"{spec} is made of other rows and scores no image; nothing to check.")
    stated = {} if least_auroc is None else {"least_auroc": least_auroc}
    contract = type("Contract", (DetectorContract,), {"spec": spec, **stated})()
    told: set[str] = set()

    def noticed() -> str:
        were, contract.were = contract.were, {}
        kinds = ", ".join(f"{row} ({kind})" for row, kind in were.items() if row not in told)
        told.update(were)
        remark, contract.remark = contract.remark, ""
        return f"converted to float64: {kinds}" if kinds else remark

    if recipe.family not in FAMILIES:
        near = difflib.get_close_matches(recipe.family, FAMILIES, n=1)
        meant = f", meant {near[0]}?" if near else f"; those of mimbench: {', '.join(FAMILIES)}."
        progress.message(f"{spec}: family {recipe.family} is a new one{meant}")
    tests = titles(contract).values()
    steps = Steps(progress, recipe.name, tests, fitted=detector.trains_on != "nothing")
    contract.told = steps.fitting
    place = recipe.detector
    yield from outcomes(contract, lambda error: where(place, error), noticed, steps.begins)
    steps.end()


def _note(error: BaseException, text: str) -> None:
    if text and text not in getattr(error, "__notes__", ()):
        error.add_note(text)


def _provider(device: str) -> Provider:
    """Shared outputs are made on the CPU, as in a run."""
    return lambda name, images: provide(name, images.cpu()).to(device)


def _stripes(n: int, seed: int, period: int, colour: tuple[int, int, int]) -> Tensor:
    rng = np.random.default_rng(seed)
    phase = rng.uniform(0, period, (n, 1, 1, 1))
    wave = np.sin(2 * np.pi * (np.arange(SIDE)[None, None, None, :] + phase) / period)
    flat = np.asarray(colour, dtype=np.float64)[None, :, None, None] + 40 * wave
    noisy = flat + rng.normal(0, 2, (n, 3, SIDE, SIDE))
    return torch.from_numpy(noisy.clip(0, 255).astype(np.uint8))


def _target(n: int, seed: int) -> Tensor:
    return _stripes(n, seed, 32, (180, 130, 110))


def _other(n: int, seed: int) -> Tensor:
    noise = np.random.default_rng(seed).integers(0, 256, (n, 3, SIDE, SIDE), dtype=np.uint8)
    thirds = [torch.from_numpy(noise), _stripes(n, seed, 6, (60, 120, 200))]
    return torch.cat([part[: n - n // 2] for part in thirds])[:n]


def _image_set(images: Tensor, category: str) -> ImageSet:
    names = tuple(f"{category}-{number}" for number in range(len(images)))
    return ImageSet(images, (category,) * len(images), names)


def _training_set(
    size: int, *, known: bool, progress: Callable[[int, int, str], None]
) -> TrainingSet:
    target = _image_set(resize(_target(40, 11), size), "target")
    held_out = _image_set(resize(_target(12, 12), size), "target")
    others = _image_set(resize(_other(40, 13), size), "other")
    if known:
        extra = _image_set(resize(_other(12, 14), size), "other")
        held_out = ImageSet(
            torch.cat([held_out.images, extra.images]),
            held_out.categories + extra.categories,
            held_out.patients + extra.patients,
        )
    return TrainingSet(
        target=target,
        known=others if known else None,
        validation=held_out,
        target_name="target",
        seed=0,
        generator=torch.Generator().manual_seed(0),
        device=torch.device("cpu"),
        input_size=size,
        progress=progress,
        provider=provide,
    )
