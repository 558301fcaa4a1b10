"""The command line: parse, call, print."""

import os
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from mimbench import __version__
from mimbench.console import Display
from mimbench.errors import MimbenchError, OutputError

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Is this image detector robust? Measure it beside MIM, classifiers and controls.",
)
data_app = typer.Typer(no_args_is_help=True, help="Look at images before using them.")
app.add_typer(data_app, name="data")

FAILED_ROWS = 3  # exit code
WIDTH = 100  # of output that goes to a file or pipe, characters


def main() -> int:
    """Run the command line; every usage error is one sentence and exit code 2."""
    try:
        result = app(standalone_mode=False)
    except MimbenchError as error:
        return _complain(str(error))
    except typer.Abort:
        return 130
    except typer.Exit as stop:
        return stop.exit_code
    except Exception as error:
        if hasattr(error, "format_message"):  # click's own usage errors
            return _complain(error.format_message())
        raise
    return result if isinstance(result, int) else 0


def _console(*, stderr: bool = False) -> Console:
    """A console that does not squeeze tables where the output is a file or a pipe."""
    console = Console(stderr=stderr)
    return console if console.is_terminal else Console(stderr=stderr, width=WIDTH)


def _complain(text: str) -> int:
    _console(stderr=True).print(f"[bold red]Error:[/] {_escape(text)}", highlight=False)
    return 2


def _escape(text: str) -> str:
    return text.replace("[", r"\[")


def _version(show: bool) -> None:
    if show:
        typer.echo(f"mimbench {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Is this image detector robust? Measure it beside MIM, classifiers and controls."""


IMAGES = "Images"
WHAT = "What to measure"
HOW = "How to run"


@app.command()
def run(
    run_file: Annotated[
        str, typer.Argument(metavar="RUN", help="A run file (.toml) or a shipped run's name.")
    ] = "default",
    data: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DIR",
            help="Folder or CSV with target and known categories, or 'phantom'.",
            rich_help_panel=IMAGES,
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            metavar="CATEGORY",
            help="Target category; mpox if there is one.",
            rich_help_panel=IMAGES,
        ),
    ] = None,
    known: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CATEGORY",
            help="Category that classifiers train on; default: all of --data but the target.",
            rich_help_panel=IMAGES,
        ),
    ] = None,
    unknown: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DIR",
            help="Folder of categories that nobody trains on.",
            rich_help_panel=IMAGES,
        ),
    ] = None,
    abnormal: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DIR",
            help="Folder of images that are no skin photos, or 'generated'.",
            rich_help_panel=IMAGES,
        ),
    ] = None,
    external: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DIR",
            help="Folder of another site's images, never trained on.",
            rich_help_panel=IMAGES,
        ),
    ] = None,
    canonical_size: Annotated[
        int | None,
        typer.Option(
            metavar="PIXELS",
            help="Side at which images are kept and corrupted: 224, the phantom 64.",
            rich_help_panel=IMAGES,
        ),
    ] = None,
    layout: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="How --data is laid out, if not recognised.",
            rich_help_panel=IMAGES,
        ),
    ] = None,
    harmonise: Annotated[
        bool | None,
        typer.Option(
            "--harmonise",
            help="Crop borders, resample and re-encode all collections alike first.",
            rich_help_panel=IMAGES,
        ),
    ] = None,
    given_fold: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Use this split of the data's authors.", rich_help_panel=IMAGES
        ),
    ] = None,
    detector: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Recipe, my.py:MyDetector or package.module:Object; added to the run's.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Run these detectors instead of the run's.", rich_help_panel=WHAT
        ),
    ] = None,
    suite: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Corruption suite, or 'none'.", rich_help_panel=WHAT),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Cross-validation folds by patient; 1 is a single split.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Trainings per fold with different seeds.", rich_help_panel=WHAT
        ),
    ] = None,
    plan_seed: Annotated[
        int | None,
        typer.Option(metavar="N", help="Seed of splits and corruptions.", rich_help_panel=WHAT),
    ] = None,
    swap: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CATEGORY",
            help="Fit one-class detectors on this known category too: do they know their class?",
            rich_help_panel=WHAT,
        ),
    ] = None,
    corruption_engine: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="own, or reference (the imagecorruptions package, slower).",
            rich_help_panel=WHAT,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder of the results; default runs/NAME.", rich_help_panel=HOW
        ),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="auto, cpu, cuda or cuda:N.", rich_help_panel=HOW),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="Stop when the audit of the images warns.", rich_help_panel=HOW
        ),
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="No progress.", rich_help_panel=HOW)
    ] = False,
) -> int:
    """Train, corrupt, score and report: by default on the embedded phantom.

    Interrupted runs go on where they stopped: what is done is not computed again.
    """
    from mimbench.evaluation.options import Flags, resolve_run
    from mimbench.evaluation.runner import run as run_all

    flags = Flags(
        data=data,
        target=target,
        known=known,
        unknown=unknown,
        abnormal=abnormal,
        external=external,
        canonical_size=canonical_size,
        layout=layout,
        harmonise=harmonise,
        given_fold=given_fold,
        detector=detector,
        only=only,
        suite=suite,
        folds=folds,
        seeds=seeds,
        plan_seed=plan_seed,
        swap=swap,
        corruption_engine=corruption_engine,
        device=device,
    )
    settings = resolve_run(run_file, flags)
    folder = out or Path("runs") / settings.name
    with Display(_console(), quiet=quiet) as progress:
        result = run_all(settings, folder, progress, _command_line(), strict=strict)
        report_of = _write_report(folder, progress)
    _show(report_of, folder)
    for what, reason in result.failures:
        _console(stderr=True).print(f"[bold red]Failed:[/] {_escape(f'{what}: {reason}')}")
    return FAILED_ROWS if result.failures else 0


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a finished run.")],
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Recompute tables, figures and page from a run's scores; needs neither torch nor images."""
    with Display(_console(), quiet=quiet) as progress:
        made = _write_report(folder, progress)
    _show(made, folder)


def _write_report(folder: Path, progress: Display) -> Any:
    from mimbench.report import write_report

    progress.stage("Reporting", 1)
    made = write_report(folder, progress=progress)
    progress.update(1)
    return made


def _show(made: Any, folder: Path) -> None:
    from mimbench.report.terminal import leaderboard_table

    console = _console()
    console.print(leaderboard_table(made))
    console.print(f"Page: {(folder / 'index.html').resolve()}", highlight=False, soft_wrap=True)


@app.command()
def subgroups(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a finished run.")],
    by: Annotated[
        list[str], typer.Option(metavar="COLUMN", help="Column of the images, e.g. skin_tone.")
    ],
    row: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Row; default: all.")
    ] = None,
    fewest: Annotated[int, typer.Option(metavar="N", help="Patients a group needs.", min=2)] = 10,
) -> None:
    """AUROC and sensitivity within groups of images, and the gap to the worst group."""
    from mimbench.report.subgroups import write_subgroups

    typer.echo(write_subgroups(folder, by, rows=row or (), fewest=fewest))


@app.command()
def verify(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a finished run.")],
    claims: Annotated[
        str, typer.Option(metavar="NAME", help="Claims file (.toml) or shipped claims.")
    ] = "mim-paper",
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit code 1 unless all claims are supported.")
    ] = False,
) -> int:
    """Judge claims by a run: supported, refuted, inconclusive, confounded or not tested."""
    from mimbench import claims as judging
    from mimbench.scores import read_tables

    stated = judging.read_claims(claims)
    verdicts = judging.verify(read_tables(folder), stated)
    judging.write_verdicts(verdicts, folder)
    typer.echo(judging.as_text(verdicts, stated), nl=False)
    code: int = judging.exit_code(verdicts, strict=strict)
    return code


@app.command(name="gate")
def gate_command(
    reference: Annotated[
        Path, typer.Argument(metavar="REFERENCE", help="Run that is good enough.")
    ],
    candidate: Annotated[Path, typer.Argument(metavar="CANDIDATE", help="Run in question.")],
    file: Annotated[Path | None, typer.Option(metavar="FILE", help="Gate file (.toml).")] = None,
    row: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Row to gate; default: the reference's headline rows."),
    ] = None,
    margin: Annotated[
        float | None, typer.Option(metavar="AUROC", help="Drop that is no regression; 0.01.")
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(metavar="WHAT", help="missing-row, nan, images, conditions or recipe."),
    ] = None,
    require_evidence: Annotated[
        bool, typer.Option("--require-evidence", help="An inconclusive row fails too.")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Name the images that moved most.")
    ] = False,
    markdown: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a summary.")] = None,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write JUnit XML.")] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write JSON.")
    ] = None,
) -> int:
    """Is a candidate run worse than a reference run, beyond margin and chance?

    Exit code 0 (also where it cannot be told), 1 for a regression, 2 if not comparable.
    """
    from mimbench.gate import as_json, as_junit, as_markdown, as_text, gate, movers
    from mimbench.listing import gate_settings
    from mimbench.scores import read_tables

    flags = {
        "rows": row,
        "margin": margin,
        "allow": allow,
        "require_evidence": require_evidence or None,
    }
    tables = read_tables(reference), read_tables(candidate)
    result = gate(*tables, gate_settings(reference, file, flags))
    moved = movers(*tables, result.settings.rows) if explain else None
    typer.echo(as_text(result, moved), nl=False)
    for path, text in ((markdown, as_markdown), (junit, as_junit), (json_file, as_json)):
        if path is not None:
            _write(path, text(result))
    return result.exit_code


@app.command()
def score(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a finished run.")],
    images: Annotated[list[str], typer.Argument(metavar="IMAGES...", help="Folders or CSV files.")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the results; default DIR/external."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Apply a run's fitted detectors, at their frozen thresholds, to images from elsewhere.

    Images in a category of the target's name count as target. Writes a verdict per image, and with
    labels sensitivity, specificity and AUROC with intervals.
    """
    from mimbench.evaluation.external import score_external
    from mimbench.listing import external_table

    place = out or folder / "external"
    with Display(_console(), quiet=quiet) as progress:
        result = score_external(folder, images, progress)
    result.write(place)
    _console().print(external_table(result.operating, result.drift))
    _console().print(f"Verdict per image: {place / 'external_verdicts.csv'}", highlight=False)


@app.command(name="list")
def list_(
    what: Annotated[str, typer.Argument(metavar="detectors|corruptions|suites|runs")],
) -> None:
    """List what can be named on the command line."""
    from mimbench.listing import listing

    _console().print(listing(what))


@app.command()
def check(
    detector: Annotated[
        str, typer.Argument(metavar="DETECTOR", help="my.py:MyDetector, a recipe or a plug-in.")
    ],
) -> int:
    """Try a detector on small made-up images: does it keep the protocol?"""
    from mimbench.testing import check as outcomes

    console = _console()
    failed = 0
    for outcome in outcomes(detector):
        failed += bool(outcome.problem)
        mark = "[red]FAILED[/]" if outcome.problem else "[green]passed[/]"
        console.print(f"{mark}  {outcome.test}", highlight=False)
        if outcome.problem:
            console.print(f"        {_escape(outcome.problem)}", highlight=False)
    return 1 if failed else 0


@app.command()
def corrupt(
    source: Annotated[
        Path | None, typer.Argument(metavar="IN", help="Folder of images; with --sheet an image.")
    ] = None,
    out: Annotated[Path | None, typer.Argument(metavar="OUT", help="Folder to write into.")] = None,
    suite: Annotated[str, typer.Option(metavar="NAME", help="Corruption suite.")] = "imagenet-c",
    severity: Annotated[
        list[int] | None, typer.Option(metavar="N", help="1..5; default: the suite's.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the draws.", min=0)] = 0,
    processes: Annotated[int, typer.Option(metavar="N", help="Work in N processes.", min=1)] = 1,
    sheet: Annotated[
        Path | None,
        typer.Option(metavar="PNG", help="Draw a contact sheet instead, of IN or of the phantom."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> int:
    """Corrupt a folder of images, outside any benchmark; repeated, it goes on where it stopped."""
    from mimbench.corrupting import corrupt_tree, draw_sheet

    console = _console()
    if sheet is not None:
        draw_sheet(suite, source, sheet, seed)
        console.print(f"{suite} on {sheet}", highlight=False)
        return 0
    if source is None or out is None:
        raise OutputError("mimbench corrupt needs two folders, IN and OUT, or --sheet FILE.png.")
    with Display(console, quiet=quiet) as progress:
        made = corrupt_tree(source, out, suite, severity, seed, processes, progress)
    console.print(f"{made.written} written, {made.kept} kept, {len(made.rejected)} rejected.")
    for path, reason in made.rejected:
        console.print(f"rejected: {path}: {reason}", style="yellow", highlight=False)
    return 0


@data_app.command()
def phantom(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write PNG files into.")],
    size: Annotated[int, typer.Option(help="Side of the images, pixels.")] = 64,
    seed: Annotated[int, typer.Option(help="Seed of the generator.")] = 0,
) -> None:
    """Write the embedded phantom as a folder per category, with manifest.csv."""
    from mimbench.data.export import write_phantom

    count = write_phantom(out, size, seed)
    _console().print(f"{count} images and manifest.csv in {out}", highlight=False)


@data_app.command()
def show(
    data: Annotated[list[str], typer.Argument(metavar="DIR...", help="Folders or CSV files.")],
) -> None:
    """Say what mimbench sees in folders of images: categories, patients, sources, bad files."""
    from mimbench.listing import describe_images

    for part in describe_images(data):
        _console().print(part)


@data_app.command(name="check")
def check_images(
    data: Annotated[list[str], typer.Argument(metavar="DIR...", help="Folders or CSV files.")],
    target: Annotated[str | None, typer.Option(metavar="CATEGORY", help="Target category.")] = None,
    unknown: Annotated[list[str] | None, typer.Option(metavar="DIR", help="As for run.")] = None,
    abnormal: Annotated[list[str] | None, typer.Option(metavar="DIR", help="As for run.")] = None,
    external: Annotated[list[str] | None, typer.Option(metavar="DIR", help="As for run.")] = None,
    harmonise: Annotated[bool, typer.Option("--harmonise", help="As for run.")] = False,
    backbone: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Compare by features of this torchvision model too."),
    ] = None,
    weights: Annotated[
        str, typer.Option(metavar="FILE", help="Its weights: a file, or imagenet.")
    ] = "imagenet",
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as errors.")] = False,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page too.")] = None,
) -> int:
    """Audit images: leaks, repeated files, and how collections can be told apart.

    Exit code 1 if there is an error (with --strict: a warning).
    """
    from mimbench.data.audit import as_html, as_text
    from mimbench.listing import audit_images

    roles = {"unknown": unknown, "abnormal": abnormal, "external": external}
    result = audit_images(data, target, roles, harmonise, backbone, weights)
    typer.echo(as_text(result), nl=False)
    if html is not None:
        _write(html, as_html(result))
    return 0 if result.passes(strict) else 1


def _command_line() -> str:
    program = Path(sys.argv[0]).name
    return shlex.join([os.fspath(program), *sys.argv[1:]])


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"Cannot write {path}: {error.strerror}.") from error
