"""What the audit found about the images."""

from collections import Counter
from typing import Any

import pandas as pd

from mimbench.report.page.sections.section import Page, Section
from mimbench.runfolder.reading import RunFolder
from mimbench.text import counted

__all__ = ["SECTIONS", "audit_findings"]


def _data(page: Page) -> dict[str, Any] | None:
    findings = audit_findings(page.run)
    if not findings:
        return None
    counts = Counter(finding["severity"] for finding in findings)
    return {
        "audit": findings,
        "hint": ", ".join(counted(count, severity) for severity, count in counts.items()),
    }


def audit_findings(run: RunFolder) -> list[dict[str, str]]:
    """Severity, check and message of each finding about the images."""
    table = run.extras.get("audit", pd.DataFrame())
    return [{str(key): str(value) for key, value in x.items()} for x in table.to_dict("records")]


SECTIONS = (
    Section(
        id="audit",
        title="Audit of the images",
        nav="Audit",
        order=190,
        data=_data,
        template="audit.html.j2",
    ),
)
