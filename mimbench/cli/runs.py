"""Commands on results on disk: list runs, keep them small, remove what they no longer need."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text
from typer.core import TyperGroup

from mimbench.cli.folder import visit
from mimbench.cli.root import Json, command_line, print_json
from mimbench.cli.terminal.streams import console

__all__ = ["RunsGroup", "clean", "compact", "list_runs"]

STYLES = {"unfinished": "yellow", "unreadable": "red"}


class RunsGroup(TyperGroup):
    """`mimbench runs` lists; a word after it that is no command is the folder to list."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the command `list` where the user left it out."""
        if not args or (args[0] not in self.commands and args[0] not in ("-h", "--help")):
            args = ["list", *args]
        return super().parse_args(ctx, args)


def list_runs(
    folder: Annotated[
        Path, typer.Argument(metavar="[FOLDER]", help="Folder of runs, or of one run.")
    ] = Path("runs"),
    as_json: Json = False,
) -> None:
    """List runs on disk: finished, unfinished (and how far) or unreadable, with size and date."""
    from mimbench.runfolder.cleanup import find_runs

    found = find_runs(folder)
    for run in found:
        if run.state != "unreadable":
            visit(run.folder)
    if as_json:
        print_json([{**asdict(run), "folder": str(run.folder)} for run in found])
        return
    if not found:
        console().print(Text(f"No runs in {folder}."))
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("run", "state", "size", "date"):
        kept = name != "state"  # a long command must not push the others out
        table.add_column(name, no_wrap=kept, justify="right" if name == "size" else "left")
    table.add_column("command", overflow="fold")
    for run in found:
        state = Text(f"{run.state}: {run.detail}", style=STYLES.get(run.state, ""))
        size, date = Text(_size(run.size)), Text(run.date[:16].replace("T", " "))
        table.add_row(Text(str(run.folder)), state, size, date, Text(run.command))
    console().print(table)


def compact(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a finished run.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to make.")],
    clean_only: Annotated[
        bool, typer.Option("--clean", help="Without the scores of corrupted images.")
    ] = False,
    limit: Annotated[
        float,
        typer.Option(
            metavar="MB",
            min=0.0,
            help="Largest file of scores; those of corrupted images are rounded to fit.",
        ),
    ] = 3.0,
) -> None:
    """Write the headline rows of a run small enough for a repository, without image paths.

    report, verify and gate take the folder, which serves as a gate's reference.
    """
    visit(folder)
    from mimbench.runfolder.compact import write_compact

    made = write_compact(folder, out, clean_only=clean_only, limit=round(limit * 1e6))
    console().print(Text(f"{out}: {_size(made.size)}"))
    if made.rounding is not None:
        console().print(Text(str(made.rounding)))


def clean(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a finished run.")],
    yes: Annotated[bool, typer.Option("--yes", help="Remove without asking.")] = False,
    as_json: Json = False,
) -> None:
    """Remove trained models, scores and checkpoints of a run that its tables no longer refer to.

    Says first what and how much. Asks on a terminal; elsewhere nothing is removed without --yes.
    """
    visit(folder)
    from mimbench.runfolder.cleanup import leftovers, remove
    from mimbench.runfolder.lock import locked

    found = leftovers(folder)
    said = [{"what": f.what, "files": len(f.paths), "bytes": f.size} for f in found]
    show = console(stderr=as_json)
    for line in said:
        size = _size(int(str(line["bytes"])))
        show.print(Text(f"{line['what']}: {line['files']} files, {size}"))
    if not found:
        show.print(Text(f"The tables of {folder} refer to everything in it."))
    removed = bool(found) and (yes or (show.is_terminal and typer.confirm("Remove?", err=True)))
    if removed:
        with locked(folder, command_line()):
            remove(leftovers(folder))  # a run may have come between
        show.print("Removed.")
    elif found and not yes:
        show.print("Nothing removed; --yes removes them.")
    if as_json:
        print_json({"folder": str(folder), "leftovers": said, "removed": removed})


def _size(count: int) -> str:
    """A number of bytes in words."""
    size = float(count)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
