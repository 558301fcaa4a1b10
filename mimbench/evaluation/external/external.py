"""Apply the fitted detectors of a run to new images, at the thresholds frozen on its validation."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from mimbench.csv_files.writing import write_csv
from mimbench.data.dataset import Dataset, survey
from mimbench.data.identical_files import keep_first, merge_patients
from mimbench.data.reading.accounting import Accounting
from mimbench.detectors.build import build, identity
from mimbench.detectors.statefile import decode_state
from mimbench.errors import DataError, OutputError, TableError
from mimbench.evaluation.ensembles import combine_rows, combining
from mimbench.evaluation.execution.failure import reason_of, without_exit
from mimbench.evaluation.external.copies import without_copies
from mimbench.evaluation.external.fitted_run import FittedRun, read_fitted_run
from mimbench.evaluation.fitting import Fit
from mimbench.evaluation.planning.plan import FitSpec
from mimbench.evaluation.planning.threshold_folds import threshold_note
from mimbench.evaluation.scoring import score_images
from mimbench.files import FileHashes
from mimbench.progress import Progress
from mimbench.recipes import Recipe
from mimbench.runfolder.started_in import started_in
from mimbench.runfolder.store import Store, fit_code
from mimbench.scores.coding import join_scores
from mimbench.scores.reading import doubt_about
from mimbench.scores.run_files import check_external
from mimbench.scores.splits import split_columns
from mimbench.scores.tables import CLEAN, SCORE_COLUMNS, UNLABELLED, RunTables
from mimbench.statistics.tables.external import ExternalTest, external_test

__all__ = ["External", "fits_to_use", "restore_fit", "score_external"]


@dataclass(frozen=True)
class External:
    """What fitted detectors say of new images.

    Attributes:
        test: the tables of the external test.
        tables: the new images as external images of the run, its validation images beside them.
        rejected: `path` and `reason` of each file that should be an image and could not be read.
        unread: all files that were not read, as in rejected.csv.
        files: what became of each file.
        failures: (fit, reason) of every fit that could not score.
        notes: what the reader should know, one sentence each.
        doubt: what keeps the run's tables from being known as its own; empty if nothing does.
    """

    test: ExternalTest
    tables: RunTables
    rejected: pd.DataFrame
    unread: pd.DataFrame
    files: Accounting
    failures: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    doubt: str = ""

    def write(self, folder: Path) -> None:
        """Write everything as CSV and parquet into `folder`.

        Raises:
            OutputError: the folder cannot be written.
        """
        check_external(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, table in self.test.tables.items():
                write_csv(table, folder / f"external_{name}.csv")
            write_csv(self.unread, folder / "rejected.csv")
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
    """Score new images with a run's fits; whatever forbids it is found before the first score.

    Args:
        run: folder of a finished run, which may be somebody else's.
        places: folders or CSV files; images in a category of the target's name count as target.
            Those that lie in no folder of a category are unlabelled.
        progress: is told of each fit.
        plug_ins: files and modules that may be imported; paths lead from the working folder.
        accept_changed: take tables that were changed since the run wrote them too.

    Raises:
        TableError: `run` is no finished run, or a fitted state is missing or damaged.
        DetectorError: the run names code that is neither mimbench's, installed as a plug-in, nor
            among `plug_ins`.
        DataError: no readable image, a file under two categories, or images that fits of the run
            were trained or validated on.
    """
    fitted = read_fitted_run(run, plug_ins, accept_changed=accept_changed)
    fitted.require(fitted.foreign)
    found, new = _read_new(fitted, places)
    fits, able = fits_to_use(fitted)
    usable = fits[fits["status"] == "ok"]
    if usable.empty:
        raise TableError(f"All trainings of {run} failed; there is nothing to score with.")
    store, hashes = Store(run.absolute()), FileHashes()
    with started_in(fitted.started):
        for row in usable.to_dict("records"):
            restore_fit(store, fitted, row, hashes)  # and it will be again
        blocks, failures = _score_all(store, fitted, usable, new, hashes, progress)
        scored = _as_run(fitted.tables, _with_failures(fits, failures), new, blocks)
        merged, not_combined = combine_rows(scored, able)
    test = external_test(merged)
    if test is None:
        raise DataError("There are no images to score.")
    folds = max(fitted.tables.folds, 1)
    note = threshold_note(fitted.tables.images, folds, fitted.info.run.plan_seed, external=True)
    named = fits.set_index("fit_id")["detector"]
    return External(
        test=replace(test, verdicts=_for_every_file(test.verdicts, found.table)),
        tables=merged,
        rejected=new.rejected,
        unread=new.unread,
        files=new.accounting,
        failures=(*((str(named[fit]), why) for fit, why in failures.items()), *not_combined),
        notes=(*new.notes, *([note] if note else [])),
        doubt=doubt_about(fitted.tables),
    )


def _read_new(run: FittedRun, places: list[str]) -> tuple[Dataset, Dataset]:
    """All new images, and those to score: each once, and none that shows a photograph of the run.

    Raises:
        DataError: none is left, or fits of the run were trained or validated on some.
    """
    images = run.tables.images
    found = survey(
        places,
        size=run.canonical_size,
        harmonise=run.info.run.data.harmonise,
        labels=set(images["category"]) - {UNLABELLED},
    )
    _check_new(found.table, images)
    new = without_copies(_each_once(found), run.folder, run.info, images)
    if not len(new):
        raise DataError("Every image shows a photograph of the run itself; none is left to score.")
    return found, new


def fits_to_use(run: FittedRun) -> tuple[pd.DataFrame, list[Recipe]]:
    """Fits that speak for their detector and score images, and the recipes that were run."""
    made_of_rows = {recipe.name for recipe in combining(run.recipes)}
    fits = run.tables.fits
    not_run = fits["status"] == "not run"
    fits = fits[run.tables.main_fits & (~fits["detector"].isin(made_of_rows) | not_run)]
    missing = set(fits["detector"][not_run])
    return fits, [recipe for recipe in run.recipes if recipe.name not in missing]


def _check_new(new: pd.DataFrame, images: pd.DataFrame) -> None:
    """Refuse images that a fit may have learnt, or that set a threshold."""
    splits = images[split_columns(images)]
    seen = images["role"].isin(["target", "known"]) & (splits != "test").any(axis=1)
    known = new[new["image_id"].isin(images.loc[seen, "image_id"])]
    if len(known):
        path, image_id = known[["path", "image_id"]].iloc[0]
        own = images.loc[images["image_id"] == image_id].iloc[0]
        raise DataError(
            f"{known['image_id'].nunique()} of the images were used for training or validation by "
            f"the run, e.g. {path} ({own['path'] or own['image_id'][:12]} there, {own['role']}). "
            "An external test needs images that no training has seen; leave them out."
        )


def _each_once(found: Dataset) -> Dataset:
    """External images, each once; patients who share a file are one."""
    table = found.table.assign(role="external")
    keep = keep_first(table)
    merged = table.assign(patient=merge_patients(table))[keep].reset_index(drop=True)
    facts = found.facts[keep].reset_index(drop=True)
    return replace(found, table=merged, pixels=found.pixels[keep], facts=facts)


def restore_fit(store: Store, run: FittedRun, row: Mapping[Any, Any], hashes: FileHashes) -> Fit:
    """A fit as the run left it.

    Raises:
        TableError: it is missing, damaged, or belongs to other code, parameters or weights.
    """
    recipe = run.recipe(str(row["detector"]))
    entry = store.read_fit(row["fit_id"])
    if entry is None or entry.state_hash != row["state_hash"]:
        raise TableError(
            f"The fitted state of {row['detector']} ({row['fit_id']}) is missing or not the one "
            "that made the run's scores; repeat the run."
        )
    if entry.about["recipe"] != identity(recipe, hashes) or entry.about["code"] != fit_code():
        raise TableError(
            f"{row['detector']} ({row['fit_id']}) was fitted with other code, parameters or "
            "weights than are here now, and its thresholds belong to those; repeat the run."
        )
    detector = build(recipe)
    try:
        with without_exit():
            detector.load(decode_state(entry.content))
    except Exception as error:
        raise TableError(
            f"The fitted state of {row['detector']} ({row['fit_id']}) does not fit its recipe: "
            f"{type(error).__name__}: {error}."
        ) from error
    fold = None if pd.isna(row["fold"]) else int(row["fold"])
    spec = FitSpec(recipe, row["fitted_on"], fold, None)
    return Fit(spec, row["fit_id"], detector, entry.state_hash, entry.seconds)


def _score_all(
    store: Store,
    fitted: FittedRun,
    usable: pd.DataFrame,
    new: Dataset,
    hashes: FileHashes,
    progress: Progress,
) -> tuple[list[pd.DataFrame], dict[str, str]]:
    """Blocks of scores, and why a fit has none, by fit_id."""
    blocks, failures = [], {}
    progress.stage("Scoring", len(usable))
    for number, row in enumerate(usable.to_dict("records")):
        name = str(row["detector"])
        progress.update(number, name)
        fit = restore_fit(store, fitted, row, hashes)
        try:
            with without_exit():
                scored = score_images(fit, new.pixels, int(row["input_size"]), torch.device("cpu"))
        except Exception as error:  # a detector that fails must not end the others
            failures[fit.fit_id] = f"score: {reason_of(fit.spec, error)}"
            progress.message(f"{name} failed. {failures[fit.fit_id]}")
            continue
        wide = pd.DataFrame({"image_id": new.table["image_id"], **scored})
        blocks.append(wide.melt("image_id", var_name="score").assign(fit_id=row["fit_id"]))
    progress.update(len(usable))
    return blocks, failures


def _with_failures(fits: pd.DataFrame, failures: Mapping[str, str]) -> pd.DataFrame:
    reasons = fits["fit_id"].map(failures)
    failed = reasons.notna()
    return fits.assign(
        status=fits["status"].mask(failed, "failed"), reason=fits["reason"].mask(failed, reasons)
    )


def _as_run(
    tables: RunTables, fits: pd.DataFrame, new: Dataset, blocks: Iterable[pd.DataFrame]
) -> RunTables:
    """The new images as external images of a run of which only the validation part is left."""
    splits = split_columns(tables.images)
    fresh = new.table.assign(**dict.fromkeys(splits, "test"))
    old = tables.images[tables.images["role"] == "target"]
    kept = old[(old[splits] == "validation").any(axis=1)].copy()
    for name in splits:  # the run's own test images take no part in the external test
        kept[name] = kept[name].where(kept[name] == "validation", "train")
    good = fits.loc[fits["status"] == "ok", "fit_id"]
    clean = tables.scores[
        (tables.scores["corruption"] == CLEAN)
        & tables.scores["image_id"].isin(kept["image_id"])
        & tables.scores["fit_id"].isin(good)
    ]
    scored = [block.assign(corruption=CLEAN, severity=0)[list(SCORE_COLUMNS)] for block in blocks]
    images = pd.concat([kept, fresh], ignore_index=True)
    return RunTables(join_scores([clean, *scored]), fits, images)


def _for_every_file(verdicts: pd.DataFrame, files: pd.DataFrame) -> pd.DataFrame:
    """Verdicts by file: files that repeat another one byte for byte share its verdict."""
    paths = files[["image_id", "path"]]
    merged = verdicts.drop(columns="path").merge(paths, on="image_id", how="left", sort=False)
    return merged[list(verdicts.columns)]
