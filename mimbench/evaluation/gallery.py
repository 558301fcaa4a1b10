"""Pictures of what reconstruction-based detectors make of generated images.

Only for images that mimbench generated: photographs of people are not copied into a run.
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mimbench.detectors.protocol import Batch
from mimbench.detectors.shared import provide, resize
from mimbench.evaluation.fitting import Fit
from mimbench.evaluation.plan import Plan
from mimbench.scores import split_column

__all__ = ["write"]

PER_ROLE = 4
TILE = 128  # side of a picture, pixels


def write(plan: Plan, fits: Sequence[Fit], folder: Path, device: torch.device) -> list[str]:
    """Write one PNG per image: original, masked, inpainted, difference; and gallery.json.

    An earlier gallery is removed. Returns what went wrong, a sentence per detector.
    """
    shutil.rmtree(folder / "gallery", ignore_errors=True)
    rows = _examples(plan)
    if not len(rows):
        return []
    entries, problems = [], []
    for fit in _one_per_detector(plan, fits):
        size = plan.input_size(fit.spec.recipe)
        pixels = torch.from_numpy(plan.dataset.pixels[rows]).permute(0, 3, 1, 2)
        images = resize(pixels, size).to(device)
        try:
            with torch.inference_mode():
                made = fit.detector.reconstruct(Batch(images, provide))
        except Exception as error:
            problems.append(f"{fit.spec}: no gallery: {type(error).__name__}: {error}")
            continue
        if made is None:
            continue
        mask, inpainted = made
        for position, row in enumerate(rows):
            image = plan.images.iloc[row]
            name = f"{fit.spec.recipe.name}-{image['image_id'][:12]}.png"
            strip = _strip(images[position], mask[position], inpainted[position])
            (folder / "gallery").mkdir(exist_ok=True)
            cv2.imwrite(str(folder / "gallery" / name), cv2.cvtColor(strip, cv2.COLOR_RGB2BGR))
            entries.append(
                {
                    "file": name,
                    "detector": fit.spec.recipe.name,
                    "image_id": image["image_id"],
                    "category": image["category"],
                    "role": image["role"],
                }
            )
    if entries:
        (folder / "gallery" / "gallery.json").write_text(json.dumps(entries, indent=2))
    return problems


def _examples(plan: Plan) -> NDArray[np.intp]:
    """Test images of fold 0 that were generated: a few per role, of different categories."""
    table = plan.images[(plan.images["path"] == "") & (plan.images[split_column(0)] == "test")]
    chosen = []
    for role, group in table.groupby("role", sort=False):
        first = group.groupby("category", sort=False).head(PER_ROLE if role == "target" else 1)
        chosen.append(first.head(PER_ROLE).index)
    return np.concatenate(chosen) if chosen else np.empty(0, dtype=np.intp)


def _one_per_detector(plan: Plan, fits: Sequence[Fit]) -> list[Fit]:
    first: dict[str, Fit] = {}
    for fit in fits:
        if fit.spec.fitted_on in (plan.dataset.target, "nothing") and not fit.spec.withheld:
            first.setdefault(fit.spec.recipe.name, fit)
    return list(first.values())


def _strip(image: Tensor, mask: Tensor, inpainted: Tensor) -> NDArray[np.uint8]:
    original, made = (_array(picture) for picture in (image, inpainted))
    hidden = mask.cpu().numpy().astype(bool)[..., None]
    masked = np.where(hidden, np.uint8(160), original)
    gap = np.abs(original.astype(np.int16) - made).mean(axis=2)
    heat = cv2.applyColorMap(np.clip(4 * gap, 0, 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
    difference = cv2.cvtColor(heat, cv2.COLOR_BGR2RGB)
    tiles = [
        cv2.resize(tile, (TILE, TILE), interpolation=cv2.INTER_NEAREST)
        for tile in (original, masked, made, difference)
    ]
    return np.concatenate(tiles, axis=1)


def _array(picture: Tensor) -> NDArray[np.uint8]:
    array: NDArray[np.uint8] = picture.permute(1, 2, 0).cpu().numpy()
    return array
