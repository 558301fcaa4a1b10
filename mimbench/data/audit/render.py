"""An audit as text and as a page."""

from collections import Counter
from html import escape

from mimbench.data.audit.audit import Audit
from mimbench.data.audit.finding import Finding
from mimbench.text import counted

__all__ = ["as_html", "as_text"]

_MOST_NOTES = 4  # of one check, in text
_PNG = "data:image/png;base64,"
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>Audit of the images</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 62em; margin: 2em auto; padding: 0 1em; }}
td {{ padding: 0.4em 0.9em 0.4em 0; border-top: 1px solid #ddd; vertical-align: top; }}
td:last-child {{ overflow-wrap: anywhere; }}
.error td:first-child {{ color: #b00020; font-weight: 600; }}
.warning td:first-child {{ color: #9a5b00; font-weight: 600; }}
.note td:first-child {{ color: #555; }}
figure {{ margin: 0.6em 0; }}
figcaption {{ color: #555; font-size: 0.9em; }}
</style>
</head>
<body>
<h1>Audit of the images</h1>
<p>{summary}</p>
<table>
{rows}
</table>
</body>
</html>
"""


def as_text(audit: Audit) -> str:
    """One line per finding, the gravest first, and a summary at the end.

    Of many notes of one check the first few stand for all; those on reading are about one thing
    each.
    """
    lines: list[str] = []
    told: Counter[str] = Counter()
    for found in audit.findings:
        short = found.severity == "note" and found.check != "reading"
        told[found.check] += short
        if not short or told[found.check] <= _MOST_NOTES:
            lines.append(f"{found.severity:8}{found.check}: {found.message}")
    for check, count in told.items():
        if count > _MOST_NOTES:
            more = f"{counted(count - _MOST_NOTES, 'more note')}; --html FILE or --json has all"
            lines.append(f"{'note':8}{check}: {more}, as audit.csv of a run.")
    return "\n".join([*lines, _summary(audit)]) + "\n"


def as_html(audit: Audit) -> str:
    """A self-contained page with one table."""
    rows = "\n".join(
        f'<tr class="{f.severity}"><td>{f.severity}</td><td>{escape(f.check)}</td>'
        f"<td>{escape(f.message)}{_figure(f)}</td></tr>"
        for f in audit.findings
    )
    return _PAGE.format(summary=_summary(audit), rows=rows)


def _figure(finding: Finding) -> str:
    if not finding.picture.startswith(_PNG):  # kept findings may come from a stranger's folder
        return ""
    words = "Mean pictures of this part. Left: what it is compared with; right: its own."
    image = f'<img src="{escape(finding.picture)}" alt="{words}">'
    return f"<figure>{image}<figcaption>{words}</figcaption></figure>"


def _summary(audit: Audit) -> str:
    counts = [(audit.count(severity), severity) for severity in ("error", "warning", "note")]
    said = ", ".join(counted(count, severity) for count, severity in counts)
    return f"{counted(audit.images, 'image')}: {said}."
