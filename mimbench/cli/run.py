"""Commands that compute, and the report of what they computed."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from mimbench.cli.exit_codes import ExitCode
from mimbench.cli.folder import AcceptChanged, visit
from mimbench.cli.interruption import interruptible
from mimbench.cli.page import make_report
from mimbench.cli.progress_bar import Display
from mimbench.cli.root import Json, Quiet, command_line, print_json
from mimbench.cli.streams import console, result_only

if TYPE_CHECKING:
    from mimbench.data.reading.accounting import Accounting
    from mimbench.evaluation.external.external import External

NAMED = 5  # files that a message names
IMAGES = "Images"
WHAT = "What to measure"
HOW = "How to run"


@interruptible("The same command goes on where this one stopped.")
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
    severities: Annotated[
        str | None,
        typer.Option(
            metavar="1,3,5",
            help="Corrupt with these of the suites' severities alone.",
            rich_help_panel=WHAT,
        ),
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
    known_curve: Annotated[
        str | None,
        typer.Option(
            metavar="1,2,4",
            help="Fit classifiers with that many known categories too, in 3 random orders.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    leave_out_groups: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Fit classifiers without each of N groups of known categories too.",
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
    corruption_scale: Annotated[
        int | None,
        typer.Option(
            metavar="PIXELS",
            help="Enlarge smaller images to this size, corrupt them there, and resize them back; "
            "224 shows what photos of that size would show.",
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
    gallery: Annotated[
        bool | None,
        typer.Option(
            "--gallery",
            help="Show example photos in the report, which then contains them; generated images "
            "are always shown.",
            rich_help_panel=HOW,
        ),
    ] = None,
    jobs: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            max=512,
            help="Worker processes, which share the threads; 0: none, for a debugger.",
            rich_help_panel=HOW,
        ),
    ] = 1,
    timeout: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="Longest time of a fit, or of one detector on one shard; then its row fails.",
            rich_help_panel=HOW,
        ),
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
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print the result as JSON; all else to stderr.",
            rich_help_panel=HOW,
            callback=result_only,
        ),
    ] = False,
) -> int:
    """Train, corrupt, score and report: by default on the embedded phantom.

    Interrupted runs go on where they stopped: what is done is not computed again. Scores are
    bit-identical for equal threads per process: OMP_NUM_THREADS divided by --jobs.
    """
    from mimbench.evaluation.execution.worker_pool import Jobs
    from mimbench.evaluation.planning.flags import Flags, resolve_run
    from mimbench.evaluation.runner import run as run_all

    work = Jobs.of(jobs, timeout)
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
        severities=severities,
        folds=folds,
        seeds=seeds,
        plan_seed=plan_seed,
        swap=swap,
        known_curve=known_curve,
        leave_out_groups=leave_out_groups,
        corruption_engine=corruption_engine,
        corruption_scale=corruption_scale,
        device=device,
        gallery=gallery,
    )
    settings = resolve_run(run_file, flags)
    folder = out or Path("runs") / settings.name
    with Display(console(stderr=as_json), quiet=quiet) as progress:
        result = run_all(settings, folder, progress, command_line(), strict=strict, jobs=work)
        report_of = make_report(folder, progress)
    _show(report_of, folder, as_json, result.failures, result.files)
    for what, reason in result.failures:
        console(stderr=True).print(Text.assemble(("Failed:", "bold red"), f" {what}: {reason}"))
    return ExitCode.FAILED_ROWS if result.failures else ExitCode.DONE


def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a finished run.")],
    add: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="CSV",
            help="Add a row made elsewhere: image_id (or path), value; corruption, severity, fold "
            "and seed where there are some. The report with it goes to DIR/added.",
        ),
    ] = None,
    accept_changed: AcceptChanged = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Recompute tables, figures and page from a run's scores; needs neither torch nor images.

    A row is added under its file's name. Higher values must mean less like the target; without
    the column fold, one fit serves all folds: it must have seen no test image of any of them.
    DIR/added is a run folder of its own, for verify and gate too; the run in DIR stays as it is.
    """
    visit(folder)
    with Display(console(stderr=as_json), quiet=quiet) as progress:
        if add:
            folder = _add_rows(folder, add, progress, accept_changed)
            accept_changed = False  # what is joined has a record of its own
        made = make_report(folder, progress, accept_changed=accept_changed)
    _show(made, folder, as_json)


def _add_rows(folder: Path, files: list[Path], progress: Display, accept_changed: bool) -> Path:
    from mimbench.runfolder.added_rows import add_rows

    out, notes = add_rows(folder, files, accept_changed=accept_changed)
    for note in notes:
        progress.message(note)
    return out


def _show(
    made: Any,
    folder: Path,
    as_json: bool,
    failures: Sequence[tuple[str, str]] = (),
    files: "Accounting | None" = None,
) -> None:
    from mimbench.report.leaderboard.formats import leaderboard_frame
    from mimbench.report.leaderboard.terminal import leaderboard_table

    page = (folder / "index.html").resolve()
    if as_json:
        result = {
            "folder": str(folder),
            "page": str(page),
            "doubts": list(made.run.doubts),
            "leaderboard": leaderboard_frame(made.board).to_dict("records"),
            "failed": [{"fit": fit, "reason": reason} for fit, reason in failures],
        }
        print_json(result if files is None else {**result, "files": files.as_json()})
        return
    terminal = console()
    terminal.print(leaderboard_table(made))
    terminal.print(f"Page: {page}", soft_wrap=True)


def score(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a finished run.")],
    images: Annotated[list[str], typer.Argument(metavar="IMAGES...", help="Folders or CSV files.")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the results; default DIR/external."),
    ] = None,
    detector: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Plug-in of the run, as it names it: trust its code."),
    ] = None,
    accept_changed: AcceptChanged = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> int:
    """Apply a run's fitted detectors, at their frozen thresholds, to images from elsewhere.

    Images in a category of the target's name count as target; images in no folder of a category
    are unlabelled. Writes a verdict per image, and with labels sensitivity, specificity and AUROC
    with intervals, as a run with --external does. Images that the run was trained or validated on
    are refused.
    """
    from mimbench.evaluation.external.external import score_external
    from mimbench.scores.run_files import check_external

    visit(folder)
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
    for what, reason in result.failures:
        console(stderr=True).print(Text.assemble(("Failed:", "bold red"), f" {what}: {reason}"))
    return ExitCode.FAILED_ROWS if result.failures else ExitCode.DONE


def _show_external(result: "External", folder: Path, place: Path, as_json: bool) -> None:
    from mimbench.report.page.sections.external import external_notes, external_table

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
