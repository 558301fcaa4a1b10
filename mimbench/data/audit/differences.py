"""How collections differ: unreadable files, balance, size, format, compression, borders."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from mimbench.data.audit.finding import Finding, Severity, examples
from mimbench.data.audit.probe import probe, strongest_differences
from mimbench.data.audit.regions import REGIONS, Mark, mean_pictures, strongest_region
from mimbench.data.reading.file_facts import FACTS
from mimbench.statistics.core.estimate import Estimate

__all__ = ["balance_findings", "copy_findings", "difference_findings", "unreadable_findings"]

Rows = npt.NDArray[np.bool_]

_TRAINABLE = ("target", "known")
_SKEW = 5
_FEW_PATIENTS = 10
# The operating threshold is a conformal rank at 95 % sensitivity, which 18 patients cannot give.
_THRESHOLD_PATIENTS = 19
_CHANCE = 0.5
_PROBE_MATTERS = 0.6


def unreadable_findings(rejected: pd.DataFrame) -> Iterator[Finding]:
    """Files that are left out, by reason."""
    for reason, rows in rejected.groupby("reason"):
        yield Finding(
            "warning",
            "unreadable files",
            f"{len(rows)} left out: {reason}: {examples(rows['path'])}.",
        )


def copy_findings(table: pd.DataFrame) -> Iterator[Finding]:
    """Augmented copies that stand in for originals that are missing."""
    copies = table[table.get("augmented_from", pd.Series("", index=table.index)) != ""]
    if len(copies):
        originals = sorted(set(copies["augmented_from"]))
        yield Finding(
            "warning",
            "augmented copies",
            f"{len(copies)} augmented copies of {len(originals)} originals that are missing "
            f"({examples(originals)}) count as images; add the originals, which then replace them.",
        )


def balance_findings(table: pd.DataFrame) -> Iterator[Finding]:
    """Categories with far more images than others, or with few patients."""
    counts = table.groupby("category").agg(images=("path", "size"), patients=("patient", "nunique"))
    trained = table[table["role"].isin(_TRAINABLE)]["category"].value_counts()
    if len(trained) > 1 and trained.iloc[0] > _SKEW * trained.iloc[-1]:
        yield Finding(
            "warning",
            "balance",
            f"'{trained.index[0]}' has {trained.iloc[0]} images and '{trained.index[-1]}' "
            f"{trained.iloc[-1]}; classifiers will lean to the larger one.",
        )
    few = counts[counts["patients"] < _FEW_PATIENTS]
    if len(few):
        named = [f"{name} ({n})" for name, n in few["patients"].items()]
        yield Finding(
            "note",
            "balance",
            f"categories with fewer than {_FEW_PATIENTS} patients, whose intervals will be wide: "
            f"{', '.join(named)}.",
        )
    target = table.loc[table["role"] == "target", "patient"].nunique()
    if 0 < target < _THRESHOLD_PATIENTS:
        yield Finding(
            "warning",
            "balance",
            f"the target has {target} patients; an operating threshold needs "
            f"{_THRESHOLD_PATIENTS}.",
        )


def difference_findings(
    table: pd.DataFrame, facts: pd.DataFrame, pixels: npt.NDArray[np.uint8]
) -> Iterator[Finding]:
    """Each collection beside the target, or beside all others where there is no target."""
    reference = "the target" if (table["role"] == "target").any() else "the other collections"
    for name, role, others, part in _comparisons(table):
        # Abnormal images are meant to be different.
        severity: Severity = "note" if role == "abnormal" else "warning"
        own, other = facts.loc[part, list(FACTS)], others[part]
        said = [
            f"{d.fact} (median {d.theirs:.3g} against {d.ours:.3g})"
            for d in strongest_differences(own, other)
        ]
        if said:
            message = f"{name} differs from {reference} in {', '.join(said)}."
            yield Finding(severity, "differences", message)
        patients = table["patient"][part]
        yield _probe_finding(name, reference, severity, probe(own, other, patients))
        if (table.loc[part, "path"] != "").any():  # generated images have no marks
            rows = np.flatnonzero(part)
            mark = strongest_region(pixels, rows, other, patients)
            shown = ""
            if mark.estimate.low > _CHANCE:
                shown = mean_pictures(pixels, rows, other, mark.region)
            yield _mark_finding(name, reference, severity, mark, shown)


def _probe_finding(name: str, reference: str, severity: Severity, estimate: Estimate) -> Finding:
    if estimate.reason:
        return Finding("note", "source probe", f"{name}: not available, {estimate.reason}.")
    can = estimate.low > _PROBE_MATTERS
    message = (
        f"{name} {_how(estimate)} be separated from {reference} without looking at what they show, "
        f"by file and border facts alone: {_area(estimate)}."
    )
    if can and severity == "warning":
        message += " A detector can win by recognising how the files were made."
    return Finding(severity if can else "note", "source probe", message)


def _mark_finding(name: str, reference: str, severity: Severity, mark: Mark, shown: str) -> Finding:
    estimate = mark.estimate
    if estimate.reason:
        return Finding("note", "marks", f"{name}: not available, {estimate.reason}.")
    can = estimate.low > _PROBE_MATTERS
    message = (
        f"{name} {_how(estimate)} be separated from {reference} by fine detail at the "
        f"{mark.region} alone: {_area(estimate)}, the highest of {len(REGIONS)} parts of the "
        "picture, interval corrected for the choice."
    )
    if can and severity == "warning":
        message += (
            " Look for a logo, a date or a frame there; the audit's page (audit.html of a run, "
            "--html of data check) shows the mean pictures of both. Cut it off, or cover the place "
            "in all images."
        )
    if not can:
        message += (
            " Only a mark at the same place in every picture is looked for; one that moves by a "
            "few pixels can be missed."
        )
    return Finding(severity if can else "note", "marks", message, shown)


def _how(estimate: Estimate) -> str:
    if estimate.low > _PROBE_MATTERS:
        return "can"
    return "can in part" if estimate.low > _CHANCE else "can hardly"


def _area(estimate: Estimate) -> str:
    return f"AUROC {estimate.value:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"


def _comparisons(table: pd.DataFrame) -> Iterator[tuple[str, str, Rows, Rows]]:
    """Each collection's name and role, which images are its own, and which take part."""
    target = (table["role"] == "target").to_numpy()
    for role, dataset in sorted(set(zip(table["role"], table["dataset"], strict=True))):
        own = ((table["role"] == role) & (table["dataset"] == dataset)).to_numpy()
        part = own | target if target.any() else np.ones(len(table), dtype=bool)
        if role != "target" and not own[part].all():
            yield f"{dataset} ({role})" if role else dataset, role, own, part
