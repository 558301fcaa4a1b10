"""What the detectors of a run say of one image: scores, thresholds, inpaintings, errors."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from mimbench.data.reading.decoding import read_photos
from mimbench.data.reading.file_names import on_disk
from mimbench.detectors.imaging.shared import provide, resize
from mimbench.detectors.protocol import Batch
from mimbench.errors import DataError, TableError
from mimbench.evaluation.execution.failure import reason_of, without_exit
from mimbench.evaluation.export import recorded_plan
from mimbench.evaluation.external.external import fits_to_use, restore_fit
from mimbench.evaluation.external.fitted_run import FittedRun, read_fitted_run
from mimbench.evaluation.fitting import Fit
from mimbench.evaluation.gallery.selection import threshold_of
from mimbench.evaluation.gallery.tiles import Picture, beside, difference, ladder, masked, picture
from mimbench.evaluation.scoring import score_images
from mimbench.files import FileHashes
from mimbench.progress import Progress
from mimbench.runfolder.started_in import started_in
from mimbench.runfolder.store import Store
from mimbench.scores.splits import split_columns
from mimbench.scores.tables import CLEAN

__all__ = ["Explanation", "ScoreOfImage", "explain"]

SHORTEST_ID = 6  # letters of an image_id that name an image
CPU = torch.device("cpu")


@dataclass(frozen=True)
class ScoreOfImage:
    """One score of the image.

    Attributes:
        row: name of the score.
        score: higher = less like the target.
        threshold: scores up to it are accepted as target.
        frozen: whether validation images set it; otherwise the target's test images did.
        accepted: whether the image is.
        above_target: share of the target's test images with a lower score, 0 to 1.
        fold: whose trained model scored it; None: one that serves all folds.
    """

    row: str
    score: float
    threshold: float
    frozen: bool
    accepted: bool
    above_target: float
    fold: int | None


@dataclass(frozen=True)
class Explanation:
    """What a run says of one image.

    Attributes:
        image: image_id, path, and category and role where the run has the image.
        scores: of every row, in the order of the run's detectors.
        strips: by detector that reconstructs: original, masked, inpainted and difference.
        original: the image at the size at which the run kept its images.
        notes: what the reader should know, one sentence each.
    """

    image: dict[str, str]
    scores: tuple[ScoreOfImage, ...]
    strips: dict[str, Picture]
    original: Picture
    notes: tuple[str, ...]

    def picture(self) -> Picture:
        """The strips below each other; the image alone where no detector reconstructs."""
        strips = list(self.strips.values())
        widest = max((strip.shape[1] for strip in strips), default=0)
        even = [np.pad(s, ((0, 0), (0, widest - s.shape[1]), (0, 0))) for s in strips]
        return ladder([[strip] for strip in even]) if even else beside([self.original])

    def as_json(self) -> dict[str, Any]:
        """Everything but the picture."""
        return {
            "image": self.image,
            "scores": [asdict(score) for score in self.scores],
            "pictured": list(self.strips),
            "notes": list(self.notes),
        }


def explain(
    folder: Path,
    image: str,
    progress: Progress,
    plug_ins: tuple[str, ...] = (),
    *,
    accept_changed: bool = False,
) -> Explanation:
    """Score one image with one trained model of each detector, and keep what they make of it.

    Args:
        folder: of a finished run, which may be somebody else's.
        image: path of a photo; or of the run's images the image_id, its first letters, or the path.
        progress: is told of each detector.
        plug_ins: files, modules and recipes (.toml) whose code may be imported; detectors of other
            code are left out, with a note.
        accept_changed: take tables that were changed since the run wrote them too.

    Raises:
        DataError: there is no such image, or it cannot be read.
        TableError: `folder` is no finished run, or a trained model is missing or damaged.
        DetectorError: all code that the run names may not be imported.
    """
    fitted = read_fitted_run(folder, plug_ins, accept_changed=accept_changed)
    about, pixels = _image(fitted, image, progress)
    own = fitted.tables.images[fitted.tables.images["image_id"] == about["image_id"]]
    fold, notes = _fold(own)
    if fitted.left_out:
        notes.append(fitted.left_out)
    fits = fits_to_use(fitted)[0]
    fits = fits[~fits["detector"].isin(fitted.foreign)]
    fits = fits[(fits["status"] == "ok") & (fits["fold"].isna() | (fits["fold"] == fold))]
    fits = fits.sort_values("seed", kind="stable").drop_duplicates("detector")
    if fits.empty:
        fitted.require(fitted.foreign)
        raise TableError(f"No training of {folder} succeeded; there is nothing to explain with.")
    store, hashes = Store(folder.absolute()), FileHashes()
    scores: list[ScoreOfImage] = []
    strips: dict[str, Picture] = {}
    progress.stage("Explaining", len(fits))
    with started_in(fitted.started):
        for number, line in enumerate(_in_order(fits, fitted)):
            name = str(line["detector"])
            progress.update(number, name)
            fit = restore_fit(store, fitted, line, hashes)
            try:
                with without_exit():
                    scores += _scores(fitted, fit, pixels, int(line["input_size"]), fold)
                    strip = _strip(fit, pixels, int(line["input_size"]))
            except Exception as error:  # a detector that fails must not end the others
                notes.append(f"{name} failed: {reason_of(fit.spec, error)}")
                continue
            if strip is not None:
                strips[name] = strip
    progress.update(len(fits))
    return Explanation(about, tuple(scores), strips, pixels[0], tuple(notes))


def _in_order(fits: pd.DataFrame, fitted: FittedRun) -> list[dict[Any, Any]]:
    """In the order of the run file."""
    order = {recipe.name: place for place, recipe in enumerate(fitted.recipes)}
    lines = fits.to_dict("records")
    return sorted(lines, key=lambda line: order[fitted.recipe(str(line["detector"])).name])


def _image(
    fitted: FittedRun, image: str, progress: Progress
) -> tuple[dict[str, str], NDArray[np.uint8]]:
    """What is known of the image, and its pixels, uint8 (1, S, S, 3)."""
    images = fitted.tables.images
    named = images[images["path"] == image]
    if Path(image).is_file():
        sha256, pixels = _read(fitted, on_disk(image))
        own = images[images["image_id"] == sha256]
        return {"image_id": sha256, "path": image, **_of_run(own)}, pixels
    if named.empty and len(image) >= SHORTEST_ID:
        named = images[images["image_id"].str.startswith(image)]
    if len(named) != 1:
        why = "names several images" if len(named) else "is neither a file nor an image of the run"
        raise DataError(
            f"{image} {why}. Give the path of a photo, or an image_id of "
            f"{fitted.folder / 'images.parquet'}."
        )
    found = named.iloc[0]
    about = {"image_id": str(found["image_id"]), "path": str(found["path"]), **_of_run(named)}
    if about["path"]:
        sha256, pixels = _read(fitted, fitted.started / on_disk(about["path"]))
        if sha256 != about["image_id"]:
            raise DataError(f"{about['path']} has changed since the run read it; bring it back.")
        return about, pixels
    plan = recorded_plan(fitted.folder, progress)
    at = int(np.flatnonzero(plan.images["image_id"] == about["image_id"])[0])
    return about, plan.dataset.pixels[[at]]


def _read(fitted: FittedRun, path: Path) -> tuple[str, NDArray[np.uint8]]:
    """SHA-256 of a file and its pixels at the run's size."""
    harmonise = fitted.info.run.data.harmonise
    photo = read_photos([path], fitted.canonical_size, harmonise)[0]
    if isinstance(photo, str):
        raise DataError(f"{path} cannot be read: {photo}.")
    return photo.sha256, photo.pixels[None].copy()  # torch wants an array that can be written


def _of_run(own: pd.DataFrame) -> dict[str, str]:
    return {name: str(own[name].iloc[0]) for name in ("category", "role")} if len(own) else {}


def _fold(own: pd.DataFrame) -> tuple[int, list[str]]:
    """A fold whose trained models have not seen the image, and a note where there is none."""
    if own.empty:
        return 0, []
    splits = own[split_columns(own)].iloc[0]
    tested = np.flatnonzero((splits == "test").to_numpy())
    if tested.size:
        return int(tested[0]), []
    return 0, [
        f"The run used this image for {splits.iloc[0]}; a score of an image that was trained on "
        "says little of new ones."
    ]


def _scores(
    fitted: FittedRun, fit: Fit, pixels: NDArray[np.uint8], size: int, fold: int
) -> Iterator[ScoreOfImage]:
    tables = fitted.tables
    tested = tables.images[
        (tables.images["role"] == "target") & (tables.images[f"split_{fold}"] == "test")
    ]
    clean = tables.scores[
        (tables.scores["fit_id"] == fit.fit_id) & (tables.scores["corruption"] == CLEAN)
    ]
    scored: Mapping[str, NDArray[np.float64]] = score_images(fit, pixels, size, CPU)
    for row, values in scored.items():
        own = clean[clean["score"] == row]
        if own.empty:  # the run did not keep this score
            continue
        at = threshold_of(tables, fit.fit_id, row, fold)
        target = own.loc[own["image_id"].isin(tested["image_id"]), "value"].to_numpy(float)
        value = float(values[0])
        yield ScoreOfImage(
            row=row,
            score=value,
            threshold=at.value,
            frozen=at.frozen,
            accepted=value <= at.value,
            above_target=float(np.mean(target < value)) if target.size else float("nan"),
            fold=fit.spec.fold,
        )


@torch.inference_mode()
def _strip(fit: Fit, pixels: NDArray[np.uint8], size: int) -> Picture | None:
    """Original, masked, inpainted and difference; None if the detector reconstructs nothing."""
    images = resize(torch.from_numpy(pixels.copy()).permute(0, 3, 1, 2).contiguous(), size)
    made = fit.detector.reconstruct(Batch(images, provide))
    if made is None:
        return None
    original, inpainted = picture(images[0]), picture(made[1][0])
    hidden = masked(original, made[0][0])
    return beside([original, hidden, inpainted, difference(original, inpainted)])
