"""The report of a run, and the page made again after a command has left something to show on it."""

import shlex
from pathlib import Path
from typing import Any

from mimbench.cli.progress_bar import Display
from mimbench.cli.streams import console, say

__all__ = ["make_report", "show_on_page"]


def make_report(folder: Path, progress: Display, *, accept_changed: bool = False) -> Any:
    """Compute tables, figures and page of a run; the `Report`."""
    from mimbench.report import write_report

    progress.stage("Reporting", 1)
    made = write_report(folder, progress=progress, accept_changed=accept_changed)
    progress.update(1)
    return made


def show_on_page(folder: Path, *, as_json: bool = False, accept_changed: bool = False) -> None:
    """Make a run's page again, so that it shows what lies in the folder by now.

    Where there is no page, say which command makes one.
    """
    if not (folder / "index.html").is_file():
        if not as_json:
            command = shlex.join(["mimbench", "report", str(folder)])
            say(f"\nThis folder has no page yet. To make one that shows it:\n{command}")
        return
    with Display(console(stderr=True)) as progress:
        made = make_report(folder, progress, accept_changed=accept_changed)
    if not as_json:
        say(f"\nPage: {made.page.resolve()}")
