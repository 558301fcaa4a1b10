"""What every command does with a run's folder before it reads there."""

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from mimbench.errors import TableError

__all__ = ["AcceptChanged", "FinishedRun", "PlugIns", "visit"]

FinishedRun = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run.")]

PlugIns = Annotated[
    list[str] | None,
    typer.Option(
        "--detector",
        metavar="NAME",
        help="Plug-in, or its recipe, that the run names: allow its code to run.",
    ),
]

AcceptChanged = Annotated[
    bool,
    typer.Option(
        "--accept-changed",
        help="Accept files that were changed since the run recorded them; the outputs name them.",
    ),
]


def visit(folder: Path) -> None:
    """Remove the images that a killed run left in its folder, before anything else is done there.

    Raises:
        TableError: there is no such folder.
        OutputError: something in the folder is a link.
    """
    if not folder.is_dir():
        raise TableError(
            f"There is no folder {folder}. Give that of a finished run; `mimbench runs` lists them."
        )
    # imported here because it takes seconds, and a typing mistake should be answered at once
    from mimbench.runfolder.lock import holder
    from mimbench.scores.run_files import PIXELS, is_run, refuse_links, remove_partials

    refuse_links(folder)
    if not is_run(folder):  # then what lies there is somebody else's, whatever it is called
        return
    if holder(folder) is None and holder(folder.parent) is None:  # which may be a harmonised run's
        with contextlib.suppress(OSError):  # a folder that cannot be written can be read
            remove_partials(folder, PIXELS)
