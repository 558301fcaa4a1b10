"""The pictures of a run that an app is fitted on and checked with."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from mimbench.app.export.export_row import Pictures
from mimbench.data.generated import abnormal
from mimbench.evaluation.export import recorded_plan
from mimbench.evaluation.planning.plan import Plan
from mimbench.evaluation.scoring import corrupted, corrupted_pixels
from mimbench.progress import Progress
from mimbench.runfolder.reading import GENERATED
from mimbench.scores.splits import split_columns

__all__ = ["Material", "read_material"]

PER_KIND = 8  # generated abnormal pictures of each kind


@dataclass(frozen=True)
class Material:
    """Validation images, generated abnormal pictures, and both under the run's corruptions.

    Attributes:
        pictures: all of them; first the clean ones.
        kind: (N,), the category of each.
        role: (N,), "target", "known" or "abnormal".
        condition: (N,), "clean" or a corruption with its severity.
        image: (N,), row in the run's table of images; -1: generated for the app.
        target_images: uint8 (T, 3, C, C), all images of the target that are not only tested, clean.
        target_patients: one per image of these.
        held_out: (T,), which of these are the validation images, in the order of `target`.
        tested: uint8 (M, 3, C, C), clean test images of any fold: of the target, and abnormal
            pictures that come from files.
        tested_rows: (M,), their rows in the run's table of images.
        tested_own: (M,), the place of each in `target_images`; -1: it is in no other part.
    """

    pictures: Pictures
    kind: NDArray[np.object_]
    role: NDArray[np.object_]
    condition: NDArray[np.object_]
    image: NDArray[np.int64]
    target_images: Tensor
    target_patients: tuple[str, ...]
    held_out: NDArray[np.bool_]
    tested: Tensor
    tested_rows: NDArray[np.int64]
    tested_own: NDArray[np.int64]

    @property
    def canonical(self) -> int:
        """Side of the pictures, pixels."""
        return int(self.pictures.pixels.shape[1])

    @property
    def target(self) -> NDArray[np.bool_]:
        """(N,) which are the target's validation images, clean."""
        return np.asarray((self.role == "target") & (self.condition == "clean"), dtype=bool)


def read_material(run: Path, out: Path, progress: Progress) -> Material:
    """Read the images of a finished run again, and draw what is abnormal.

    Args:
        run: its folder.
        out: where the app will be, which must not lie among the run's images.
        progress: is told of each condition.

    Raises:
        DataError: images of the run are gone or have changed.
    """
    progress.stage("Reading images", 1)
    plan = recorded_plan(run, progress, out.resolve())
    progress.update(1)
    drawn = abnormal.table(PER_KIND)
    size = plan.canonical_size
    parts = list(_parts(plan, drawn, abnormal.render(drawn, size), progress))
    table = pd.concat([rows for rows, _ in parts], ignore_index=True)
    pixels = np.concatenate([pixels for _, pixels in parts])
    names = [
        f"{name} ({condition})"
        for name, condition in zip(table["name"], table["condition"], strict=True)
    ]
    arrays = {name: table[name].to_numpy(dtype=object) for name in ("kind", "role", "condition")}
    splits = plan.images[split_columns(plan.images)]
    target = plan.images["role"] == "target"
    own = np.flatnonzero(target & splits.isin(["train", "validation"]).any(axis=1))
    filed = (plan.images["role"] == "abnormal") & (plan.images["format"] != GENERATED)
    tested = np.flatnonzero((target | filed) & (splits == "test").any(axis=1))
    places = np.full(len(plan.images), -1)
    places[own] = np.arange(len(own))
    return Material(
        Pictures(pixels, tuple(names)),
        **arrays,
        image=table["image"].to_numpy(dtype=np.int64),
        target_images=_channels_first(plan.dataset.pixels[own]),
        target_patients=tuple(plan.images["patient"].iloc[own].astype(str)),
        held_out=(splits == "validation").any(axis=1).to_numpy(dtype=bool)[own],
        tested=_channels_first(plan.dataset.pixels[tested]),
        tested_rows=tested,
        tested_own=places[tested],
    )


def _channels_first(pixels: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()


def _parts(
    plan: Plan, drawn: pd.DataFrame, abnormal_pixels: NDArray[np.uint8], progress: Progress
) -> Iterator[tuple[pd.DataFrame, NDArray[np.uint8]]]:
    held_out = (plan.images[split_columns(plan.images)] == "validation").any(axis=1)
    rows = np.flatnonzero(held_out & plan.images["role"].isin(["target", "known"]))
    own = plan.images.iloc[rows]
    table = pd.concat(
        [
            pd.DataFrame(
                {
                    "name": own["path"].where(own["path"] != "", own["image_id"]).to_numpy(),
                    "kind": own["category"].to_numpy(),
                    "role": own["role"].to_numpy(),
                    "image": rows,
                }
            ),
            pd.DataFrame(
                {
                    "name": [f"generated {kind}" for kind in drawn["category"]],
                    "kind": drawn["category"].to_numpy(),
                    "role": "abnormal",
                    "image": -1,
                }
            ),
        ],
        ignore_index=True,
    )
    progress.stage("Corrupting", len(plan.conditions))
    for number, condition in enumerate(plan.conditions):
        progress.update(number, str(condition))
        both = [
            corrupted(plan, condition, rows),
            corrupted_pixels(plan, condition, abnormal_pixels, drawn["image_id"].tolist()),
        ]
        yield table.assign(condition=str(condition)), np.concatenate(both)
    progress.update(len(plan.conditions))
