"""A table of a run for a publication."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from mimbench.cli.folder import AcceptChanged, visit
from mimbench.cli.root import write_text
from mimbench.cli.terminal.streams import say, say_result
from mimbench.errors import OutputError

__all__ = ["table"]

Format = Annotated[str, typer.Option("--format", metavar="latex|csv|md|html", help="Form.")]


def table(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a finished run.")],
    rows: Annotated[
        list[str] | None,
        typer.Option(metavar="NAMES", help="Rows, in this order; default: the headline rows."),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAMES",
            help="Columns of leaderboard.csv, e.g. fpr95_target; default: auroc, drop.",
        ),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="role, relation or question of the other images; or a column of the images, of "
            "which those with this value stay, e.g. skin_tone=VI.",
        ),
    ] = None,
    categories: Annotated[
        bool, typer.Option("--categories", help="One line per category, one column per row.")
    ] = False,
    form: Format = "md",
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it there; default: print it.")
    ] = None,
    accept_changed: AcceptChanged = False,
) -> None:
    """Print a table for a publication: best rows in bold, ties by a paired test, footnotes.

    Several names are separated by commas. The LaTeX form needs the packages adjustbox and
    booktabs. The CSV form has the numbers with all digits.
    """
    from mimbench.api import open_run

    visit(folder)
    text = open_run(folder, accept_changed=accept_changed).table(
        _split(rows),
        _split(columns),
        _conditions(where or ()),
        by="category" if categories else "",
        form=form,
    )
    if out is None:
        say_result(text)
    else:
        write_text(out, text)
        say(f"{out} written.")


def _split(given: Sequence[str] | None) -> list[str]:
    """Names of an option that was repeated, or given once with commas."""
    return [name.strip() for text in given or () for name in text.split(",") if name.strip()]


def _conditions(given: Sequence[str]) -> dict[str, str]:
    pairs = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise OutputError(f"--where {text} must be NAME=VALUE, e.g. --where role=unknown.")
        pairs[name] = value
    return pairs
