"""Runs side by side."""

from pathlib import Path
from typing import Annotated

import typer

from mimbench.cli.folder import AcceptChanged, visit
from mimbench.cli.root import Json, print_json, write_text
from mimbench.cli.terminal.streams import console
from mimbench.errors import OutputError

__all__ = ["compare"]


def compare(
    folders: Annotated[
        list[Path], typer.Argument(metavar="DIR DIR...", help="Folders of finished runs.")
    ],
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write all differences with all digits.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page, with the curves of both.")
    ] = None,
    accept_changed: AcceptChanged = False,
    as_json: Json = False,
) -> None:
    """Compare runs with the first one: what differs in them, and by how much their AUROCs do.

    Differences are paired on the rows, images and conditions that both runs have; their intervals
    contain retraining. To decide whether a run is good enough, use gate.
    """
    from mimbench.report.comparison.output import comparison_frame, comparison_json
    from mimbench.report.comparison.rows import compare_runs
    from mimbench.report.comparison.terminal import comparison_text
    from mimbench.runfolder.reading import read_run

    if len(folders) < 2:
        raise OutputError("mimbench compare needs two run folders or more.")
    for folder in folders:
        visit(folder)
    first, *others = (read_run(folder, accept_changed=accept_changed) for folder in folders)
    made = [compare_runs(first, other) for other in others]
    if csv is not None:
        from mimbench.csv_files.writing import write_csv

        write_csv(comparison_frame(made), csv)
    if html is not None:
        from mimbench.report.comparison.page import comparison_page

        write_text(html, comparison_page(made))
    if as_json:
        print_json(comparison_json(made))
        return
    for comparison in made:
        console().print(comparison_text(comparison))
