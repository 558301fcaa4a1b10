"""All checks in order, and what they say together."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mimbench.data.audit.differences import (
    balance_findings,
    copy_findings,
    difference_findings,
    unreadable_findings,
)
from mimbench.data.audit.finding import SAID, Finding, Severity
from mimbench.data.audit.leaks import (
    duplicate_findings,
    feature_findings,
    patient_findings,
    repeat_findings,
)
from mimbench.data.dataset import Dataset
from mimbench.data.duplicates import resolve
from mimbench.data.near_duplicates import compare, similar_features

__all__ = ["Audit", "audit"]

_ORDER: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True)
class Audit:
    """What was found, the gravest first.

    Attributes:
        findings: one sentence each.
        images: how many images were looked at.
    """

    findings: tuple[Finding, ...]
    images: int

    def count(self, severity: Severity) -> int:
        """How many findings are of this severity."""
        return sum(finding.severity == severity for finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        """What was found, for a program."""
        said = [{name: getattr(f, name) for name in SAID} for f in self.findings]
        return {"findings": said, "images": self.images}

    def passes(self, strict: bool = False) -> bool:
        """Whether there is no error, and with `strict` no warning either."""
        return not self.count("error") and not (strict and self.count("warning"))


def audit(dataset: Dataset, features: npt.NDArray[np.floating] | None = None) -> Audit:
    """Look for what would make results wrong or misleading.

    Args:
        dataset: of `dataset.gather` or `dataset.survey` to find repeated files, or of
            `dataset.load`, which has left out or joined near-duplicates.
        features: (N, D), of a backbone, to find near-duplicates that pixels don't show.
    """
    found = sorted(_findings(dataset, features), key=lambda f: _ORDER.index(f.severity))
    return Audit(tuple(found), len(dataset))


def _findings(dataset: Dataset, features: npt.NDArray[np.floating] | None) -> Iterator[Finding]:
    table = dataset.table
    yield from repeat_findings(table)
    duplicates = dataset.duplicates
    if duplicates is None:  # nobody has looked for them yet
        duplicates = resolve(table, compare(table).pairs).duplicates
    yield from duplicate_findings(duplicates)
    if features is not None:
        seen = {frozenset(pair.images) for pair in duplicates}
        more = similar_features(features)
        images = table["image_id"].to_numpy()
        pairs = zip(images[more["first"]], images[more["second"]], strict=True)
        new = [frozenset(pair) not in seen for pair in pairs]
        yield from feature_findings(table, more[new])
    yield from patient_findings(table)
    yield from copy_findings(table)
    yield from unreadable_findings(dataset.rejected)
    yield from balance_findings(table)
    yield from difference_findings(table, dataset.facts, dataset.pixels)
    for note in dataset.notes:
        yield Finding("note", "reading", note)
