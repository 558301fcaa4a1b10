"""The leaderboard page: every committed row with its run, and the command of each run."""

import html
import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from _generated import fill

from mimbench.report.leaderboard.lookup import interval_text, rounded
from mimbench.scores.schema import OTHERS

ROOT = Path(__file__).parent.parent
RELATIONS = ("same-source", "other-source")
STANDINGS = {
    "above": "above",
    "uncertain": "not clearly above",
    "not above": "not above",
    "not compared": "not compared",
    "control": "a control",
}


def on_page_markdown(markdown: str, **_: object) -> str:
    """Fill in the table."""
    return fill(markdown, "leaderboard", _page)


def runs() -> dict[str, pd.DataFrame]:
    """The committed leaderboards by name of their run."""
    found = sorted((ROOT / "results").glob("*/leaderboard.csv"))
    return {path.parent.name: pd.read_csv(path) for path in found}


def _page() -> Iterator[str]:
    boards = runs()
    groups = [
        f"{role}_{relation}"
        for role in OTHERS
        for relation in RELATIONS
        if any(f"{role}_{relation}:auroc" in board for board in boards.values())
    ]
    headings = ["score", "run", *(_heading(group) for group in groups), "against the best control"]
    headings += ["drop under corruption"]
    cells = "".join(
        f'<th scope="col"><button type="button">{name}</button></th>' for name in headings
    )
    yield '<div class="boards" tabindex="0" role="region" aria-label="Leaderboard">'
    # with a class, the theme does not put the table into a box of its own that cuts it
    yield f'<table class="board" data-sortable="1"><thead><tr>{cells}</tr></thead><tbody>'
    for name, board in boards.items():
        for _, line in board.iterrows():
            yield _row(name, line, groups)
    yield "</tbody></table></div>"
    yield ""
    for name in boards:
        yield from _about(name)


def _heading(group: str) -> str:
    role, _, relation = group.partition("_")
    return f"AUROC {role}, {relation.replace('-', ' ')}"


def _row(name: str, line: "pd.Series[object]", groups: list[str]) -> str:
    control = line.get("control") is True
    about = " (control)" if control else ""
    cells = [
        f"<th scope='row'>{html.escape(str(line['row']))}{about}</th>",
        f'<td><a href="#{name}">{name}</a></td>',
    ]
    if str(line.get("status")) != "ok":
        cells.append(f'<td colspan="{len(groups) + 2}">{html.escape(str(line.get("status")))}</td>')
        return f"<tr>{''.join(cells)}</tr>"
    cells += [_cell(line, f"{group}:auroc") for group in groups]
    primary = next((g for g in groups if pd.notna(line.get(f"{g}:auroc"))), "")
    standing = STANDINGS.get(str(line.get(f"{primary}:against_controls")), "")
    cells.append(f"<td>{standing}</td>")
    cells.append(_cell(line, f"{primary}:drop"))
    return f"<tr{' class=control' * control}>{''.join(cells)}</tr>"


def _cell(line: "pd.Series[object]", column: str) -> str:
    value = line.get(column)
    if value is None or pd.isna(value):
        return "<td></td>"
    record = {"value": value, "low": line.get(f"{column}_low"), "high": line.get(f"{column}_high")}
    caution = line.get(f"{column}_caution")
    record["caution"] = caution if isinstance(caution, str) else ""
    bounded = record["low"] is not None and pd.notna(record["low"])
    text = interval_text(record) if bounded else rounded(float(value))
    return f'<td data-value="{float(value)}">{text}</td>'


def _about(name: str) -> Iterator[str]:
    """A run below the table: its command, target and images."""
    record = json.loads((ROOT / "results" / name / "run.json").read_text(encoding="utf-8"))
    yield from (f"## `results/{name}` {{ #{name} }}", "")
    description = record.get("run", {}).get("description", "")
    yield from ([description, ""] if description else [])
    yield from ("```text", str(record.get("command", "")), "```", "")
    made = record.get("environment", {}).get("mimbench", "")
    date = str(record.get("date", ""))[:10]
    yield f"Target: {record.get('target', '')}. Measured on {date} with mimbench {made}."
    yield ""
