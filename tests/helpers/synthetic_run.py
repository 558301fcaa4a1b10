"""A finished run made of numbers alone: what a report needs, without images or training."""

import hashlib
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from mimbench.files import file_hash
from mimbench.scores.digests import write_sealed
from mimbench.scores.splits import split_column
from mimbench.scores.tables import RunTables, checksums

FOLDS = 3
CONDITIONS = tuple((name, level) for name in ("brightness", "motion_blur") for level in (1, 3, 5))


@dataclass(frozen=True)
class Category:
    """One category of the synthetic run: `shift` is how far its images lie from the target."""

    name: str
    role: str
    source: str
    images: int
    per_patient: int
    shift: float


@dataclass(frozen=True)
class Row:
    """One score: `power` multiplies the shift, `fragility` is lost per severity."""

    score: str
    detector: str
    family: str
    control: bool
    power: float
    fragility: float


CATEGORIES = (
    Category("mpox", "target", "clinic-a", 90, 2, 0.0),
    Category("chickenpox", "known", "clinic-a", 60, 2, 0.8),
    Category("measles", "known", "clinic-a", 40, 2, 1.0),
    Category("acne", "unknown", "atlas", 20, 1, 1.4),
    Category("psoriasis", "unknown", "atlas", 25, 1, 1.1),
    Category("scabies", "unknown", "atlas", 8, 1, 0.9),
    Category("receipt", "abnormal", "web", 20, 1, 4.0),
    Category("landscape", "abnormal", "web", 20, 1, 3.0),
)
ROWS = (
    Row("mim/residual", "mim", "inpainting", False, 0.3, 0.03),
    Row("mim/l1", "mim", "inpainting", False, -0.2, 0.01),
    Row("resnet18/posterior", "resnet18", "classifier", False, 1.2, 0.14),
    Row("resnet18/msp", "resnet18", "classifier", False, 0.8, 0.12),
    Row("harmonic", "harmonic", "control", True, 0.4, 0.08),
    Row("histogram", "histogram", "control", True, 0.6, 0.16),
)


def synthetic_tables(
    categories: tuple[Category, ...] = CATEGORIES,
    rows: tuple[Row, ...] = ROWS,
    conditions: tuple[tuple[str, int], ...] = CONDITIONS,
    seeds: int = 1,
) -> RunTables:
    """Tables of a run with 3 folds, a few conditions and one detector that failed."""
    rng = np.random.default_rng(0)
    images = _images(rng, categories)
    shift = images["category"].map({c.name: c.shift for c in categories}).to_numpy(float)
    fits, scores = [_failed_fit()], []
    for number, row in enumerate(rows):
        places = [(pd.NA, 0)] if row.control else list(product(range(FOLDS), range(seeds)))
        for fold, seed in places:
            fit_id = f"{row.detector}-{'all' if fold is pd.NA else fold}" + f"-{seed}" * (seed > 0)
            if fit_id not in {fit["fit_id"] for fit in fits}:
                fits.append(_fit(fit_id, row, fold, seed))
            scored = (
                np.ones(len(images), bool)
                if fold is pd.NA
                else (images[split_column(fold)] != "train").to_numpy()
            )
            own = np.random.default_rng(
                [number, 0 if fold is pd.NA else int(fold) + 1, *([seed] * (seed > 0))]
            )
            scores += _scores(own, row, fit_id, images[scored], shift[scored], conditions)
    return RunTables(pd.concat(scores, ignore_index=True), _fits_table(fits), images)


def small_tables(tables: RunTables) -> RunTables:
    """Two rows on clean images of a run's tables, to be reported many times."""
    scores = tables.scores[tables.scores["corruption"] == "clean"]
    kept = scores["score"].isin(["mim/residual", "harmonic"])
    return RunTables(scores[kept], tables.fits, tables.images)


def write_synthetic_run(folder: Path, tables: RunTables | None = None) -> Path:
    """Write the tables with run.json and rejected.csv, as a run leaves them."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = tables or synthetic_tables()
    tables.write(folder)
    (folder / "rejected.csv").write_text("path,reason\nacne/broken.jpg,not a JPEG file\n")
    files = {"rejected.csv": file_hash(folder / "rejected.csv")}
    write_sealed(folder / "run.json", {**RUN_INFO, "checksums": checksums(folder), "files": files})
    write_sealed(folder / "starts.json", {"starts": STARTS})
    _write_gallery(folder / "gallery")
    _write_thumbnails(folder / "gallery", tables.images)
    return folder


def _write_thumbnails(place: Path, images: pd.DataFrame) -> None:
    """Small pictures of a tested image of each category, each grey of a level of its own."""
    tested = images[images[split_column(0)] == "test"].drop_duplicates("category")
    sheet = np.zeros((16 * len(tested), 3 * 16, 3), dtype=np.uint8)
    for k in range(len(tested)):
        sheet[16 * k : 16 * (k + 1)] = 20 * k
    Image.fromarray(sheet).save(place / "thumbnails.jpg")
    record = {
        "file": "thumbnails.jpg",
        "sha256": file_hash(place / "thumbnails.jpg"),
        "tile": 16,
        "columns": 3,
        "detector": "mim",
        "images": tested["image_id"].tolist(),
    }
    write_sealed(place / "thumbnails.json", record)


def _write_gallery(place: Path) -> None:
    """Two cases and a ladder of noise, as a run of a detector that inpaints leaves them."""
    place.mkdir(exist_ok=True)
    noise = np.random.default_rng(0).integers(0, 255, (16, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(place / "noise.png")
    digest = file_hash(place / "noise.png")
    about = {
        "file": "noise.png",
        "sha256": digest,
        "detector": "mim",
        "row": "mim/residual",
        "frozen": True,
    }
    about |= {"threshold": 1.25, "image_id": "a" * 64}
    entries = [
        {"category": "mpox", "role": "target", "kind": "most confident right", "scores": [0.5]},
        {"category": "acne", "role": "unknown", "kind": "least confident wrong", "scores": [1.24]},
        {
            **{"category": "mpox", "role": "target", "corruption": "motion_blur"},
            **{"severities": [0, 1, 3], "scores": [0.5, 0.75, 1.5]},
        },
    ]
    write_sealed(place / "gallery.json", {"pictures": [about | entry for entry in entries]})


RUN_INFO = {
    "name": "synthetic",
    "command": "mimbench run synthetic",
    "date": "2026-01-02T03:04:05+00:00",
    "environment": {"mimbench": "0.1.0", "python": "3.11.9", "threads": 2, "device": "cpu"},
    "target": "mpox",
    "canonical_size": 64,
    "notes": ["The images are numbers drawn at random."],
    "run": {"suites": ["quick"], "folds": 3, "seeds": 1, "plan_seed": 0},
    "detectors": [
        {
            "name": "mim",
            "headline": ["residual"],
            "description": "Inpaints masked patches and measures the error.",
        },
        {
            "name": "resnet18",
            "headline": ["posterior"],
            "open_set": ["msp", "energy"],
            "description": "Classifier trained on the target and the known categories.",
        },
        {"name": "harmonic", "description": "Untrained inpainter: rough images score high."},
        {"name": "histogram", "description": "Distance of colour histograms."},
        {"name": "broken", "description": "Fails while it is fitted."},
    ],
}

STARTS = [  # interrupted once: the second start found what the first had done
    {
        "started": "2026-01-02T03:00:00+00:00",
        "ended": "2026-01-02T03:01:10+00:00",
        "costs": {"fit": {"seconds": 61.5, "peak_memory": 1_230_000_000}},
        "fits": {"planned": 9, "computed": 7},
    },
    {
        "started": "2026-01-02T03:02:00+00:00",
        "ended": "2026-01-02T03:04:05+00:00",
        "finished": True,
        "costs": {"fit": {"seconds": 3.2}, "score": {"seconds": 120.25}},
        "fits": {"planned": 9, "found": 7, "computed": 2},
        "blocks": {"planned": 130, "computed": 130},
    },
]


def _images(rng: np.random.Generator, categories: tuple[Category, ...]) -> pd.DataFrame:
    rows = []
    for category in categories:
        key = f"{category.role} {category.name}" if category.role == "external" else category.name
        for index in range(category.images):
            patient = f"{category.source}:{category.name}:{index // category.per_patient}"
            rows.append(
                {
                    "image_id": hashlib.sha256(f"{key} {index}".encode()).hexdigest(),
                    "dataset": category.source,
                    "path": f"{category.name}/{index}.jpg",
                    "category": category.name,
                    "role": category.role,
                    "patient": patient,
                    "source": category.source,
                }
            )
    images = pd.DataFrame(rows)
    patients = images["patient"].unique()
    part = dict(zip(patients, rng.integers(0, FOLDS, len(patients)), strict=True))
    seen = images["role"].isin(["target", "known"])
    for fold in range(FOLDS):
        place = (images["patient"].map(part) + fold) % FOLDS
        split = place.map({0: "test", 1: "validation", 2: "train"})
        images[split_column(fold)] = split.where(seen, "test")
    return images


def _fit(fit_id: str, row: Row, fold: object, seed: int = 0) -> dict[str, object]:
    return {
        "fit_id": fit_id,
        "detector": row.detector,
        "fitted_on": "nothing" if row.control else "mpox",
        "withheld": "",
        "study": "",
        "fold": fold,
        "seed": pd.NA if row.control else seed,
        "control": row.control,
        "family": row.family,
        "input_size": 64,
        "status": "ok",
        "reason": "",
        "recipe_hash": "r" * 8,
        "state_hash": "s" * 8,
        "seconds": 12.5,
        "versions": "{}",
    }


def _failed_fit() -> dict[str, object]:
    failed = _fit("broken-0", Row("broken", "broken", "classifier", False, 0, 0), 0)
    return failed | {"status": "failed", "reason": "Loss became NaN at step 3; lower the rate."}


def _fits_table(fits: list[dict[str, object]]) -> pd.DataFrame:
    return pd.DataFrame(fits).astype({"fold": "Int64", "seed": "Int64", "control": bool})


def _scores(
    rng: np.random.Generator,
    row: Row,
    fit_id: str,
    images: pd.DataFrame,
    shift: np.ndarray,
    conditions: tuple[tuple[str, int], ...],
) -> list[pd.DataFrame]:
    own = rng.normal(size=len(images))
    frames = []
    for corruption, severity in (("clean", 0), *conditions):
        power = row.power * max(0.0, 1 - row.fragility * severity)
        noise = 0.3 * rng.normal(size=len(images))
        frames.append(
            pd.DataFrame(
                {
                    "fit_id": fit_id,
                    "score": row.score,
                    "corruption": corruption,
                    "severity": np.int8(severity),
                    "image_id": images["image_id"].to_numpy(),
                    "value": own + power * shift + noise + 0.1 * severity,
                }
            )
        )
    return frames
