"""Commands beside a run: what there is, is a detector sound, corrupt a folder."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from mimbench.cli.completion import shipped
from mimbench.cli.folder import visit
from mimbench.cli.root import Json, Quiet, print_json
from mimbench.cli.terminal.exit_codes import ExitCode
from mimbench.cli.terminal.progress_bar import Display
from mimbench.cli.terminal.streams import console
from mimbench.errors import OutputError
from mimbench.text import counted

if TYPE_CHECKING:
    from mimbench.testing import Outcome

LISTS = ("datasets", "detectors", "corruptions", "kernels", "suites", "runs", "claims")
INDENT = 8  # of what a test said, below its title


def list_names(
    what: Annotated[
        str,
        typer.Argument(
            metavar="WHAT",
            help="datasets, detectors, corruptions, kernels, suites, runs or claims; without it: "
            "how many there are of each.",
            autocompletion=lambda incomplete: [one for one in LISTS if one.startswith(incomplete)],
        ),
    ] = "",
) -> None:
    """List what can be named on the command line."""
    from mimbench.cli.listing import listing

    console().print(listing(what))


def check(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="my.py:MyDetector, a recipe, a plug-in, or a corruption.",
            autocompletion=shipped("baselines"),
        ),
    ],
    least_auroc: Annotated[
        float | None,
        typer.Option(
            "--least-auroc",
            metavar="AUROC",
            min=0.0,
            max=1.0,
            help="What a detector must reach on an easy problem; default 0.9 if it is fitted.",
        ),
    ] = None,
    quiet: Quiet = False,
) -> int:
    """Test a detector or a corruption on small made-up images: does it keep the rules?

    A detector that is fitted is fitted twice, with the same seed.
    """
    terminal = console()
    first: set[str] = set()  # problems that were told
    passed = repeated = 0
    with Display(terminal, quiet=quiet) as progress:
        progress.stage(f"Loading {name}", 1)
        from mimbench.testing import check as outcomes

        progress.update(1)
        for outcome in outcomes(name, least_auroc, progress):
            if outcome.problem in first:
                repeated += 1
            else:
                _show_outcome(terminal, outcome)
            passed += not outcome.problem
            first |= {outcome.problem} - {""}
    if not first:
        terminal.print(f"All {passed} tests passed.")
    if repeated:
        terminal.print(f"{counted(repeated, 'further test')} FAILED for a reason told above.")
    return ExitCode.NO if first else ExitCode.DONE


def _show_outcome(terminal: Console, outcome: "Outcome") -> None:
    """Print what a test said."""
    mark = ("FAILED", "red") if outcome.problem else ("passed", "green")
    terminal.print(Text.assemble(mark, f"  {outcome.test}"))
    for text in filter(None, (outcome.problem, outcome.note)):
        for line in Text(text).wrap(terminal, max(terminal.width - INDENT, INDENT)):
            terminal.print(Text(" " * INDENT) + line)


def export_conditions(
    source: Annotated[
        str,
        typer.Argument(metavar="RUN", help="Folder of a finished run, run file, or run's name."),
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write into.")],
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Write the exact images of a run, clean and corrupted, for detectors of any framework.

    manifest.csv names every picture's image_id, condition, role and split. Scores of the pictures
    come back with `mimbench report DIR --add scores.csv`. Repeated, it continues where it stopped.
    Files that were not read are listed in OUT/rejected.csv.
    """
    from mimbench.evaluation.export import export_conditions as export

    if Path(source).is_dir():
        visit(Path(source))
    with Display(console(stderr=as_json), quiet=quiet) as progress:
        made = export(source, out, progress)
    if as_json:
        counts = {"written": made.written, "kept": made.kept}
        manifest = {"manifest": str(out / "manifest.csv")}
        print_json({**manifest, **counts, "files": made.files.as_json(), "notes": made.notes})
        return
    console().print(f"{made.written} written, {made.kept} kept; {out / 'manifest.csv'}")
    console().print(made.files.sentence)


def corrupt(
    source: Annotated[
        Path | None, typer.Argument(metavar="IN", help="Folder of images; with --sheet an image.")
    ] = None,
    out: Annotated[Path | None, typer.Argument(metavar="OUT", help="Folder to write into.")] = None,
    suite: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Corruption suite.", autocompletion=shipped("corruptions")
        ),
    ] = "imagenet-c",
    severity: Annotated[
        list[int] | None, typer.Option(metavar="N", help="1..5; default: the suite's.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the draws.", min=0)] = 0,
    processes: Annotated[
        int, typer.Option(metavar="N", help="Work in N processes.", min=1, max=512)
    ] = 1,
    sheet: Annotated[
        Path | None,
        typer.Option(metavar="PNG", help="Draw a contact sheet instead, of IN or of the phantom."),
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> int:
    """Corrupt a folder of images, outside any benchmark; repeated, it continues where it stopped.

    Pictures are made again where the content of their image has changed. Files that were not
    corrupted are listed in OUT/rejected.csv.
    """
    from mimbench.cli.corrupt import corrupt_tree, draw_sheet

    terminal = console(stderr=as_json)
    if sheet is not None:
        draw_sheet(suite, source, sheet, seed)
        terminal.print(f"{suite} on {sheet}")
        return 0
    if source is None or out is None:
        raise OutputError("mimbench corrupt needs two folders, IN and OUT, or --sheet FILE.png.")
    with Display(terminal, quiet=quiet) as progress:
        result = corrupt_tree(source, out, suite, severity, seed, processes, progress)
    if as_json:
        print_json(result.as_json())
        return 0
    terminal.print(f"{result.made.written} written, {result.made.kept} kept.")
    for note in result.notes:
        terminal.print(note)
    for path, reason in result.rejected:
        terminal.print(f"rejected: {path}: {reason}", style="yellow")
    terminal.print(result.accounting.sentence)
    return 0
