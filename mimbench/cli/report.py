"""The report of a run: its tables, figures and page, made again whenever something was added."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from mimbench.cli.folder import AcceptChanged, visit
from mimbench.cli.root import Json, Quiet, print_json
from mimbench.cli.terminal.progress_bar import Display
from mimbench.cli.terminal.streams import console, line_width, say
from mimbench.text import paragraph

if TYPE_CHECKING:
    from mimbench.cli.judge import Judged
    from mimbench.data.reading.accounting import Accounting
    from mimbench.report.unchanged import KeptReport

__all__ = [
    "checks_text",
    "make_report",
    "report",
    "show_failures",
    "show_on_page",
    "show_report",
]


def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a finished run.")],
    add: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="CSV",
            help="Add a row made elsewhere: columns image_id (or path) and value, optionally "
            "corruption, severity, fold and seed. The new report goes to DIR/added.",
        ),
    ] = None,
    accept_changed: AcceptChanged = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Recompute tables, figures and page from a run's scores, without torch and without images.

    An added row is named after its file. Higher values must mean less like the target. Without a
    column fold, one trained model serves all folds: it must not have seen a test image of any fold.
    DIR/added is a run folder too, also for verify and gate. The run in DIR is not changed.
    """
    visit(folder)
    with Display(console(stderr=as_json), quiet=quiet) as progress:
        if add:
            folder = _add_rows(folder, add, progress, accept_changed)
            accept_changed = False  # what is joined has a record of its own
        made = make_report(folder, progress, accept_changed=accept_changed)
    show_report(made, folder, as_json)


def _add_rows(folder: Path, files: list[Path], progress: Display, accept_changed: bool) -> Path:
    from mimbench.runfolder.added_rows import add_rows

    out, notes = add_rows(folder, files, accept_changed=accept_changed)
    for note in notes:
        progress.message(note)
    return out


def make_report(folder: Path, progress: Display, *, accept_changed: bool = False) -> "KeptReport":
    """Compute tables, figures and page of a run, unless they would come out the same."""
    progress.stage("Reporting", 1)  # before what takes seconds to import
    from mimbench.report.unchanged import KeptReport, keep_report, kept_report, made_from

    kept = kept_report(folder, accept_changed=accept_changed)
    if kept is None:
        from mimbench.report.second_process import second_process

        source = made_from(folder, accept_changed=accept_changed)
        with second_process(folder, accept_changed=accept_changed) as second:
            from mimbench.report import write_report  # takes long; the other one begins meanwhile

            made = write_report(
                folder, progress=progress, accept_changed=accept_changed, second=second
            )
        kept = KeptReport.of(made)
        keep_report(folder, kept, source, accept_changed=accept_changed)
    progress.update(1)
    return kept


def checks_text(made: "KeptReport") -> str:
    """The checks of a run that did not pass, a paragraph each; empty if all did."""
    found = (f"Check of {name}, {state}: {words}." for name, state, words in made.board.checks)
    return "\n".join(paragraph(line, line_width(), rest="  ") for line in found)


def show_on_page(
    folder: Path, *, as_json: bool = False, accept_changed: bool = False, checked: bool = False
) -> None:
    """Make a run's page again, so that it shows what lies in the folder by now.

    Where there is no page, say which command makes one. `checked`: say which checks of the run did
    not pass.
    """
    if not (folder / "index.html").is_file():
        if not as_json:
            command = shlex.join(["mimbench", "report", str(folder)])
            say(f"\nThis folder has no page yet. To make one:\n{command}")
        return
    with Display(console(stderr=True)) as progress:
        made = make_report(folder, progress, accept_changed=accept_changed)
    if not as_json:
        if checked and (text := checks_text(made)):
            say(f"\n{text}")
        say(f"\nPage: {made.page.resolve()}")


def show_report(
    made: "KeptReport",
    folder: Path,
    as_json: bool,
    failures: Sequence[tuple[str, str]] = (),
    files: "Accounting | None" = None,
    judged: "Judged | None" = None,
) -> None:
    """Print the leaderboard, verdicts and where the page is, or all of it as JSON."""
    from mimbench.report.leaderboard.printed import (
        leaderboard_table,
        of_claims,
        without_spare_controls,
    )

    page = (folder / "index.html").resolve()
    if as_json:
        result: dict[str, Any] = {
            "folder": str(folder),
            "page": str(page),
            "doubts": list(made.doubts),
            "warnings": list(made.board.warnings),
            "leaderboard": made.leaderboard,
            "failed": [{"fit": fit, "reason": reason} for fit, reason in failures],
        }
        if files is not None:
            result["files"] = files.as_json()
        if judged is not None:
            result["verdicts"] = [verdict.model_dump() for verdict in judged.verdicts]
        print_json(result)
        return
    terminal = console()
    board = made.board
    board = without_spare_controls(board) if judged is None else of_claims(board, judged.rows)
    terminal.print(leaderboard_table(board))
    if judged is not None:
        replaced = paragraph(judged.replaced, line_width()) if judged.replaced else ""
        told = [checks_text(made), judged.text.rstrip(), replaced]
        say("\n" + "\n\n".join(filter(None, told)))
        say("")
    kept = "" if made.again else " (as it was: nothing that it is made from has changed)"
    terminal.print(f"Page: {page}{kept}", soft_wrap=True)


def show_failures(failures: Sequence[tuple[str, str]]) -> None:
    """Print the detectors that failed, each with its reason."""
    for what, reason in failures:
        console(stderr=True).print(Text.assemble(("Failed:", "bold red"), f" {what}: {reason}"))
