"""The command that trains, corrupts, scores and reports."""

import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import time_ns
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mimbench.cli.completion import shipped
from mimbench.cli.judge import judge
from mimbench.cli.options import with_flags
from mimbench.cli.report import make_report, show_failures, show_report
from mimbench.cli.root import command_line
from mimbench.cli.terminal.exit_codes import ExitCode
from mimbench.cli.terminal.interruption import interruptible
from mimbench.cli.terminal.progress_bar import Display
from mimbench.cli.terminal.streams import console, line_width, result_only, say
from mimbench.data.options import require_all_there
from mimbench.errors import MimbenchError
from mimbench.evaluation.planning.flags import FLAGS, from_elsewhere, resolve_run
from mimbench.evaluation.planning.run_file import MEASURED, RUNNING
from mimbench.text import paragraph

if TYPE_CHECKING:
    from mimbench.claims import ClaimsFile
    from mimbench.cli.judge import Judged
    from mimbench.data.reading.accounting import Accounting
    from mimbench.evaluation.execution.executor import Backend
    from mimbench.evaluation.planning.run_file import RunFile
    from mimbench.report.unchanged import KeptReport

__all__ = ["run"]


Claims = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Measure what these claims need, and judge them: a claims file (.toml) or shipped "
        "claims. A flag that you give yourself wins.",
        rich_help_panel=MEASURED,
        autocompletion=shipped("claims"),
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Folder of the results; the run has its name. Default runs/NAME.",
        rich_help_panel=RUNNING,
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=0,
        max=512,
        help="Worker processes, which share the threads and the GPUs; default: one per processor, "
        "1 with a GPU; 0 runs without any, for a debugger.",
        rich_help_panel=RUNNING,
    ),
]
Dask = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Compute on the workers of the Dask scheduler with this address or scheduler file, or "
        "on local:N workers started here.",
        rich_help_panel=RUNNING,
    ),
]
Transfer = Annotated[
    bool,
    typer.Option(
        "--dask-transfer",
        help="Workers do not see the run's folder: send images and results through the scheduler.",
        rich_help_panel=RUNNING,
    ),
]
Timeout = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        help="Time limit for a training, or for a detector on one shard; beyond it the row fails.",
        rich_help_panel=RUNNING,
    ),
]
Strict = Annotated[
    bool,
    typer.Option(
        "--strict", help="Stop if the audit of the images has a warning.", rich_help_panel=RUNNING
    ),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Say what would be computed, and about how long it takes; compute nothing.",
        rich_help_panel=RUNNING,
    ),
]
Silent = Annotated[bool, typer.Option("--quiet", help="No progress.", rich_help_panel=RUNNING)]
AsJson = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print the result as JSON; all else to stderr.",
        rich_help_panel=RUNNING,
        callback=result_only,
    ),
]


@with_flags(FLAGS)
@interruptible("Repeat the command to continue.")
def run(
    run_file: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="A run file (.toml) or a shipped run's name.",
            autocompletion=shipped("runs"),
        ),
    ] = "default",
    *,
    claims: Claims = None,
    given: Mapping[str, Any],
    out: Out = None,
    jobs: Workers = None,
    dask: Dask = None,
    dask_transfer: Transfer = False,
    timeout: Timeout = None,
    strict: Strict = False,
    dry_run: DryRun = False,
    quiet: Silent = False,
    as_json: AsJson = False,
) -> int:
    """Train, corrupt, score and report: by default on the embedded phantom.

    An interrupted run continues when the command is repeated; nothing is computed twice.

    Scores are bit-identical on processors of one kind if the threads per process are equal:
    OMP_NUM_THREADS divided by --jobs.
    """
    stated, needed = _needed(claims, run_file, given)
    settings = resolve_run(run_file, {**given, **needed})
    for note in (*from_elsewhere(run_file, given), *_about(stated, needed, settings)):
        say(note)
    require_all_there(settings.data.places)
    # what takes long to import comes after what a typing mistake is about
    from mimbench.evaluation.unchanged import keep_run, kept_run, made_from

    folder = out or Path("runs") / settings.name
    source = None
    if not (dry_run or dask_transfer) and dask is None and timeout is None:
        source = made_from(settings, folder, jobs=jobs, strict=strict)
    files = None if source is None else kept_run(folder, source)
    if files is not None:
        report_of = _show_as_it_was(folder, files, stated, quiet, as_json)
        _say_what_is_next(folder, as_json, _final(claims, run_file, given), report_of)
        return ExitCode.DONE
    from mimbench.evaluation.runner import run as run_all
    from mimbench.evaluation.runner import try_plan

    with _workers(
        jobs, timeout, dask, transfer=dask_transfer, planned=dry_run, device=settings.device
    ) as work:
        if dry_run:
            with Display(console(stderr=True), quiet=quiet) as progress:
                planned = try_plan(settings, folder, progress, work, claims=stated)
            say("\n".join(planned.lines(work.count if work else 1)))
            return ExitCode.DONE
        with Display(console(stderr=as_json), quiet=quiet) as progress:
            begun = time_ns()
            result = run_all(
                settings,
                folder,
                progress,
                command_line(),
                strict=strict,
                jobs=work,
                claims=stated,
            )
            judged = _judged(folder, stated, progress)
            report_of = make_report(folder, progress)
            if source is not None and not (result.failures or result.further):
                keep_run(folder, source, begun, result.files, result.read)
    show_report(report_of, folder, as_json, result.failures, result.files, judged)
    show_failures(result.failures)
    if report_of.board.rows:  # or else there is nothing to judge
        _say_what_is_next(folder, as_json, _final(claims, run_file, given), report_of)
    return ExitCode.FAILED_ROWS if result.failures else ExitCode.DONE


def _needed(
    claims: str | None, run_file: str, given: Mapping[str, Any]
) -> "tuple[ClaimsFile | None, dict[str, Any]]":
    """The claims that a run is for, and the flags that they need beside the given ones."""
    if claims is None:
        return None, {}
    from mimbench.claims import read_claims
    from mimbench.evaluation.planning.claimed import flags_for

    stated = read_claims(claims)
    return stated, flags_for(stated, run_file, given)


def _about(
    claims: "ClaimsFile | None", needed: Mapping[str, Any], settings: "RunFile"
) -> Iterator[str]:
    """Say which flags the claims stand for, and which images they lack."""
    if claims is None:
        return
    from mimbench.evaluation.planning.claimed import as_flags, lacking

    flags = as_flags(needed) or "the flags that you gave"
    yield paragraph(f"For the claims of {claims.name}: {flags}", line_width())
    yield from (paragraph(note, line_width()) for note in lacking(claims, settings))


def _judged(folder: Path, claims: "ClaimsFile | None", progress: "Display") -> "Judged | None":
    """The verdicts, which are in the folder before its page is made."""
    if claims is None:
        return None
    progress.stage("Judging the claims", 1)
    return judge(folder, claims)


def _show_as_it_was(
    folder: Path,
    files: "Accounting",
    claims: "ClaimsFile | None",
    quiet: bool,
    as_json: bool,
) -> "KeptReport":
    """Report a run of which all is there, as it would be after computing nothing."""
    with Display(console(stderr=as_json), quiet=quiet) as progress:
        progress.message(
            "Nothing to compute: images, options, code, packages and all results are as they were."
        )
        if files.found:
            progress.message(files.sentence)
        judged = _judged(folder, claims, progress)
        report_of = make_report(folder, progress)
    show_report(report_of, folder, as_json, files=files, judged=judged)
    return report_of


HARMONISE = "--harmonise"


def _final(claims: str | None, run_file: str, given: Mapping[str, Any]) -> str | None:
    """The command of which a run is a first look; empty if it is none, None without claims."""
    if claims is None:
        return None
    from mimbench.evaluation.planning.claimed import full_command

    return full_command(run_file, given, claims)


def _say_what_is_next(folder: Path, as_json: bool, final: str | None, made: "KeptReport") -> None:
    if as_json:
        return
    verify = shlex.join(["mimbench", "verify", str(folder)])
    then = verify if final is None else "open the page"
    alone = final is not None and any(
        HARMONISE in words for _, state, words in made.board.checks if state == "fail"
    )
    why = f"{HARMONISE}, since the check of the data audit failed"
    if final:
        told = "This was a first look. For a final answer (--dry-run says how long it takes):"
        say(f"{told}\n{final}")
        if alone:
            say(f"Add {why}.")
    elif alone:
        say(f"next: the same command with {why}; or open the page")
    else:
        say(f"next: {then}; or table, compare, gate with this folder")


@contextmanager
def _workers(
    jobs: int | None,
    timeout: float | None,
    dask: str | None,
    *,
    transfer: bool,
    planned: bool,
    device: str,
) -> "Iterator[Backend | None]":
    """Where the run computes, or would if it is only planned; None: in this process."""
    if dask is None:
        if transfer:
            raise MimbenchError("--dask-transfer needs --dask ADDRESS.")
        from mimbench.evaluation.execution.worker_pool import Jobs

        yield Jobs.of(jobs, timeout, device)
        return
    if jobs is not None:
        raise MimbenchError("--jobs and --dask exclude each other; --dask local:N has N workers.")
    from mimbench.evaluation.execution.dask_cluster.cluster import DaskCluster

    with DaskCluster(dask, timeout, transfer=transfer, planned=planned) as cluster:
        yield cluster
