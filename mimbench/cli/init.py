"""Templates of the files that a user writes."""

from pathlib import Path
from typing import Annotated

import typer

from mimbench.cli.root import write_text
from mimbench.cli.terminal.streams import say
from mimbench.errors import OutputError, UnknownNameError

__all__ = ["init"]

NEXT = {  # the command that takes a file of each kind
    "claims": "mimbench run --data PHOTOS --patients '(.+)_[0-9]+' --unknown OTHERS "
    "--claims {file}\n--patients reads the patient from names such as M01_02.jpg. For a first look "
    "in minutes: run tour, with --folds 1 --seeds 1.",
    "run": "mimbench run {file}",
    "recipe": "mimbench check {file}",
    "suite": "mimbench corrupt --sheet sheet.png --suite {file}",
    "gate": "mimbench gate REFERENCE CANDIDATE --file {file}",
}


def init(
    what: Annotated[str, typer.Argument(metavar="|".join(NEXT), help="Kind of file.")],
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="File to write; default my-WHAT.toml.")
    ] = None,
) -> None:
    """Write a template with comments, to be edited; an existing file is never replaced."""
    from mimbench.recipes import shipped

    if what not in NEXT:
        raise UnknownNameError("template", what, NEXT)
    out = file or Path(f"my-{what}.toml")
    if out.suffix != ".toml":
        raise OutputError(f"{out} must end in .toml, or no command takes it for a file.")
    if out.exists():
        raise OutputError(f"{out} exists and is not replaced; name another file.")
    write_text(out, (shipped("templates") / f"{what}.toml").read_text(encoding="utf-8"))
    say(f"{out} written; edit it. next: {NEXT[what].format(file=out)}")
