"""The model card of a row."""

from pathlib import Path
from typing import Annotated

import typer

from mimbench.cli.folder import AcceptChanged, visit
from mimbench.cli.root import Quiet, write_text
from mimbench.cli.terminal.progress_bar import Display
from mimbench.cli.terminal.streams import console, say

__all__ = ["card"]

NAME = "MODEL_CARD.md"


def card(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a finished run.")],
    row: Annotated[
        str, typer.Option(metavar="NAME", help="Score; default: the highest of a detector.")
    ] = "",
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help=f"Markdown file; default: DIR/{NAME}.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it as one HTML file too.")
    ] = None,
    accept_changed: AcceptChanged = False,
    quiet: Quiet = False,
) -> None:
    """Write a model card: data, numbers with intervals, skin tone, controls, caveats, licence.

    Every judgement in it follows the rules of verify.
    """
    visit(folder)
    from mimbench.report.model_card import model_card
    from mimbench.runfolder.reading import read_run

    with Display(console(stderr=True), quiet=quiet) as progress:
        progress.stage("Computing", 1)
        made = model_card(read_run(folder, accept_changed=accept_changed), row)
        progress.update(1)
    place = out if out is not None else folder / NAME
    write_text(place, made.markdown())
    if html is not None:
        write_text(html, made.html())
    for sentence in made.summary:
        say(sentence)
    say(f"Model card of {made.row}: {place}")
