"""Fit one detector, or find its state in the store."""

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mimbench.detectors.build import build, fit, identity, kind_of
from mimbench.detectors.imaging.shared import provide, resize
from mimbench.detectors.networks.devices import exact
from mimbench.detectors.protocol import Detector, ImageSet, TrainingSet
from mimbench.detectors.statefile import decode_state, encode_state
from mimbench.errors import DetectorError, MimbenchError, SplitError, TrainingError
from mimbench.evaluation.execution.environment import library_versions
from mimbench.evaluation.execution.failure import reason_of, without_exit
from mimbench.evaluation.planning.plan import FitSpec, Plan
from mimbench.files import FileHashes
from mimbench.recipes import content_hash
from mimbench.runfolder.store import Store, fit_code
from mimbench.scores.splits import split_column

__all__ = [
    "Addresses",
    "Fit",
    "FitAddress",
    "fit_addresses",
    "fit_or_load",
    "load_fit",
    "training_rows",
    "training_set",
]


@dataclass(frozen=True)
class Fit:
    """A detector that is ready to score, with what identifies it."""

    spec: FitSpec
    fit_id: str
    detector: Detector
    state_hash: str
    seconds: float


@dataclass(frozen=True)
class FitAddress:
    """What identifies a fit.

    Attributes:
        fit_id: hash of `about`.
        about: everything that the fitted state depends on, as JSON.
    """

    fit_id: str
    about: Mapping[str, Any]


@dataclass(frozen=True)
class Addresses:
    """Addresses of a plan's fits, made once per run.

    Attributes:
        of: address by position in the plan's fits.
        failed: why a fit has none, by position: it cannot begin, and is a failed row.
        hashes: of the files that the recipes name.
    """

    of: Mapping[int, FitAddress]
    failed: Mapping[int, str]
    hashes: FileHashes

    @property
    def fit_ids(self) -> list[str]:
        """Of all fits that have an address, in the plan's order."""
        return [address.fit_id for address in self.of.values()]

    def check_files(self, spec: FitSpec, address: FitAddress) -> None:
        """Refuse a detector that was built from other files than its address names.

        Raises:
            DetectorError: a file that its recipe names was changed during the run.
        """
        before = address.about["recipe"]["files"]
        now = identity(spec.recipe, self.hashes)["files"]
        if before != now:
            names = {file[0] for file in [*before, *now] if file not in before or file not in now}
            raise DetectorError(
                f"{', '.join(sorted(names))} changed during the run; repeat the run"
            )


def training_rows(plan: Plan, spec: FitSpec) -> dict[str, NDArray[np.intp]]:
    """Rows of the images that a fit may see: "target", "known" and "validation".

    A fit on a swap category takes as many training images as the target has, and at most as many
    validation images, drawn by the plan's seed, so that only the category differs.
    """
    if spec.fold is None:
        return {}
    images = plan.images
    part = images[split_column(spec.fold)].to_numpy()
    category = images["category"].to_numpy()
    role = images["role"].to_numpy()
    positive = category == spec.fitted_on
    rows = {
        "target": np.flatnonzero(positive & (part == "train")),
        "validation": np.flatnonzero(positive & (part == "validation")),
    }
    if spec.fitted_on != plan.dataset.target:
        of_target = category == plan.dataset.target
        counts = {name: int((of_target & (part == name)).sum()) for name in ("train", "validation")}
        if len(rows["target"]) < counts["train"]:
            raise SplitError(
                f"Swap category '{spec.fitted_on}' has {len(rows['target'])} training images in "
                f"fold {spec.fold}, the target has {counts['train']}; the swap test compares "
                "equal numbers."
            )
        draw = np.random.default_rng(plan.run.plan_seed)
        for name, count in (("target", counts["train"]), ("validation", counts["validation"])):
            rows[name] = np.sort(draw.permutation(rows[name])[:count])
    if kind_of(spec.recipe).trains_on == "known":
        known = (role == "known") & ~np.isin(category.astype(str), spec.withheld)
        rows["known"] = np.flatnonzero(known & (part == "train"))
        rows["validation"] = np.flatnonzero((positive | known) & (part == "validation"))
    return rows


def fit_addresses(plan: Plan, device: torch.device) -> Addresses:
    """Addresses of all fits of a plan; they name the threads that torch has now."""
    hashes = FileHashes()
    identities: dict[str, dict[str, Any]] = {}
    found, failed = {}, {}
    for position, spec in enumerate(plan.fits):
        name = spec.recipe.name
        try:
            if name not in identities:
                identities[name] = identity(spec.recipe, hashes)
            found[position] = _address(plan, spec, identities[name], device)
        except MimbenchError as error:
            failed[position] = f"fit: {reason_of(spec, error)}"
    return Addresses(found, failed, hashes)


def _address(
    plan: Plan, spec: FitSpec, recipe: Mapping[str, Any], device: torch.device
) -> FitAddress:
    images = plan.images
    seen = {
        part: [
            f"{image_id} {category} {patient}"
            for image_id, category, patient in images.iloc[rows][
                ["image_id", "category", "patient"]
            ].itertuples(index=False)
        ]
        for part, rows in training_rows(plan, spec).items()
    }
    about = {
        "recipe": recipe,
        "seed": spec.seed,
        "fold": spec.fold,
        "fitted_on": spec.fitted_on,
        "images": {part: content_hash(keys) for part, keys in seen.items()},
        "canonical_size": plan.canonical_size,
        "input_size": plan.input_size(spec.recipe),
        "harmonise": plan.run.data.harmonise,
        "device": device.type,
        "threads": torch.get_num_threads(),
        "code": fit_code(),
        "libraries": library_versions(),
    }
    return FitAddress(content_hash(about)[:16], about)


def load_fit(
    plan: Plan, position: int, addresses: Addresses, store: Store, device: torch.device
) -> Fit | None:
    """The fitted detector as the store has it; None if it is absent or damaged.

    Raises:
        DetectorError: a file that the recipe names was changed during the run.
    """
    spec, address = plan.fits[position], addresses.of[position]
    entry = store.read_fit(address.fit_id)
    if entry is None:
        return None
    detector = _restored(spec, decode_state(entry.content), device)
    addresses.check_files(spec, address)
    return Fit(spec, address.fit_id, detector, entry.state_hash, entry.seconds)


def fit_or_load(
    plan: Plan,
    position: int,
    addresses: Addresses,
    store: Store,
    device: torch.device,
    progress: Callable[[int, int, str], None],
) -> Fit:
    """The fitted detector: from the store if it has been fitted before, else fitted now.

    Args:
        plan: of the run.
        position: of the fit in the plan.
        addresses: of the plan's fits.
        store: of the run.
        device: where to compute.
        progress: is told of steps done, steps in all, and a note.

    Raises:
        DetectorError: a file that the recipe names was changed during the run.
    """
    found = load_fit(plan, position, addresses, store, device)
    if found is not None:
        return found
    spec, address = plan.fits[position], addresses.of[position]
    fitted = build(spec.recipe, spec.seed or 0)
    started = time.perf_counter()
    with without_exit():
        if spec.fold is not None:
            checkpoint = store.checkpoint(address.fit_id)
            train = training_set(plan, spec, checkpoint, device, progress)
            # features that are stored are computed as those that are compared with them later
            with contextlib.nullcontext() if fitted.random else exact(device):
                fit(fitted, train)
        seconds = time.perf_counter() - started
        state = fitted.state()
    # A fit in the store is loaded by everybody, so one whose load hangs must not get there.
    detector = _restored(spec, state, device)
    addresses.check_files(spec, address)
    entry = store.write_fit(address.fit_id, encode_state(state), seconds, address.about)
    return Fit(spec, address.fit_id, detector, entry.state_hash, entry.seconds)


def _restored(spec: FitSpec, state: Mapping[str, Any], device: torch.device) -> Detector:
    detector = build(spec.recipe, spec.seed or 0)
    with without_exit():
        detector.load(dict(state))
        detector.to(device)
    return detector


def training_set(
    plan: Plan,
    spec: FitSpec,
    checkpoint: Path | None,
    device: torch.device,
    progress: Callable[[int, int, str], None],
) -> TrainingSet:
    """What the fit `spec` may see."""
    size = plan.input_size(spec.recipe)
    parts = {part: _image_set(plan, rows, size) for part, rows in training_rows(plan, spec).items()}
    pictures = parts["target"].images
    if len(pictures) and not (pictures.amax((2, 3)) > pictures.amin((2, 3))).any():
        raise TrainingError(
            f"All {len(pictures)} training images of '{spec.fitted_on}' are of one colour each: "
            "there is nothing to learn; look at the files."
        )
    seed = spec.seed or 0
    return TrainingSet(
        target=parts["target"],
        known=parts.get("known"),
        validation=parts["validation"],
        target_name=spec.fitted_on,
        seed=seed,
        generator=torch.Generator().manual_seed(seed),
        device=device,
        input_size=size,
        checkpoint=checkpoint,
        progress=progress,
        provider=provide,
    )


def _image_set(plan: Plan, rows: NDArray[np.intp], size: int) -> ImageSet:
    table = plan.images.iloc[rows]
    pixels = torch.from_numpy(plan.dataset.pixels[rows]).permute(0, 3, 1, 2).contiguous()
    return ImageSet(resize(pixels, size), tuple(table["category"]), tuple(table["patient"]))
