"""Fit one detector, or find its state in the store."""

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mimbench.detectors.build import build, identity, kind_of
from mimbench.detectors.imaging.shared import provide, resize
from mimbench.detectors.protocol import Detector, ImageSet, TrainingSet
from mimbench.detectors.statefile import decode_state, encode_state
from mimbench.errors import MimbenchError, SplitError, TrainingError
from mimbench.evaluation.execution.environment import library_versions
from mimbench.evaluation.execution.failure import without_exit
from mimbench.evaluation.planning.plan import FitSpec, Plan
from mimbench.recipes import content_hash
from mimbench.runfolder.store import Store, fit_code
from mimbench.scores.splits import split_column

__all__ = [
    "Fit",
    "address_id",
    "fit_address",
    "fit_ids",
    "fit_or_load",
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


def fit_address(plan: Plan, spec: FitSpec, device: torch.device) -> dict[str, Any]:
    """Everything that the fitted state depends on."""
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
    return {
        "recipe": identity(spec.recipe),
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


def fit_ids(plan: Plan, device: torch.device) -> list[str]:
    """Of the planned fits, without those that cannot begin: they will be failed rows."""
    found = []
    for spec in plan.fits:
        with contextlib.suppress(MimbenchError):
            found.append(address_id(fit_address(plan, spec, device)))
    return found


def address_id(address: Mapping[str, Any]) -> str:
    """The fit_id of a fit with this address."""
    return content_hash(address)[:16]


def fit_or_load(
    plan: Plan,
    spec: FitSpec,
    store: Store,
    device: torch.device,
    progress: Callable[[int, int, str], None],
) -> Fit:
    """The fitted detector: from the store if it has been fitted before, else fitted now."""
    address = fit_address(plan, spec, device)
    fit_id = address_id(address)
    entry = store.read_fit(fit_id)
    if entry is not None:
        detector = _restored(spec, decode_state(entry.content), device)
    else:
        fitted = build(spec.recipe)
        started = time.perf_counter()
        with without_exit():
            if spec.fold is not None:
                fitted.fit(training_set(plan, spec, store, fit_id, device, progress))
            seconds = time.perf_counter() - started
            state = fitted.state()
        # A fit in the store is loaded by everybody, so one whose load hangs must not get there.
        detector = _restored(spec, state, device)
        entry = store.write_fit(fit_id, encode_state(state), seconds, address)
    return Fit(spec, fit_id, detector, entry.state_hash, entry.seconds)


def _restored(spec: FitSpec, state: Mapping[str, Any], device: torch.device) -> Detector:
    detector = build(spec.recipe)
    with without_exit():
        detector.load(dict(state))
        detector.to(device)
    return detector


def training_set(
    plan: Plan,
    spec: FitSpec,
    store: Store,
    fit_id: str,
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
        checkpoint=store.checkpoint(fit_id),
        progress=progress,
        provider=provide,
    )


def _image_set(plan: Plan, rows: NDArray[np.intp], size: int) -> ImageSet:
    table = plan.images.iloc[rows]
    pixels = torch.from_numpy(plan.dataset.pixels[rows]).permute(0, 3, 1, 2).contiguous()
    return ImageSet(resize(pixels, size), tuple(table["category"]), tuple(table["patient"]))
