"""Small pictures of test images for the page's image browser, in one file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from mimbench.detectors.imaging.shared import provide
from mimbench.detectors.protocol import Batch
from mimbench.evaluation.fitting import Fit
from mimbench.evaluation.gallery.tiles import Picture, difference, picture
from mimbench.evaluation.planning.plan import Condition, Plan
from mimbench.evaluation.scoring import Shard, Unit
from mimbench.files import atomic_write, file_hash
from mimbench.runfolder.gallery import THUMBNAILS
from mimbench.scores.digests import write_sealed
from mimbench.scores.tables import CLEAN, RunTables

__all__ = ["SHEET", "choose_images", "write_thumbnails"]

SHEET = "thumbnails.jpg"
TILE = 48  # side of a small picture, pixels
MOST = 60  # images, so that the page stays small
QUALITY = 78  # of the JPEG file


def choose_images(scores: pd.DataFrame, most: int = MOST) -> NDArray[np.intp]:
    """Which images to show: half those on which rows disagree most, half spread over all.

    Args:
        scores: one line per image, one column per row, higher = less like the target.
        most: how many at most.

    Returns:
        Positions, ascending.
    """
    ranks = scores.rank(pct=True)
    apart = (ranks.max(axis=1) - ranks.min(axis=1)).to_numpy(float)
    disagreed = np.argsort(-apart, kind="stable")[: most // 2]
    order = np.argsort(ranks.mean(axis=1).to_numpy(float), kind="stable")
    rest = order[~np.isin(order, disagreed)]
    count = min(most - len(disagreed), len(rest))
    spread = rest[np.linspace(0, len(rest) - 1, count).round().astype(int)] if count else rest[:0]
    return np.unique(np.concatenate([disagreed, spread])).astype(np.intp)


def write_thumbnails(
    plan: Plan,
    fits: Sequence[Fit],
    tables: RunTables,
    allowed: NDArray[np.bool_],
    place: Path,
    device: torch.device,
) -> None:
    """Write one line of small pictures per image: original, and what a detector makes of it.

    Args:
        plan: of the run.
        fits: one per detector; the first that reconstructs makes the inpaintings.
        tables: of the run.
        allowed: (N,) which images of the plan may be shown.
        place: folder of the gallery.
        device: where to compute.
    """
    own = tables.scores[tables.scores["fit_id"].isin([fit.fit_id for fit in fits])]
    clean = own[own["corruption"] == CLEAN]
    wide = clean.pivot_table(index="image_id", columns="score", values="value", observed=True)
    shown = plan.images["image_id"][allowed]
    scores = wide.reindex(shown).dropna(how="all")
    if scores.empty:
        return
    names = scores.index[choose_images(scores)]
    at = np.flatnonzero(plan.images["image_id"].isin(names))
    tiles, detector = _tiles(plan, fits, at, device)
    place.mkdir(exist_ok=True)
    with atomic_write(place / SHEET) as partial:
        partial.write_bytes(_jpeg(tiles))
    record: dict[str, Any] = {
        "file": SHEET,
        "sha256": file_hash(place / SHEET),
        "tile": TILE,
        "columns": len(tiles[0]),
        "detector": detector,
        "images": plan.images["image_id"].iloc[at].tolist(),
    }
    write_sealed(place / THUMBNAILS, record)


@torch.inference_mode()
def _tiles(
    plan: Plan, fits: Sequence[Fit], at: NDArray[np.intp], device: torch.device
) -> tuple[list[list[Picture]], str]:
    """Pictures of each image, and the detector that made the second; empty if none did."""
    shard = Shard(plan, Unit(Condition(None, 0), at))
    for fit in fits:
        batch = shard.batch(plan.input_size(fit.spec.recipe))
        made = fit.detector.reconstruct(Batch(batch.images.to(device), provide))
        if made is not None:
            pairs = zip(map(picture, batch.images), map(picture, made[1]), strict=True)
            return [[a, b, difference(a, b)] for a, b in pairs], fit.spec.recipe.name
    batch = shard.batch(plan.canonical_size)
    return [[picture(image)] for image in batch.images], ""


def _jpeg(tiles: Sequence[Sequence[Picture]]) -> bytes:
    """Images below each other, the pictures of one beside each other."""
    rows = [np.concatenate([_small(tile) for tile in line], axis=1) for line in tiles]
    sheet = cv2.cvtColor(np.concatenate(rows, axis=0), cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", sheet, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()


def _small(tile: Picture) -> Picture:
    return np.asarray(cv2.resize(tile, (TILE, TILE), interpolation=cv2.INTER_AREA), np.uint8)
