"""A row of a run as a web page that judges photos where they are."""

from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mimbench.cli.folder import AcceptChanged, FinishedRun, PlugIns, visit
from mimbench.cli.root import Json, Quiet, print_json
from mimbench.cli.terminal.exit_codes import ExitCode
from mimbench.cli.terminal.progress_bar import Display
from mimbench.cli.terminal.streams import console, say

if TYPE_CHECKING:
    from mimbench.app.build import App

__all__ = ["app_page"]


def app_page(
    folder: FinishedRun,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder of the app.")],
    row: Annotated[
        str,
        typer.Option(metavar="NAME", help="Score; default: the best one that can be exported."),
    ] = "",
    language: Annotated[
        str, typer.Option(metavar="CODE", help="Language in which the page starts: en or fr.")
    ] = "en",
    runtime: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Files of onnxruntime-web; default: fetched once with npm."
        ),
    ] = None,
    no_browser: Annotated[
        bool,
        typer.Option("--no-browser", help="Do not compare scores in Chromium; the card says so."),
    ] = False,
    detector: PlugIns = None,
    accept_changed: AcceptChanged = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> int:
    """Write a static web page that judges photos on the reader's device, offline.

    Needs the run's folder with its trained models, and its images where they were. The page scores
    as the benchmark does: validation images, abnormal pictures and their corruptions are scored by
    torch, ONNX Runtime and Chromium, and nothing is written if the scores differ. A research
    demonstration, not a medical device.
    """
    visit(folder)
    from mimbench.app.build import build_app

    with Display(console(stderr=as_json), quiet=quiet) as progress:
        made = build_app(
            folder,
            out,
            progress,
            row=row,
            language=language,
            runtime=runtime,
            browser=not no_browser,
            plug_ins=detector or (),
            accept_changed=accept_changed,
        )
    if as_json:
        print_json(_as_json(made, out))
    else:
        _show(made, out)
    return ExitCode.DONE


def _as_json(made: "App", out: Path) -> dict[str, object]:
    tested = made.exported.silent_test
    return {
        "row": made.row,
        "chosen": made.chosen,
        "parities": [vars(one) | {"passed": one.passed} for one in made.parities],
        "silent": made.exported.silent,
        "silent_test": tested if isfinite(tested) else None,
        "caught": made.exported.caught,
        "version": made.version,
        "first_load": made.load,
        "standing": made.standing,
        "control": made.control,
        "folder": str(out),
    }


def _show(made: "App", out: Path) -> None:
    why = ", the best that can be exported" if made.chosen else ""
    say(f"App of {made.row}{why}: {out}")
    if made.standing != "above":
        beside = f" against {made.control}" if made.control else ""
        say(f"It is not clearly better than a control ({made.standing}{beside}); the page says so.")
    for one in made.parities:
        say(f"{one.runtime}: {one.pictures} pictures, largest difference {one.deviations:.1g} SD.")
    tested = made.exported.silent_test
    beside = f" and {100 * tested:.1f} % of its test images" if isfinite(tested) else ""
    say(
        f"No answer: {100 * made.exported.silent:.1f} % of the target's validation images{beside}. "
        f"No answer or “does not”: {100 * made.exported.caught:.1f} % of abnormal pictures."
    )
    say(f"First load: {made.load / 1e6:.1f} MB (gzip).")
    say(f"To look at it: python -m http.server --directory {out}")
