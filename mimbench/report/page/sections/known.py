"""What classifiers owe to known categories: with fewer of them, and without some."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from mimbench.report.leaderboard.entries import Leaderboard
from mimbench.report.leaderboard.groups import Group
from mimbench.report.leaderboard.lookup import interval_text, rounded
from mimbench.report.leaderboard.notes import difference_text
from mimbench.report.leaderboard.paired_differences import clearly
from mimbench.report.page.sections.section import table_section
from mimbench.statistics.core.estimate import Estimate

__all__ = ["SECTIONS", "curve_findings", "curve_lines", "left_out_findings", "left_out_lines"]

Line = Mapping[Any, Any]


def curve_lines(table: pd.DataFrame, board: Leaderboard) -> pd.DataFrame:
    """The known-curve of headline scores, one line per number of known categories."""
    if table.empty:
        return table
    every = max(table["known"])
    return pd.DataFrame(
        {
            "score": _name(row, part),
            "other images": Group("unknown", relation).label,
            "known categories": f"{line['known']} of {every}" if line["known"] else "sees none",
            "AUROC": _text(line),
            "lowest to highest order": _orders(line),
            "minus all known": _gain(line),
        }
        for row, relation, part in _by_row(table, board)
        for line in part.to_dict("records")
    )


def curve_findings(table: pd.DataFrame, board: Leaderboard) -> tuple[str, ...]:
    """One sentence per classifier and group: what more known categories bring."""
    sentences = []
    first = table[table["row"].isin(board.first_rows)]
    for row, relation, part in _by_row(first, board):
        cells = {int(line["known"]): line for line in part.to_dict("records")}
        few, every = min(cells), max(cells)
        if every == 0 or part["reason"].any():
            continue
        gain = _change(cells[few], sign=-1)
        sentences.append(
            f"{Group('unknown', relation).label}: {row} reaches {rounded(cells[few]['value'])} "
            f"with {few} known {'category' if few == 1 else 'categories'} and "
            f"{rounded(cells[every]['value'])} with all {every} ({difference_text(gain)}); "
            f"{_direction(gain, 'more categories help', 'more categories harm')}."
            f"{_best_without(first, relation)}"
        )
    return tuple(_capital(sentence) for sentence in sentences)


def left_out_lines(table: pd.DataFrame, board: Leaderboard) -> pd.DataFrame:
    """AUROC on categories that were left out, of headline scores: means over categories."""
    if table.empty:
        return table
    lines = []
    for row, relation, part in _by_row(table[table["category"] == ""], board):
        line = part.to_dict("records")[0]
        lines.append(
            {
                "score": _name(row, part),
                "other images": Group("known", relation).label,
                "AUROC, never seen": _text(line),
                "AUROC, trained on": _seen(line),
                "difference": _gain(line),
            }
        )
    return pd.DataFrame(lines)


def left_out_findings(table: pd.DataFrame, board: Leaderboard) -> tuple[str, ...]:
    """One sentence per classifier and group: what it loses on categories that it never saw."""
    sentences = []
    first = table[(table["category"] == "") & table["row"].isin(board.first_rows)]
    for row, relation, part in _by_row(first, board):
        line = part.to_dict("records")[0]
        if np.isnan(line["change"]):
            continue
        change = _change(line)
        sentences.append(
            f"{Group('known', relation).label}: {row} reaches {rounded(line['value'])} on "
            f"categories that were left out and {rounded(line['seen'])} on the same ones when it "
            f"was trained on them ({difference_text(change)}); "
            f"{_direction(change, 'it does better without them', 'it needs to have seen them')}."
            f"{_best_without(first[first['seen'].isna()].assign(known=0), relation)}"
        )
    return tuple(_capital(sentence) for sentence in sentences)


def _by_row(table: pd.DataFrame, board: Leaderboard) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Headline rows in the leaderboard's order within each relation, same source first."""
    for relation in sorted(set(table["relation"]), reverse=True):
        for entry in board.entries:
            own = table[(table["row"] == entry.row) & (table["relation"] == relation)]
            if entry.headline and len(own):
                yield entry.row, str(relation), own


def _best_without(table: pd.DataFrame, relation: str) -> str:
    """A sentence about the highest detector that sees no known category."""
    own = table[(table["known"] == 0) & (table["relation"] == relation) & ~table["control"]]
    own = own.dropna(subset="value")
    if own.empty:
        return ""
    best = own.nlargest(1, "value").to_dict("records")[0]
    return f" {best['row']}, which sees no known category, reaches {interval_text(best)}."


def _name(row: str, part: pd.DataFrame) -> str:
    return f"{row} (control)" if bool(part["control"].iloc[0]) else row


def _orders(line: Line) -> str:
    if not np.isfinite(line["lowest"]):
        return ""
    return f"{rounded(line['lowest'])} to {rounded(line['highest'])} ({line['orders']} orders)"


def _text(line: Line) -> str:
    return f"n/a: {line['reason']}" if line["reason"] else interval_text(line)


def _seen(line: Line) -> str:
    if np.isnan(line["seen"]):
        return "sees none"
    return interval_text({**line, "caution": line["seen_caution"]}, "seen", "seen_")


def _gain(line: Line) -> str:
    return "" if np.isnan(line["change"]) else difference_text(_change(line))


def _change(line: Line, sign: int = 1) -> Estimate:
    """The change, or with sign -1 that in the other direction."""
    value, *ends = (sign * line[name] for name in ("change", "change_low", "change_high"))
    return Estimate(value, min(ends), max(ends), p=line["change_p"], caution=line["change_caution"])


def _direction(change: Estimate, up: str, down: str) -> str:
    if np.isnan(change.p):
        return "with fewer than three trainings (seeds) of each it shows no clear difference"
    if not clearly(change):
        return "no clear difference"
    return up if change.value > 0 else down


def _capital(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]


SECTIONS = (
    table_section(
        id="known_curve",
        nav="Known categories",
        order=50,
        title="Number of known categories",
        words=(
            "Does a classifier need diverse images of other categories? It was trained again with "
            "fewer known categories, in several random orders that add categories step by step, "
            "and tested on the same images of unknown categories. More categories bring more "
            "images too. Detectors that train on the target alone see none. Intervals cover "
            "patients, and hold for these orders and trainings; use more of them for a firmer "
            "result (--seeds 3, --folds 3)."
        ),
        table=lambda page: curve_lines(page.results.known_curve, page.board),
        findings=lambda page: curve_findings(page.results.known_curve, page.board),
    ),
    table_section(
        id="left_out",
        nav="Left out",
        order=60,
        title="Known categories left out",
        words=(
            "Classifiers were trained again without each group of known categories in turn, and "
            "tested on the group that they never saw: near-OOD from the collection that they know. "
            "Beside it the same detector, trained on all, on the same images. Intervals cover "
            "patients and hold for these trainings. By category: left_out.csv."
        ),
        table=lambda page: left_out_lines(page.results.left_out, page.board),
        findings=lambda page: left_out_findings(page.results.left_out, page.board),
    ),
)
