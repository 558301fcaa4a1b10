"""Tables for a publication as LaTeX, Markdown, HTML and CSV."""

import html
import re
from collections.abc import Callable, Mapping

from mimbench.csv_files.writing import as_csv
from mimbench.errors import UnknownNameError
from mimbench.report.leaderboard.publication import Cell, Publication
from mimbench.report.leaderboard.ties import TIED, UNCLEAR
from mimbench.statistics.core.cautions import MARK, UNKNOWN
from mimbench.text import markdown_cell

__all__ = ["FORMATS", "as_html", "as_latex", "as_markdown", "latex_text", "written"]

MINUS = re.compile(r"(?<![\w-])-(?=\d)")  # of a number, not within a name
NO_LABEL = re.compile(r"[^A-Za-z0-9]+")
PAGE = 22  # lines that fit on a page of A4 beside the footnotes of a run
LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    MARK: r"\textdagger{}",
    UNKNOWN: r"\P{}",
    TIED: r"\textdaggerdbl{}",
    UNCLEAR: r"\S{}",
}


def as_latex(table: Publication) -> str:
    """A floating table for booktabs: best AUROCs in bold, caption above, footnotes below.

    One that is wider than the text is made smaller; one that is longer than a page says how to
    choose rows.
    """
    lines = [_line([_latex_cell(cell) for cell in row]) for row in table.body]
    advice = []
    if len(lines) > PAGE:
        advice = [f"% {len(lines)} lines may not fit on a page; choose some with --rows"]
    return "\n".join(
        [
            r"% needs \usepackage{adjustbox,booktabs}",
            *advice,
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{latex_text(table.caption)}}}",
            rf"\label{{tab:{NO_LABEL.sub('-', table.label).strip('-')}}}",
            r"\begin{adjustbox}{max width=\linewidth}\footnotesize",
            rf"\begin{{tabular}}{{l{'r' * (len(table.header) - 1)}}}",
            r"\toprule",
            _line([_latex_heading(heading) for heading in table.header]),
            r"\midrule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{adjustbox}",
            r"\begin{minipage}{\linewidth}\footnotesize\smallskip",
            "\n\n".join(latex_text(note) for note in table.notes),
            r"\end{minipage}",
            r"\end{table}",
            "",
        ]
    )


def as_markdown(table: Publication) -> str:
    """A table of GitHub's Markdown, caption above, footnotes below."""
    header = [markdown_cell(heading) for heading in table.header]
    rows = [header, ["---"] * len(header), *([_markdown(c) for c in row] for row in table.body)]
    lines = [f"| {' | '.join(cells)} |" for cells in rows]
    notes = [f"- {markdown_cell(note)}" for note in table.notes]
    return "\n".join([markdown_cell(table.caption), "", *lines, "", *notes]) + "\n"


def as_html(table: Publication) -> str:
    """A `table` element, without style or script of its own."""
    head = "".join(f"<th>{html.escape(heading)}</th>" for heading in table.header)
    body = "".join(f"<tr>{''.join(map(_html, row))}</tr>\n" for row in table.body)
    notes = "<br>".join(map(html.escape, table.notes))
    span = len(table.header)
    return (
        f"<table>\n<caption>{html.escape(table.caption)}</caption>\n"
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n"
        f'<tfoot><tr><td colspan="{span}"><small>{notes}</small></td></tr></tfoot>\n</table>\n'
    )


def latex_text(text: str) -> str:
    """Text with LaTeX's special characters escaped."""
    return "".join(LATEX.get(c, f"\\{c}" if c in "#$%&_{}" else c) for c in text)


FORMATS: Mapping[str, Callable[[Publication], str]] = {
    "md": as_markdown,
    "latex": as_latex,
    "csv": lambda table: as_csv(table.numbers),
    "html": as_html,
}


def written(table: Publication, form: str) -> str:
    """The table in one of `FORMATS`.

    Raises:
        UnknownNameError: there is no such format.
    """
    if form not in FORMATS:
        raise UnknownNameError("format", form, FORMATS)
    return FORMATS[form](table)


def _line(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"


def _latex_heading(heading: str) -> str:
    """A heading in several lines, since it is wider than the numbers below it."""
    lines = latex_text(heading).replace(", ", r" \\ ")
    return lines if lines == latex_text(heading) else rf"\shortstack[r]{{{lines}}}"


def _latex_cell(cell: Cell) -> str:
    text = MINUS.sub("$-$", latex_text(cell.text))
    text = rf"\textit{{{text}}}" if cell.control else text
    return rf"\textbf{{{text}}}" if cell.mark == "best" else text


def _markdown(cell: Cell) -> str:
    text = markdown_cell(cell.text)
    text = f"*{text}*" if cell.control else text
    return f"**{text}**" if cell.mark == "best" else text


def _html(cell: Cell) -> str:
    text = html.escape(cell.text)
    text = f"<i>{text}</i>" if cell.control else text
    return f"<td>{f'<b>{text}</b>' if cell.mark == 'best' else text}</td>"
