"""The leaderboard on the page."""

from typing import Any

from mimbench.report.leaderboard.columns import AUROC, COLUMNS, ROW_COLUMNS, Column, with_values
from mimbench.report.leaderboard.entries import Leaderboard
from mimbench.report.leaderboard.notes import CONVENTIONS, findings, sample_note
from mimbench.report.page.payload import METRICS
from mimbench.report.page.sections.section import Page, Section
from mimbench.statistics.core.cautions import legend

__all__ = ["SECTIONS"]


def _data(page: Page) -> dict[str, Any]:
    board = page.board
    return {
        "auroc": AUROC,
        "details": _details(board),
        "of_rows": [column for column in ROW_COLUMNS if column.page],
        "families": sorted({entry.detector.family for entry in board.entries}),
        "findings": findings(board),
        "conventions": CONVENTIONS,
        "legend": _legend(page),
        "sample_note": sample_note(board),
    }


def _details(board: Leaderboard) -> list[Column]:
    """Columns of the primary group, those that the page hides at first behind the others."""
    headed = [column for column in COLUMNS if column.page and column is not AUROC]
    found = with_values(headed, board.entries, board.primary)
    return sorted(found, key=lambda column: column.more)


def _legend(page: Page) -> str:
    """What the mark means, wherever it stands on the page."""
    results, metrics = page.results, page.results.metrics
    printed = (metrics["category"] == "") & metrics["metric"].isin(list(METRICS))
    tables = [metrics[printed], results.class_signal, results.robustness]
    tables += [results.known_curve, results.left_out[results.left_out["category"] == ""]]
    tables.append(results.skin_tone)
    tables += [page.run.extras[name] for name in ("subgroups",) if name in page.run.extras]
    texts = [
        str(text)
        for table in tables
        for name in ("caution", "seen_caution", "change_caution")
        if name in table
        for text in table[name].unique()
    ]
    return legend([*texts, *(verdict.caution for verdict in page.verdicts)])


SECTIONS = (
    Section(
        id="leaderboard", nav="Leaderboard", order=20, data=_data, template="leaderboard.html.j2"
    ),
)
