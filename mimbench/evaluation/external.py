"""Apply the fitted detectors of a run to new images, at the thresholds frozen on its validation."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from pydantic import BaseModel, Field

from mimbench.csv_files import write_csv
from mimbench.data.dataset import Dataset, survey
from mimbench.detectors.build import build, identity
from mimbench.errors import DetectorError, OutputError, TableError
from mimbench.evaluation.combining import combine_rows, combining
from mimbench.evaluation.fitting import Fit
from mimbench.evaluation.plan import FitSpec
from mimbench.evaluation.progress import Progress
from mimbench.evaluation.scoring import score_images
from mimbench.evaluation.store import Store, code_version
from mimbench.recipes import Recipe, validate
from mimbench.registry import is_installed
from mimbench.run_files import check_external, refuse_links
from mimbench.scores import CLEAN, RECORD, SCORE_COLUMNS, RunTables, read_record, read_tables
from mimbench.statistics.external import drift_table, external_table
from mimbench.statistics.layout import Layout
from mimbench.statistics.threshold import frozen_thresholds, operating_table, validation_masks

__all__ = ["External", "score_external"]


@dataclass(frozen=True)
class External:
    """What fitted detectors say of new images.

    Attributes:
        verdicts: one row per image and score: path, category, row, value (mean over fits),
            accepted (share of the fits whose threshold calls the image target, in [0, 1]).
        operating: sensitivity and specificity at the frozen thresholds, with intervals.
        auroc: per row, new target images against the other new ones, see `external_table`.
        drift: per row, new target images against validation target images, see `drift_table`.
        tables: the new images as a run of their own, for a report.
    """

    verdicts: pd.DataFrame
    operating: pd.DataFrame
    auroc: pd.DataFrame
    drift: pd.DataFrame
    tables: RunTables

    def write(self, folder: Path) -> None:
        """Write everything as CSV and parquet into `folder`.

        Raises:
            OutputError: the folder cannot be written.
        """
        check_external(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name in ("verdicts", "operating", "auroc", "drift"):
                write_csv(getattr(self, name), folder / f"external_{name}.csv")
            self.tables.write(folder)
        except OSError as error:
            raise OutputError(f"Cannot write to {folder}: {error.strerror}.") from error


def score_external(
    run: Path,
    places: list[str],
    progress: Progress,
    plug_ins: Sequence[str] = (),
    *,
    accept_changed: bool = False,
) -> External:
    """Score new images with a run's fits.

    Args:
        run: folder of a finished run, which may be somebody else's.
        places: folders or CSV files; images in a category of the target's name count as target.
        progress: is told of each fit.
        plug_ins: files and modules that may be imported, as the run names them.
        accept_changed: take tables that were changed since the run wrote them too.

    Raises:
        TableError: `run` is no finished run, or a fitted state is missing or damaged.
        DetectorError: the run names code that is neither mimbench's, installed as a plug-in, nor
            among `plug_ins`.
        DataError: no readable image.
    """
    tables = read_tables(run, accept_changed=accept_changed)
    refuse_links(run, store=True)
    about = _read_metadata(run, accept_changed)
    if about.added:
        raise TableError(f"{run} has rows made elsewhere, which score nothing; use the run itself.")
    recipes = {recipe.name: recipe for recipe in about.recipes(run)}
    _check_code(recipes.values(), plug_ins, run)
    found = survey(places, size=about.canonical_size, harmonise=about.run.data.harmonise)
    target = about.target
    made_of_rows = {recipe.name for recipe in combining(list(recipes.values()))}
    fits = tables.fits[tables.main_fits & ~tables.fits["detector"].isin(made_of_rows)]
    usable = fits[fits["status"] == "ok"]
    if usable.empty:
        raise TableError(f"All fits of {run} failed; there is nothing to score with.")
    store = Store(run)
    progress.stage("Scoring", len(usable))
    blocks = []
    for number, row in enumerate(usable.to_dict("records")):
        progress.update(number, str(row["detector"]))
        blocks.append(_score(store, _recipe(recipes, row, run), row, found))
    progress.update(len(usable))
    scored = _as_run(tables, fits, found, pd.concat(blocks, ignore_index=True), target)
    merged, _ = combine_rows(scored, list(recipes.values()))
    return External(
        verdicts=_verdicts(merged, found),
        operating=operating_table(merged),
        auroc=external_table(merged),
        drift=drift_table(merged),
        tables=merged,
    )


def _check_code(recipes: Iterable[Recipe], allowed: Sequence[str], run: Path) -> None:
    """Refuse to import what only the run's folder names: reading it must not run its code."""
    for recipe in recipes:
        if not (is_installed(recipe.detector) or recipe.detector in allowed):
            raise DetectorError(
                f"{run / 'run.json'} names code that is not part of mimbench: {recipe.detector}. "
                f"If you trust it, say so: --detector {shlex.quote(recipe.detector)}."
            )


def _recipe(recipes: Mapping[str, Recipe], row: Mapping[Any, Any], run: Path) -> Recipe:
    name = str(row["detector"])
    if name not in recipes:
        raise TableError(f"{run / 'run.json'} has no recipe of the detector '{name}'.")
    return recipes[name]


class _Data(BaseModel):
    harmonise: bool = False


class _Run(BaseModel):
    data: _Data


class _Metadata(BaseModel):
    """What of run.json is needed to score with the run's fits."""

    target: str
    canonical_size: int = Field(ge=16, le=4096)
    run: _Run
    detectors: list[dict[str, Any]]
    added: list[Any] = Field(default_factory=list)

    def recipes(self, where: Path) -> list[Recipe]:
        """Recipes of the run's detectors, without what run.json says about them beside."""
        fields = [
            {name: known[name] for name in Recipe.model_fields if name in known}
            for known in self.detectors
        ]
        return [validate(Recipe, own, where / "run.json") for own in fields]


def _read_metadata(run: Path, accept_changed: bool) -> _Metadata:
    content, _ = read_record(run, accept_changed=accept_changed)
    if not content:
        raise TableError(f"{run / RECORD} does not exist; is {run} the folder of a finished run?")
    return validate(_Metadata, content, run / RECORD)


def _score(store: Store, recipe: Recipe, row: dict[Any, Any], found: Dataset) -> pd.DataFrame:
    entry = store.read_fit(row["fit_id"])
    if entry is None or entry.state_hash != row["state_hash"]:
        raise TableError(
            f"The fitted state of {row['detector']} ({row['fit_id']}) is missing or not the one "
            "that made the run's scores; repeat the run."
        )
    if entry.about["recipe"] != identity(recipe) or entry.about["code"] != code_version():
        raise TableError(
            f"{row['detector']} ({row['fit_id']}) was fitted with other code, parameters or "
            "weights than are here now, and its thresholds belong to those; repeat the run."
        )
    detector = build(recipe)
    try:
        detector.load(entry.state)
    except Exception as error:
        raise TableError(
            f"The fitted state of {row['detector']} ({row['fit_id']}) does not fit its recipe: "
            f"{type(error).__name__}: {error}."
        ) from error
    fold = None if pd.isna(row["fold"]) else int(row["fold"])
    spec = FitSpec(recipe, row["fitted_on"], fold, None)
    fit = Fit(spec, row["fit_id"], detector, entry.state_hash, entry.seconds)
    scored = score_images(fit, found.pixels, int(row["input_size"]), torch.device("cpu"))
    wide = pd.DataFrame({"image_id": found.table["image_id"], **scored})
    return wide.melt("image_id", var_name="score").assign(
        fit_id=row["fit_id"], corruption=CLEAN, severity=0
    )


def _as_run(
    tables: RunTables, fits: pd.DataFrame, found: Dataset, scores: pd.DataFrame, target: str
) -> RunTables:
    """New images as the test part of every fold, the run's own validation images beside them."""
    splits = [str(name) for name in tables.images if str(name).startswith("split_")]
    new = found.table.drop_duplicates("image_id")
    new = new.assign(role=np.where(new["category"] == target, "target", "external"))
    new = new.assign(**dict.fromkeys(splits, "test"))
    old = tables.images[tables.images["role"] == "target"]
    old = old[~old["image_id"].isin(new["image_id"])]
    seen = sorted(set(new["image_id"]) & set(tables.images["image_id"]))
    if seen:
        path = new.loc[new["image_id"] == seen[0], "path"].iloc[0]
        raise TableError(
            f"{len(seen)} of the images are part of the run itself, e.g. {path}; an external test "
            "needs images that the run has not seen."
        )
    kept = old[(old[splits] == "validation").any(axis=1)].copy()
    for name in splits:  # the run's own test images take no part in the external test
        kept[name] = kept[name].where(kept[name] == "validation", "train")
    clean = tables.scores[
        (tables.scores["corruption"] == CLEAN)
        & tables.scores["image_id"].isin(kept["image_id"])
        & tables.scores["fit_id"].isin(fits["fit_id"])
    ]
    scores = scores.drop_duplicates(["fit_id", "score", "image_id"])
    together = pd.concat([clean, scores[list(SCORE_COLUMNS)]], ignore_index=True)
    images = pd.concat([kept, new], ignore_index=True)
    return RunTables(together.astype(SCORE_COLUMNS), fits, images)


def _verdicts(tables: RunTables, found: Dataset) -> pd.DataFrame:
    layout = Layout(tables)
    masks = validation_masks(tables, layout)
    where = pd.Index(tables.images["image_id"]).get_indexer(pd.Index(found.table["image_id"]))
    parts = []
    for row in layout.rows:
        values = layout.values(row)
        at, reason = frozen_thresholds(layout, row, values, masks)
        cells = layout.cells(row)
        own = np.stack([values[fit, 0, where] for fit, _, _ in cells])
        accepted = np.where(np.isnan(at), np.nan, 1.0)[:, None] * (own <= at[:, None])
        parts.append(
            found.table[["path", "category"]].assign(
                row=row.score, value=own.mean(0), accepted=accepted.mean(0), reason=reason
            )
        )
    return pd.concat(parts, ignore_index=True)
