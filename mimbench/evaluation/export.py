"""Write a run's images under its conditions as files, for detectors of any other framework."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mimbench.corruptions.output_folder import claim_folder, write_picture
from mimbench.csv_files.writing import write_csv
from mimbench.data.fetch.places import located
from mimbench.data.near_duplicates import Comparison, read_comparison
from mimbench.data.reading.accounting import Accounting
from mimbench.errors import DataError, OutputError
from mimbench.evaluation.execution.environment import library_versions
from mimbench.evaluation.planning.flags import resolve_run
from mimbench.evaluation.planning.plan import Condition, Plan, RunFile, plan_images
from mimbench.evaluation.scoring import Rows, blocks_of_rows, corrupted, scored_rows
from mimbench.progress import Progress
from mimbench.recipes import content_hash, validate
from mimbench.runfolder.info import require_run_info
from mimbench.runfolder.started_in import start_folder, started_in
from mimbench.runfolder.store import score_code
from mimbench.scores.reading import read_tables
from mimbench.scores.run_files import refuse_links
from mimbench.scores.splits import split_columns
from mimbench.scores.tables import AUDIT
from mimbench.scores.tables import RECORD as RUN_RECORD
from mimbench.text import counted

__all__ = ["Export", "export_conditions", "recorded_plan"]

RECORD = "conditions.json"
MANIFEST = "manifest.csv"
COLUMNS = ("image_id", "file", "corruption", "severity", "category", "role", "patient")
# what pixels can depend on besides mimbench itself
LIBRARIES = ("imagecorruptions-imaug", "numba", "numpy", "opencv-python", "pillow", "scipy")


@dataclass(frozen=True)
class Export:
    """What was written.

    Attributes:
        written: pictures written now.
        kept: pictures that an earlier, interrupted call had written.
        files: what became of each file that was found.
        notes: what the reader should know of how the images were read, one sentence each.
    """

    written: int
    kept: int
    files: Accounting
    notes: tuple[str, ...]


def export_conditions(source: str, out: Path, progress: Progress) -> Export:
    """Write `clean/<image_id>.png`, `<corruption>/<severity>/<image_id>.png` and manifest.csv.

    The pictures are RGB at the canonical size, pixel by pixel what detectors see before they
    resize. Clean are all images, training images too; corrupted are the test images of any fold.
    manifest.csv has one line per picture: image_id, file, corruption, severity, category, role,
    patient and `split_<k>`, its part in fold k. Called again, it goes on where it stopped.

    Args:
        source: folder of a finished run, a run file (.toml), or a shipped run's name.
        out: new folder, or that of an interrupted call.
        progress: is told of each picture.

    Raises:
        DataError: images of the finished run are gone or have changed.
        OutputError: `out` holds something else, lies among the images, or cannot be written.
        UnknownNameError: no such run.
    """
    progress.stage("Reading images", 1)
    plan = _plan(source, out.resolve(), progress)
    progress.update(1)
    for note in plan.dataset.notes:
        progress.message(note)
    work = list(_work(plan))
    progress.stage("Writing pictures", sum(len(rows) for _, rows in work))
    written, done, lines = 0, 0, []
    try:
        _claim(out, plan)
        for condition, rows in work:
            progress.update(done, str(condition))
            files = _files(plan, condition, rows)
            written += _write(plan, condition, rows, [out / name for name in files])
            lines.append(_manifest(plan, condition, rows, files))
            done += len(rows)
        write_csv(pd.concat(lines, ignore_index=True), out / MANIFEST)
        write_csv(plan.dataset.unread, out / "rejected.csv")
    except OSError as error:
        raise OutputError(f"Cannot write to {out}: {error.strerror or error}.") from error
    progress.update(done)
    dataset = plan.dataset
    return Export(written, done - written, dataset.accounting, dataset.notes)


def _plan(source: str, out: Path, progress: Progress) -> Plan:
    """Images and conditions of a finished run as it recorded them, or those of a run to come."""
    if not Path(source).is_dir():
        return _apart(resolve_run(source, {}), out)
    return recorded_plan(Path(source), progress, out)


def recorded_plan(folder: Path, progress: Progress, out: Path | None = None) -> Plan:
    """Images and conditions of a finished run as it recorded them.

    Args:
        folder: of the run.
        progress: is told where pictures may differ from what the run's detectors saw.
        out: folder that will be written to, which must not lie among the images.

    Raises:
        DataError: images of the run are gone or have changed.
        OutputError: `out` lies among the images.
    """
    refuse_links(folder)
    info = require_run_info(folder)
    known = read_comparison(folder / AUDIT)
    place = start_folder(info)
    with started_in(place):
        try:
            plan = _apart(validate(RunFile, info.run.as_json(), folder / RUN_RECORD), out, known)
        except DataError as error:
            raise DataError(f"{error} Paths of {folder} are relative to {place}.") from error
    made = {name: info.environment.get(name) for name in ("code", *LIBRARIES)}
    now = _versions()
    changed = [f"{name} {made[name]}, now {now[name]}" for name in made if made[name] != now[name]]
    if changed:
        progress.message(
            f"The run was made with {'; '.join(changed)}. Pictures may differ from what its "
            "detectors saw."
        )
    return _as_recorded(plan, read_tables(folder).images, str(folder))


def _as_recorded(plan: Plan, images: pd.DataFrame, source: str) -> Plan:
    """The plan on the images, and with the splits, of the run's own table."""
    rows = pd.Index(plan.images["image_id"]).get_indexer(pd.Index(images["image_id"]))
    lost = images[rows < 0]
    if len(lost):
        first = lost["path"].iloc[0]
        what = "has changed" if Path(first).is_file() else "is gone"
        raise DataError(
            f"{len(lost)} of {counted(len(images), 'image')} of {source} are not what they were: "
            f"{first or lost['image_id'].iloc[0]} {what}. What its detectors saw cannot be made "
            "again; bring the files back, or repeat the run."
        )
    dataset = replace(plan.dataset, pixels=plan.dataset.pixels[rows])
    return replace(plan, dataset=dataset, images=images)


def _apart(run: RunFile, out: Path | None, known: Comparison | None = None) -> Plan:
    """A run's images, which must not lie around the folder that is written to."""
    plan, data = plan_images(run, known), run.data
    for place in (*data.data, *data.unknown, *data.abnormal, *data.external):
        if out and located(place).is_dir() and out.is_relative_to(located(place).resolve()):
            raise OutputError(f"{out} lies in {place}, whose images the run reads; choose another.")
    return plan


def _work(plan: Plan) -> Iterator[tuple[Condition, Rows]]:
    for condition in plan.conditions:
        wanted = np.full(len(plan.images), condition.corruption is None)
        for fold in range(plan.run.folds):
            wanted |= scored_rows(plan, condition, fold)
        for rows in blocks_of_rows(wanted):
            yield condition, rows


def _claim(out: Path, plan: Plan) -> None:
    """Record in `out` what its pictures are, or check that the record says the same."""
    record = {
        "target": plan.dataset.target,
        "canonical_size": plan.canonical_size,
        "harmonise": plan.run.data.harmonise,
        "plan_seed": plan.run.plan_seed,
        "corruption_engine": plan.run.corruption_engine,
        "corruption_size": plan.corruption_size,
        "conditions": [condition.describe() for condition in plan.conditions],
        "images": content_hash(plan.images["image_id"].tolist()),
        "versions": _versions(),
    }
    text = json.dumps(record, indent=2, sort_keys=True)
    claim_folder(out, RECORD, text, "run, seed or version")


def _versions() -> dict[str, Any]:
    return {"code": score_code(), **{name: library_versions()[name] for name in LIBRARIES}}


def _files(plan: Plan, condition: Condition, rows: Rows) -> list[str]:
    folder = (
        condition.name if condition.corruption is None else f"{condition.name}/{condition.severity}"
    )
    return [f"{folder}/{image_id}.png" for image_id in plan.images["image_id"].iloc[rows]]


def _write(plan: Plan, condition: Condition, rows: Rows, paths: list[Path]) -> int:
    """Write the pictures that are not there yet; how many."""
    missing = np.flatnonzero([not path.is_file() for path in paths])
    if not missing.size:
        return 0
    for k, picture in zip(missing, corrupted(plan, condition, rows[missing]), strict=True):
        write_picture(picture, paths[k])
    return int(missing.size)


def _manifest(plan: Plan, condition: Condition, rows: Rows, files: list[str]) -> pd.DataFrame:
    images = plan.images.iloc[rows].assign(
        file=files, corruption=condition.name, severity=condition.severity
    )
    splits = split_columns(images)
    return images[[*COLUMNS, *splits]]
