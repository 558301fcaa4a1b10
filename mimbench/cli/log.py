"""A finished run, written to an experiment tracker."""

from pathlib import Path
from typing import Annotated

import typer

from mimbench.cli.folder import AcceptChanged, visit
from mimbench.cli.root import Quiet
from mimbench.cli.terminal.progress_bar import Display
from mimbench.cli.terminal.streams import console, say

__all__ = ["log"]


def log(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a finished run.")],
    to: Annotated[
        str, typer.Option("--to", metavar="TRACKER", help="mlflow, wandb or tensorboard.")
    ],
    project: Annotated[
        str, typer.Option(metavar="NAME", help="Experiment or project that the run belongs to.")
    ] = "mimbench",
    place: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Server or folder; default: what the tracker is set to, or tensorboard.",
        ),
    ] = "",
    accept_changed: AcceptChanged = False,
    quiet: Quiet = False,
) -> None:
    """Write a run to a tracker: parameters, numbers with intervals, figures, page.

    The page is made again first, so that all of it is of the same tables. Each call makes a new run
    there.
    """
    visit(folder)
    from mimbench.report import write_report
    from mimbench.report.tracking import log_to, require, tracked

    require(to)
    with Display(console(stderr=True), quiet=quiet) as progress:
        progress.stage("Reporting", 1)
        report = write_report(folder, progress=progress, accept_changed=accept_changed)
    say(log_to(to, tracked(report), project, place))
