"""The regression gate on two run folders."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mimbench.cli.folder import AcceptChanged, visit
from mimbench.cli.root import Json, complain, write_text
from mimbench.cli.terminal.exit_codes import ExitCode
from mimbench.cli.terminal.streams import line_width, say, say_error, say_result
from mimbench.errors import MimbenchError, TableError, UnknownNameError

if TYPE_CHECKING:
    import pandas as pd

    from mimbench.gate import GateResult

__all__ = ["gate"]

Names = list[str] | None
File = Annotated[Path | None, typer.Option(metavar="FILE", help="Gate file (.toml).")]
Row = Annotated[
    Names, typer.Option(metavar="NAME", help="Row to gate; default: the reference's headline rows.")
]
Margin = Annotated[
    float | None,
    typer.Option(metavar="AUROC", help="Largest drop that is not a regression; default 0.01."),
]
Allow = Annotated[
    Names, typer.Option(metavar="WHAT", help="missing-row, nan, images, conditions or recipe.")
]
Evidence = Annotated[
    bool, typer.Option("--require-evidence", help="An inconclusive row fails too.")
]
Explain = Annotated[bool, typer.Option("--explain", help="Name the images that moved most.")]
Update = Annotated[
    bool,
    typer.Option(
        "--update", help="Afterwards make the candidate the new reference, whatever the result."
    ),
]


def gate(
    reference: Annotated[
        Path, typer.Argument(metavar="REFERENCE", help="Reference run, which is good enough.")
    ],
    candidate: Annotated[Path, typer.Argument(metavar="CANDIDATE", help="Run in question.")],
    file: File = None,
    row: Row = None,
    margin: Margin = None,
    allow: Allow = None,
    require_evidence: Evidence = False,
    explain: Explain = False,
    markdown: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a summary.")] = None,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write JUnit XML.")] = None,
    update: Update = False,
    accept_changed: AcceptChanged = False,
    as_json: Json = False,
) -> int:
    """Is a candidate run worse than a reference run, beyond margin and chance?

    Exit code 0 (also where it is inconclusive), 1 for a regression, 2 if not comparable, 3 if a row
    failed, 64 for wrong settings. The files and the JSON are written in every case, and say why
    where nothing could be compared.
    """
    flags = {
        "rows": row,
        "margin": margin,
        "allow": allow,
        "require_evidence": require_evidence or None,
    }
    given = {name: value for name, value in flags.items() if value}
    error, moved = _not_there(reference, candidate), None
    if error is not None and not (markdown or junit or as_json or update):
        complain(str(error))
        return ExitCode.NOT_COMPARABLE
    try:
        if error is not None:
            raise error
        result, moved = _compared(reference, candidate, file, given, explain, accept_changed)
    except MimbenchError as found:
        error, result = found, _why_not(found, file, given)
    _write(result, moved, markdown, junit)
    if error is None:
        _print(result, moved)  # with --json on standard error
    if as_json:
        _print_json(result, moved)
    # a row that the reference lacks may be in the candidate, which becomes the reference
    lacks_name = isinstance(error, UnknownNameError)
    update = update and (lacks_name or result.exit_code != ExitCode.USAGE)
    if error is not None and not update:
        complain(str(error))
    if update:
        _update(reference, candidate, file, given, error)
        return ExitCode.DONE
    return result.exit_code


def _not_there(reference: Path, candidate: Path) -> MimbenchError | None:
    """What is wrong with the folders, at a glance."""
    try:
        if candidate.is_dir() and not reference.exists():
            return TableError(
                f"There is no reference {reference}. If the model of {candidate} is good enough, "
                "repeat this command with --update: its tables become the first reference."
            )
        for folder in (reference, candidate):
            visit(folder)
    except MimbenchError as error:
        return error
    return None


def _compared(
    reference: Path,
    candidate: Path,
    file: Path | None,
    given: Mapping[str, Any],
    explain: bool,
    accept_changed: bool,
) -> "tuple[GateResult, pd.DataFrame | None]":
    """The result, and the images that moved most, if they are asked for and a row was compared."""
    from mimbench import gate as gates
    from mimbench.scores.reading import read_tables

    before = read_tables(reference, accept_changed=accept_changed)
    after = read_tables(candidate, accept_changed=accept_changed)
    settings = gates.folder_settings(reference, file, given, accept_changed=accept_changed)
    result = gates.gate(before, after, settings)
    if not explain or not result.tests:
        return result, None
    judged = result.settings
    changed = tuple(dict.fromkeys(test.row for test in result.tests if not test.unchanged))
    return result, gates.movers(before, after, changed, role=judged.role, relation=judged.relation)


def _why_not(error: MimbenchError, file: Path | None, given: Mapping[str, Any]) -> "GateResult":
    """The result where an error ended the comparison: of the settings, or of a run."""
    from mimbench import gate as gates

    try:
        settings = gates.stated_settings(file, given)
    except MimbenchError as wrong:
        return gates.not_compared(str(wrong), gates.GateSettings(), settings_wrong=True)
    wrong_name = isinstance(error, UnknownNameError)  # of a row or group that is asked for
    return gates.not_compared(str(error), settings, settings_wrong=wrong_name)


def _write(
    result: "GateResult", moved: "pd.DataFrame | None", markdown: Path | None, junit: Path | None
) -> None:
    from mimbench import gate as gates

    if markdown is not None:
        write_text(markdown, gates.as_markdown(result, moved))
    if junit is not None:
        write_text(junit, gates.as_junit(result))


def _print_json(result: "GateResult", moved: "pd.DataFrame | None") -> None:
    from mimbench import gate as gates

    say_result(gates.as_json(result, moved))


def _print(result: "GateResult", moved: "pd.DataFrame | None") -> None:
    from mimbench import gate as gates

    say(gates.as_text(result, moved, line_width()), end="")


def _update(
    reference: Path,
    candidate: Path,
    file: Path | None,
    given: Mapping[str, Any],
    error: MimbenchError | None,
) -> None:
    """Make the candidate the reference; what kept the two from being compared is only said."""
    from mimbench.gate import folder_settings, stated_settings
    from mimbench.gate.update import trained_too_seldom, update_reference
    from mimbench.report.build import rewrite_leaderboard

    settings = stated_settings(file, given)
    first = not reference.exists()
    written = update_reference(
        reference, candidate, settings.rows, lose_rows="missing-row" in settings.allow
    )
    written += rewrite_leaderboard(reference)
    files = ", ".join(written)
    if first:
        say_error(f"{reference} is new, made from {candidate}: {files}. Nothing was compared.\n")
    else:
        if error is not None:
            say_error(f"Not compared: {error}\n")
        say_error(f"{reference} is now {candidate}: {files}.\n")
    if seldom := trained_too_seldom(reference, folder_settings(reference, file, given)):
        say_error(
            f"Warning: {', '.join(seldom)}: too few trainings to show what retraining changes, so "
            "another one with as few seeds will be not comparable; repeat the run with --seeds 3, "
            "or give a spread in the gate file's [retraining].\n"
        )
