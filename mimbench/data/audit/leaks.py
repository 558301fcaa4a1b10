"""The same picture or person in places that must not meet."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from mimbench.data.audit.finding import Finding, Severity, examples
from mimbench.data.duplicates import Duplicate, gravest_first, summary
from mimbench.data.identical_files import clashes
from mimbench.scores.splits import split_columns
from mimbench.text import counted

__all__ = ["duplicate_findings", "feature_findings", "patient_findings", "repeat_findings"]

_TRAINABLE = ("target", "known")


def repeat_findings(table: pd.DataFrame) -> Iterator[Finding]:
    """Byte-identical files: an error across categories or roles, else merged when read."""
    torn = clashes(table)
    for _, rows in torn.groupby("image_id", sort=False):
        places = " and ".join(f"{r['path']} ({_place(r)})" for r in _records(rows))
        yield Finding(
            "error",
            "repeated files",
            f"{places} are the same file byte for byte; an image has one category and one role, "
            "so remove one of them.",
        )
    within = table[~table["image_id"].isin(torn["image_id"])]
    for _, rows in within[within["image_id"].duplicated(keep=False)].groupby("image_id"):
        files, patients = " and ".join(rows["path"]), " and ".join(sorted(set(rows["patient"])))
        joined = f"; the patients {patients} count as one" if " and " in patients else ""
        message = f"{files} are the same file byte for byte; it is read once{joined}."
        yield Finding("warning", "repeated files", message)


def duplicate_findings(duplicates: Sequence[Duplicate]) -> Iterator[Finding]:
    """A sentence about all near-duplicates, and one about each pair.

    The first is a warning where a run joins patients or leaves images out for them.
    """
    if not duplicates:
        return
    handled = any(pair.outcome != "same patient" for pair in duplicates)
    yield Finding("warning" if handled else "note", "near-duplicates", summary(duplicates))
    for pair in gravest_first(duplicates):
        yield Finding(
            "note",
            "near-duplicates",
            f"{' and '.join(pair.names)} show the same photograph ({_evidence(pair)}): "
            f"{_fate(pair)}.",
        )


def _evidence(pair: Duplicate) -> str:
    seen = "" if math.isnan(pair.similarity) else f"similarity {pair.similarity:.2f}, "
    return f"{seen}{pair.matches} matching keypoints"


def _fate(pair: Duplicate) -> str:
    first, second = pair.patients
    return {
        "same patient": f"both are of patient {first}, who stays in one part of every split",
        "one patient": f"the patients {first} and {second} count as one",
        "label in doubt": "left out, because nothing says which category is right",
        "external copy": "what is external is left out, because the run has the photograph",
    }[pair.outcome]


def feature_findings(table: pd.DataFrame, pairs: pd.DataFrame) -> Iterator[Finding]:
    """Pairs of pictures whose features of a backbone are nearly the same.

    Args:
        table: images, with or without `split_<k>`.
        pairs: of `similar_features`.
    """
    for pair in _records(pairs):
        rows = table.iloc[[int(pair["first"]), int(pair["second"])]]
        if rows["image_id"].nunique() == 1:
            continue
        severity, meaning = _judge_pair(rows)
        names = " and ".join(_named(row) for row in _records(rows))
        yield Finding(
            severity,
            "similar features",
            f"{names} have nearly the same features (cosine {pair['similarity']:.3f}): {meaning}",
        )


def _judge_pair(rows: pd.DataFrame) -> tuple[Severity, str]:
    first, second = _records(rows)
    for column in split_columns(rows):
        parts = set(rows[column])
        if "test" in parts and len(parts) > 1:
            return "error", (
                "one is tested on a fit that saw the other. Give both one patient, or remove one."
            )
    trained = [row["role"] in _TRAINABLE for row in (first, second)]
    if any(trained) and not all(trained):
        return "error", "a fit may see one, and the other is only tested. Remove one."
    if first["category"] != second["category"]:
        return "warning", "their categories contradict each other. Remove one or both."
    if not first["path"] and not second["path"]:
        return "note", "both are generated; their patients are known to be two."
    if first["patient"] != second["patient"]:
        return "warning", "they may be one patient. Say so in a CSV file, or remove one."
    return "note", "both are of one patient, who stays whole."


def patient_findings(table: pd.DataFrame) -> Iterator[Finding]:
    """Patients on both sides of a split or of the roles, and those with several categories."""
    for column in split_columns(table):
        parts = table.groupby("patient")[column].nunique()
        if (parts > 1).any():
            yield Finding(
                "error",
                "patients",
                f"{counted((parts > 1).sum(), 'patient', 'is')} in two parts of {column}: "
                f"{examples(list(parts.index[parts > 1]))}.",
            )
    trained = table["role"].isin(_TRAINABLE)
    tested = ~trained & (table["role"] != "")
    both = sorted(set(table.loc[trained, "patient"]) & set(table.loc[tested, "patient"]))
    if both:
        yield Finding(
            "error",
            "patients",
            f"{counted(len(both), 'patient', 'has')} images that a training may see and images of "
            f"unknown, abnormal or external role: {examples(both)}. Give their categories one "
            "role.",
        )
    categories = table.groupby("patient")["category"].nunique()
    several = categories.index[categories > 1]
    if len(several):
        yield Finding(
            "note",
            "patients",
            f"{counted(len(several), 'patient', 'has')} images of more than one category: "
            f"{examples(list(several))}.",
        )


def _records(rows: pd.DataFrame) -> list[Mapping[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in rows.to_dict("records")]


def _place(row: Mapping[str, Any]) -> str:
    return ", ".join(filter(None, (row["category"], row["role"])))


def _named(row: Mapping[str, Any]) -> str:
    return f"{row['path'] or row['image_id'][:12]} ({_place(row)})"
