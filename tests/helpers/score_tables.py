"""Score tables with numbers that can be worked out on paper."""

import pandas as pd

from mimbench.scores.tables import RunTables

CONDITIONS = [("clean", 0), ("blur", 1), ("blur", 3), ("fog", 2)]

# image: category, role, source, patient, split_0, split_1, clean scores of fold 0 and fold 1
IMAGES = {
    "t0": ("mpox", "target", "A", "p0", "test", "train", 1.0, 9.0),
    "t1": ("mpox", "target", "A", "p0", "test", "train", 3.0, 9.0),
    "t2": ("mpox", "target", "A", "p1", "train", "test", 0.0, 2.0),
    "t3": ("mpox", "target", "A", "p2", "train", "test", 0.0, 6.0),
    "k0": ("measles", "known", "A", "q0", "test", "train", 2.0, 0.0),
    "k1": ("measles", "known", "A", "q1", "train", "test", 0.0, 2.0),
    "s0": ("scabies", "unknown", "A", "r0", "test", "test", 4.0, 7.0),
    "u0": ("acne", "unknown", "B", "r1", "test", "test", 2.0, 1.0),
    "u1": ("acne", "unknown", "B", "r2", "test", "test", 3.0, 8.0),
    "v0": ("rosacea", "unknown", "B", "r3", "test", "test", 0.0, 7.0),
    "a0": ("paper", "abnormal", "C", "x0", "test", "test", 5.0, 5.0),
}


def images_table():
    columns = ["category", "role", "source", "patient", "split_0", "split_1"]
    table = pd.DataFrame(
        [(name, *row[:6]) for name, row in IMAGES.items()], columns=["image_id", *columns]
    )
    return table.assign(dataset="d", path="")


def fit_row(fit_id, detector, fold, seed=0, fitted_on="mpox", status="ok", reason=""):
    return {
        "fit_id": fit_id, "detector": detector, "fitted_on": fitted_on, "withheld": "",
        "study": "", "fold": fold,
        "seed": seed, "control": False, "family": "inpainting", "input_size": 64,
        "status": status, "reason": reason, "recipe_hash": "", "state_hash": "",
        "seconds": 0.0, "versions": "{}",
    }  # fmt: skip


def score_rows(fit_id, score, values, conditions=CONDITIONS, shift_target=0.0, skip=()):
    """Corruption adds `shift_target` times the severity to the target's scores."""
    return [
        {
            "fit_id": fit_id, "score": score, "corruption": corruption, "severity": severity,
            "image_id": image,
            "value": value + shift_target * severity * (IMAGES[image][1] == "target"),
        }
        for corruption, severity in conditions
        for image, value in values.items()
        if (corruption, severity, image) not in skip
    ]  # fmt: skip


def clean_scores(fold):
    return {name: row[6 + fold] for name, row in IMAGES.items()}


def run_tables(fits, scores):
    fits = pd.DataFrame(fits).astype({"fold": "Int64", "seed": "Int64"})
    return RunTables(pd.DataFrame(scores), fits, images_table())
