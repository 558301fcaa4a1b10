"""New images that show a photograph of the run itself, cropped or changed, are no external test."""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from mimbench.data.dataset import Dataset
from mimbench.data.duplicates import resolve, summary
from mimbench.data.near_duplicates import (
    near_duplicates,
    near_duplicates_between,
    picture_features,
    read_comparison,
)
from mimbench.data.reading.tree import LeftOut
from mimbench.runfolder.info import RunInfo
from mimbench.runfolder.started_in import start_folder
from mimbench.scores.tables import AUDIT

__all__ = ["without_copies"]


def without_copies(new: Dataset, run: Path, info: RunInfo, own: pd.DataFrame) -> Dataset:
    """New images without those that the run would have left out of its external ones.

    Args:
        new: external images, each once.
        run: folder of the run.
        info: contents of its run.json.
        own: its table of images.

    Returns:
        `new` without near-duplicates of the run's other images; near-duplicates among the new ones
        count as one patient, or are left out if their categories contradict each other. A note says
        how many there are, another one which images of the run could not be compared.
    """
    own = own[(own["role"] != "external") & (own["path"] != "")]
    old, missing = _features(own, run, info)
    fresh = picture_features(new.table)
    pairs = pd.concat([near_duplicates(fresh), near_duplicates_between(fresh, old)])
    both = pd.concat([new.table, own], ignore_index=True)
    resolved = resolve(both, pairs)
    gone = resolved.left_out[: len(new)]
    left_out = [
        LeftOut(path, "near-duplicate", f"the same photograph as {other}")
        for path, other in zip(new.table.loc[gone, "path"], resolved.others, strict=False)
    ]
    notes = []
    if resolved.duplicates:
        notes.append(f"Near-duplicates: {summary(resolved.duplicates)}")
    if missing:
        notes.append(
            f"Near-duplicates of {missing} of the run's {len(own)} images were not looked for: "
            f"{run / AUDIT} has no features of them, and their files are not here."
        )
    return replace(
        new,
        table=new.table.assign(patient=resolved.patients[: len(new)])[~gone].reset_index(drop=True),
        pixels=new.pixels[~gone],
        facts=new.facts[~gone].reset_index(drop=True),
        notes=(*new.notes, *notes),
        left_out=(*new.left_out, *left_out),
    )


def _features(own: pd.DataFrame, run: Path, info: RunInfo) -> tuple[pd.DataFrame, int]:
    """Features of the run's images, and of how many there are none."""
    place = start_folder(info)
    files = own.assign(path=[str(place / path) for path in own["path"]])
    kept = read_comparison(run / AUDIT)
    found = picture_features(files, None if kept is None else kept.features)
    return found, int((~own["image_id"].isin(found["image_id"])).sum())
