"""The leaderboard as CSV, Markdown and LaTeX."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mimbench.report.leaderboard.entries import MEASURES, Entry, Leaderboard
from mimbench.report.leaderboard.lookup import Estimate
from mimbench.report.page.words import CONVENTIONS, board_legend, sample_note, standing_note
from mimbench.statistics.core.cautions import MARK
from mimbench.statistics.core.estimate import Estimate as Difference
from mimbench.text import markdown_cell

__all__ = ["leaderboard_frame", "leaderboard_latex", "leaderboard_markdown", "spread_text"]

_COUNTS = ("n_other", "n_other_patients", "n_target", "n_target_patients", "n_fits")


def leaderboard_frame(board: Leaderboard) -> pd.DataFrame:
    """One row per score, one column per group, measure and bound; failures at the end.

    Columns are named `<role>_<relation>:<measure>`, with `_low` and `_high` for the interval and
    `_caution` for why it covers less than it says.
    """
    rows: list[dict[str, object]] = [_frame_row(entry, board) for entry in board.entries]
    rows += [{"row": failure.row, "status": failure.words} for failure in board.failures]
    return pd.DataFrame(rows)


def _frame_row(entry: Entry, board: Leaderboard) -> dict[str, object]:
    row: dict[str, object] = {
        "row": entry.row,
        "detector": entry.detector.name,
        "family": entry.detector.family,
        "control": entry.control,
        "asks": entry.detector.asks(entry.row),
        "headline": entry.headline,
        "input_size": entry.detector.input_size,
        "status": "ok",
        **({"corrupted_at": board.corrupted_at} if board.corrupted_at else {}),
    }
    for group in (*board.groups, *board.open_groups):
        if group in board.groups:
            row[f"{group.slug}:against_controls"] = entry.standing(group)
        for name, differences in (("control", entry.over_control), ("best", entry.over_best)):
            if group in differences:
                row |= _frame_cells(f"{group.slug}:minus_{name}", differences[group])
        for measure in MEASURES:
            estimate = entry.cell(group, measure)
            if estimate is not None:
                row |= _frame_cells(f"{group.slug}:{measure}", estimate)
        clean = entry.cell(group, "auroc")
        if clean is not None:
            row |= {f"{group.slug}:{name}": getattr(clean, name) for name in _COUNTS}
            row |= {f"{group.slug}:{name}": getattr(clean, name) for name in ("fold_sd", "seed_sd")}
    return row


def _frame_cells(name: str, estimate: Estimate | Difference) -> dict[str, object]:
    ends = {f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    return {name: estimate.value, **ends, f"{name}_caution": estimate.caution}


def leaderboard_markdown(board: Leaderboard, title: str, doubts: Sequence[str] = ()) -> str:
    """The leaderboard as a Markdown document: doubts about its files, table, failures, notes."""
    header = ["score", *(f"AUROC {group.label}" for group in board.groups)]
    if board.primary is not None:
        label = board.primary.label
        header += [
            f"FPR@95TPR target positive ({label})",
            f"FPR@95TPR OOD positive ({label})",
            f"corrupted AUROC ({label})",
            f"drop ({label})",
            f"fold sd ({label})",
        ]
    header += [f"open-set AUROC {group.label}" for group in board.open_groups]
    header.append("against controls")
    rows = [_markdown_cells(entry, board) for entry in board.entries]
    kept = [k for k in range(len(header)) if k == 0 or any(row[k] for row in rows)]
    header = [header[k] for k in kept]
    said = [*map(markdown_cell, doubts)]
    said += [f"**Warning about the images.** {markdown_cell(w)}" for w in board.warnings]
    lines = [
        f"# {markdown_cell(title)}",
        "",
        *(part for sentence in said for part in (sentence, "")),
    ]
    lines += [_line(header), _line(["---"] * len(header))]
    lines += [_line([row[k] for k in kept]) for row in rows]
    for failure in board.failures:
        cells = [failure.row, failure.words]
        lines.append(_line(cells + [""] * (len(header) - len(cells))))
    marked = any(MARK in line for line in lines)
    notes = (board_legend(board) if marked else "", sample_note(board), *CONVENTIONS)
    lines += ["", *(f"- {sentence}" for sentence in notes if sentence)]
    return "\n".join(lines) + "\n"


def _markdown_cells(entry: Entry, board: Leaderboard) -> list[str]:
    name = f"{entry.row} (control)" if entry.control else entry.row
    name = f"{name} (open-set)" if entry.open_set else name
    name = f"{name} (made elsewhere)" if entry.detector.elsewhere else name
    name = f"**{name}**" if entry.headline and not entry.control else name
    cells = [name, *(_text(entry.cell(group, "auroc")) for group in board.groups)]
    if board.primary is not None:
        measures = ("fpr95_target", "fpr95_ood", "auroc_corrupted", "drop")
        cells += [_text(entry.cell(board.primary, measure)) for measure in measures]
        cells.append(spread_text(entry.cell(board.primary, "auroc"), "fold_sd"))
    cells += [_text(entry.cell(group, "auroc")) for group in board.open_groups]
    return [*cells, standing_note(entry, board)]


def leaderboard_latex(board: Leaderboard) -> str:
    """Headline rows as a LaTeX tabular for booktabs: clean AUROC by group, FPR@95TPR and drop."""
    columns = [f"AUROC, {group.label}" for group in board.groups]
    if board.primary is not None:
        columns += ["FPR@95TPR (target positive)", "AUROC drop"]
    body = []
    for entry in board.entries:
        if entry.headline:
            cells = [_text(entry.cell(group, "auroc")) for group in board.groups]
            if board.primary is not None:
                cells += [
                    _text(entry.cell(board.primary, name)) for name in ("fpr95_target", "drop")
                ]
            name = _latex(entry.row)
            name = rf"\textit{{{name}}}" if entry.control else name
            body.append(" & ".join([name, *map(_latex, cells)]) + r" \\")
    marked = any(_latex(MARK) in line for line in body)
    note = f"Controls in italics. {board_legend(board)} " if marked else "Controls in italics. "
    note += sample_note(board)
    if board.primary is not None:
        note += f" FPR@95TPR and drop: {board.primary.label}."
    return "\n".join(
        [
            rf"\begin{{tabular}}{{l{'r' * len(columns)}}}",
            r"\toprule",
            " & ".join(["score", *map(_latex, columns)]) + r" \\",
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            rf"% {note}",
            "",
        ]
    )


def _latex(text: str) -> str:
    """Text with LaTeX's special characters escaped."""
    names = {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        MARK: r"\textdagger{}",
    }
    return "".join(names.get(c, f"\\{c}" if c in "#$%&_{}" else c) for c in text)


def spread_text(estimate: Estimate | None, name: str) -> str:
    """Standard deviation over folds or seeds (`fold_sd`, `seed_sd`), "n/a" with fewer than two."""
    spread = float("nan") if estimate is None else getattr(estimate, name)
    return f"{spread:.3f}" if np.isfinite(spread) else "n/a"


def _text(estimate: Estimate | None) -> str:
    return estimate.text() if estimate is not None else ""


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(markdown_cell(cell) for cell in cells) + " |"
