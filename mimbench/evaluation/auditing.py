"""The audit of a run's images: before the first fit, and of what the scores show afterwards."""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from mimbench.csv_files.writing import write_csv
from mimbench.data.audit import SAID, as_html, cached_audit
from mimbench.data.near_duplicates import write_comparison
from mimbench.errors import DataError
from mimbench.evaluation.planning.plan import Plan
from mimbench.files import atomic_write
from mimbench.progress import Progress
from mimbench.scores.tables import AUDIT, RunTables
from mimbench.statistics.tables.larger_controls import larger_size_warnings
from mimbench.text import counted

__all__ = ["add_larger_sizes", "audit_images"]


# findings that splits heed, or of which the check of the data tells what they are worth
TOLD_ELSEWHERE = ("near-duplicates", "differences", "source probe")


def audit_images(
    plan: Plan, folder: Path, progress: Progress, *, strict: bool, claimed: bool = False
) -> None:
    """Audit a plan's images and write audit.csv and audit.html.

    Args:
        plan: of the run.
        folder: of the run.
        progress: is told of each finding that is more than a note.
        strict: stop when there is a warning.
        claimed: verdicts and checks end the run, so some warnings are named, not told.

    Raises:
        DataError: `strict`, and the audit found something.
    """
    progress.stage("Auditing images", 1)
    if plan.dataset.comparison is not None:
        write_comparison(plan.dataset.comparison, folder / AUDIT)
    found = cached_audit(replace(plan.dataset, table=plan.images), folder / AUDIT)
    table = pd.DataFrame(found.as_json()["findings"], columns=list(SAID))
    write_csv(table, folder / "audit.csv")
    with atomic_write(folder / "audit.html") as partial:
        partial.write_text(as_html(found), encoding="utf-8")
    progress.update(1)
    named: dict[str, None] = {}
    for finding in found.findings:
        if claimed and finding.severity == "warning" and finding.check in TOLD_ELSEWHERE:
            named[finding.check] = None
        elif finding.severity != "note":
            progress.message(f"Audit {finding.severity}, {finding.check}: {finding.message}")
    if named:
        progress.message(f"Audit warnings, told on the page: {', '.join(named)}.")
    if found.count("error") and not strict:
        progress.message("The audit has errors; the run continues. --strict would stop it.")
    if strict and not found.passes(strict=True):
        raise DataError(
            f"--strict: the audit has {counted(found.count('error'), 'error')} and "
            f"{counted(found.count('warning'), 'warning')}; see {folder / 'audit.csv'}."
        )


def add_larger_sizes(tables: RunTables, folder: Path) -> None:
    """Add to the audit what controls see of the images that is lost at the size of other rows.

    The leaderboard prints it.
    """
    found = larger_size_warnings(tables)
    if not found:
        return
    path = folder / "audit.csv"
    lines = [{"severity": "warning", "check": "size", "message": message} for message in found]
    table = pd.concat([pd.read_csv(path), pd.DataFrame(lines)], ignore_index=True)
    write_csv(table, path)
