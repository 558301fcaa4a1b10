"""A run's trained detectors, applied to images from elsewhere."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mimbench.cli.folder import AcceptChanged, FinishedRun, PlugIns, visit
from mimbench.cli.report import show_failures
from mimbench.cli.root import Json, Quiet, print_json
from mimbench.cli.terminal.exit_codes import ExitCode
from mimbench.cli.terminal.progress_bar import Display
from mimbench.cli.terminal.streams import console

if TYPE_CHECKING:
    from mimbench.evaluation.external.external import External

__all__ = ["score"]

NAMED = 5  # files that a message names


def score(
    folder: FinishedRun,
    images: Annotated[list[str], typer.Argument(metavar="IMAGES...", help="Folders or CSV files.")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the results; default RUN/external."),
    ] = None,
    detector: PlugIns = None,
    accept_changed: AcceptChanged = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> int:
    """Apply a run's trained detectors, at their frozen thresholds, to images from elsewhere.

    Images in a category with the target's name count as target. Images outside a category folder
    are unlabelled. Writes a verdict per image and, with labels, sensitivity, specificity and AUROC
    with intervals, like a run with --external. Images that the run used for training or validation
    are refused.
    """
    visit(folder)
    from mimbench.evaluation.external.external import score_external
    from mimbench.scores.run_files import check_external

    place = out or folder / "external"
    check_external(place)
    with Display(console(stderr=as_json), quiet=quiet) as progress:
        result = score_external(
            folder, images, progress, detector or (), accept_changed=accept_changed
        )
        for note in result.notes:
            progress.message(note)
    result.write(place)
    _show_external(result, folder, place, as_json)
    show_failures(result.failures)
    return ExitCode.FAILED_ROWS if result.failures else ExitCode.DONE


def _show_external(result: "External", folder: Path, place: Path, as_json: bool) -> None:
    from mimbench.report.external import external_notes, external_table

    verdicts = place / "external_verdicts.csv"
    if result.doubt:
        console(stderr=True).print(f"{folder}: {result.doubt}")
    if as_json:
        tables = {**result.test.tables, "rejected": result.rejected, "unread": result.unread}
        records = {name: table.to_dict("records") for name, table in tables.items()}
        failed = [{"fit": fit, "reason": reason} for fit, reason in result.failures]
        notes = [*result.notes, *external_notes(result.test)]
        files = result.files.as_json()
        about = {"verdicts": str(verdicts), "failed": failed, "notes": notes, "files": files}
        print_json({**records, **about, "doubt": result.doubt})
        return
    terminal = console()
    terminal.print(external_table(result.test, folder.name))
    if len(result.rejected):
        rejected = result.rejected.head(NAMED).to_dict("records")
        named = "; ".join(f"{image['path']}: {image['reason']}" for image in rejected)
        more = f"; and {len(result.rejected) - NAMED} more" * (len(result.rejected) > NAMED)
        words = f"Could not be read and left out: {len(result.rejected)}. {named}{more}."
        terminal.print(words)
    terminal.print(f"Verdict per image: {verdicts}")
