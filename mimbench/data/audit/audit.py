"""All checks in order, and what they say together."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mimbench.data.audit.differences import (
    balance_findings,
    copy_findings,
    difference_findings,
    unreadable_findings,
)
from mimbench.data.audit.finding import Finding, Severity
from mimbench.data.audit.leaks import patient_findings, picture_findings, repeat_findings
from mimbench.data.dataset import Dataset
from mimbench.data.near_duplicates import similar_features, similar_pictures

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

    def passes(self, strict: bool = False) -> bool:
        """Whether there is no error, and with `strict` no warning either."""
        return not self.count("error") and not (strict and self.count("warning"))


def audit(dataset: Dataset, features: npt.NDArray[np.floating] | None = None) -> Audit:
    """Look for what would make results wrong or misleading.

    Args:
        dataset: of `dataset.gather` or `dataset.survey` to find repeated files, or of
            `dataset.load` with the columns `split_<k>` to look across a split.
        features: (N, D), of a backbone, to find near-duplicates that pixels don't show.
    """
    found = sorted(_findings(dataset, features), key=lambda f: _ORDER.index(f.severity))
    return Audit(tuple(found), len(dataset))


def _findings(dataset: Dataset, features: npt.NDArray[np.floating] | None) -> Iterator[Finding]:
    table = dataset.table
    yield from repeat_findings(table)
    pairs = similar_pictures(dataset.pixels)
    yield from picture_findings(table, pairs, "correlation")
    if features is not None:
        seen = set(zip(pairs["first"], pairs["second"], strict=True))
        more = similar_features(features)
        new = [p not in seen for p in zip(more["first"], more["second"], strict=True)]
        yield from picture_findings(table, more[new], "cosine of features")
    yield from patient_findings(table)
    yield from copy_findings(table)
    yield from unreadable_findings(dataset.rejected)
    yield from balance_findings(table)
    yield from difference_findings(table, dataset.facts)
    for note in dataset.notes:
        yield Finding("note", "reading", note)
