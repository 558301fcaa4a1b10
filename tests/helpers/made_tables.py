"""Tables of runs whose AUROCs are chosen: scores are normal, shifted for images of no target."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

from mimbench.scores.tables import FIT_COLUMNS, RunTables

CONDITIONS = (("clean", 0), ("gaussian_noise", 1), ("gaussian_noise", 3))


@dataclass(frozen=True)
class Made:
    """One row of a made run.

    Attributes:
        auroc: on clean images, against every category.
        drop: what one severity takes from it.
        control: whether it is a control.
        swap: AUROC of the same recipe fitted on measles; None: there is no such fit, and a control
            has learned nothing.
        retraining_sd: of the AUROC from seed to seed, roughly.
        only: AUROC for images with the value of the column `skin_tone`.
    """

    auroc: float
    drop: float = 0.0
    control: bool = False
    swap: float | None = None
    retraining_sd: float = 0.0
    only: Mapping[str, float] | None = None


CATEGORIES = {
    "mpox": ("target", "clinic", 120),
    "measles": ("known", "clinic", 60),
    "acne": ("unknown", "clinic", 120),
    "paper": ("abnormal", "web", 60),
}


def made_images(
    categories: Mapping[str, tuple[str, str, int]] = CATEGORIES, per_patient: int = 2
) -> pd.DataFrame:
    """Images by category: role, source and number; every third target patient is validation."""
    records = []
    for category, (role, source, count) in categories.items():
        for number in range(count):
            patient = number // per_patient
            seen = role in ("target", "known")
            records.append(
                {
                    "image_id": f"{category}-{number:03d}",
                    "dataset": source,
                    "path": f"{category}/{number:03d}.png",
                    "category": category,
                    "role": role,
                    "patient": f"{category}-{patient}",
                    "source": source,
                    "skin_tone": ("I", "VI")[patient % 2],
                    "split_0": "validation" if seen and patient % 3 == 0 else "test",
                }
            )
    return pd.DataFrame(records)


def made_tables(
    rows: Mapping[str, Made],
    *,
    images: pd.DataFrame | None = None,
    seeds: Sequence[int] = (0,),
    conditions: Sequence[tuple[str, int]] = CONDITIONS,
    draw: int = 0,
    seed_of_images: int = 1,
) -> RunTables:
    """Tables of a run; `draw` is what differs between two trainings of the same recipe."""
    images = made_images() if images is None else images
    shared = np.random.default_rng(seed_of_images).normal(size=len(images))
    fits, scores = [], []
    for position, (row, made) in enumerate(rows.items()):
        sides = {"mpox": made.auroc} | ({} if made.swap is None else {"measles": made.swap})
        untrained = made.control and made.swap is None
        for fitted_on, auroc in sides.items():
            for seed in seeds:
                key = [position, len(fitted_on), seed, draw]
                rng = np.random.default_rng(key)
                fit_id = f"{row}-{fitted_on}-{seed}-{draw}"
                learned = "nothing" if untrained else fitted_on
                fits.append(_fit(fit_id, row.split("/")[0], learned, seed, made.control))
                off = made.retraining_sd * rng.normal()
                noise = 0.5 * shared + np.sqrt(0.75) * (
                    0.9 * np.random.default_rng(position).normal(size=len(images))
                    + np.sqrt(0.19) * rng.normal(size=len(images))
                )
                scores += [
                    pd.DataFrame(
                        {
                            "fit_id": fit_id,
                            "score": row,
                            "corruption": corruption,
                            "severity": severity,
                            "image_id": images["image_id"],
                            "value": noise
                            + _shift(images, made, auroc + off - made.drop * severity),
                        }
                    )
                    for corruption, severity in conditions
                ]
    table = pd.DataFrame(fits).astype(FIT_COLUMNS)
    return RunTables(pd.concat(scores, ignore_index=True), table, images)


def _shift(images: pd.DataFrame, made: Made, auroc: float) -> np.ndarray:
    areas = np.full(len(images), auroc)
    for tone, own in (made.only or {}).items():
        areas[images["skin_tone"] == tone] = own
    other = (images["role"] != "target").to_numpy()
    return np.where(other, np.sqrt(2) * norm.ppf(areas), 0.0)


def _fit(fit_id: str, detector: str, fitted_on: str, seed: int, control: bool) -> dict[str, object]:
    return {
        "fit_id": fit_id, "detector": detector, "fitted_on": fitted_on, "fold": 0, "seed": seed,
        "control": control, "family": "control" if control else "one-class", "input_size": 64,
        "status": "ok", "reason": "", "recipe_hash": detector, "state_hash": fit_id,
        "seconds": 0.0, "versions": "{}", "withheld": "", "study": "",
    }  # fmt: skip
