"""Commands that judge a run's tables: subgroups, claims, the gate."""

from pathlib import Path
from typing import Annotated

import typer

from mimbench.cli.folder import AcceptChanged, visit
from mimbench.cli.report import show_on_page
from mimbench.cli.root import Json, print_json, write_text
from mimbench.cli.terminal.streams import say, say_error, say_result


def subgroups(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a finished run.")],
    by: Annotated[
        list[str], typer.Option(metavar="COLUMN", help="Column of the images, e.g. skin_tone.")
    ],
    row: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Row; default: all.")
    ] = None,
    fewest: Annotated[int, typer.Option(metavar="N", help="Patients a group needs.", min=2)] = 10,
    accept_changed: AcceptChanged = False,
) -> None:
    """AUROC and sensitivity within groups of images, and the gap to the worst group.

    They go to subgroups.csv and onto the run's page, which is made again.
    """
    visit(folder)
    from mimbench.report.subgroups import write_subgroups

    text = write_subgroups(folder, by, rows=row or (), fewest=fewest, accept_changed=accept_changed)
    say(text, end="")
    show_on_page(folder, accept_changed=accept_changed)


def verify(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a finished run.")],
    claims: Annotated[
        str, typer.Option(metavar="NAME", help="Claims file (.toml) or shipped claims.")
    ] = "mim-paper",
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit code 1 unless all claims are supported.")
    ] = False,
    accept_changed: AcceptChanged = False,
    as_json: Json = False,
) -> int:
    """Judge claims by a run: supported, refuted, not reproduced, inconclusive, confounded, ...

    The verdicts go to verdicts.json and onto the run's page, which is made again.
    """
    visit(folder)
    from mimbench import claims as judging
    from mimbench.scores.reading import doubt_about, read_tables

    stated = judging.read_claims(claims)
    tables = read_tables(folder, accept_changed=accept_changed)
    verdicts = judging.verify(tables, stated)
    judging.write_verdicts(verdicts, folder, tables)
    if as_json:
        print_json([verdict.model_dump() for verdict in verdicts])
    else:
        say(judging.as_text(verdicts, stated), end="")
    if doubt := doubt_about(tables):
        (say_error if as_json else say)(f"\n{folder}: {doubt}\n")
    show_on_page(folder, as_json=as_json, accept_changed=accept_changed)
    code: int = judging.exit_code(verdicts, strict=strict)
    return code


def gate(
    reference: Annotated[
        Path, typer.Argument(metavar="REFERENCE", help="Reference run, which is good enough.")
    ],
    candidate: Annotated[Path, typer.Argument(metavar="CANDIDATE", help="Run in question.")],
    file: Annotated[Path | None, typer.Option(metavar="FILE", help="Gate file (.toml).")] = None,
    row: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Row to gate; default: the reference's headline rows."),
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option(metavar="AUROC", help="Largest drop that is not a regression; default 0.01."),
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
    accept_changed: AcceptChanged = False,
    as_json: Json = False,
) -> int:
    """Is a candidate run worse than a reference run, beyond margin and chance?

    Exit code 0 (also where it is inconclusive), 1 for a regression, 2 if not comparable.
    """
    visit(reference)
    visit(candidate)
    from mimbench import gate as gates
    from mimbench.scores.reading import read_tables

    flags = {
        "rows": row,
        "margin": margin,
        "allow": allow,
        "require_evidence": require_evidence or None,
    }
    given = {name: value for name, value in flags.items() if value}
    before = read_tables(reference, accept_changed=accept_changed)
    after = read_tables(candidate, accept_changed=accept_changed)
    settings = gates.folder_settings(reference, file, given, accept_changed=accept_changed)
    result = gates.gate(before, after, settings)
    moved = gates.movers(before, after, result.settings.rows) if explain else None
    if as_json:
        say_result(gates.as_json(result))
    else:
        say(gates.as_text(result, moved), end="")
    for path, text in ((markdown, gates.as_markdown), (junit, gates.as_junit)):
        if path is not None:
            write_text(path, text(result))
    return result.exit_code
