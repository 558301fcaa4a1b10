"""Commands that judge a run's tables: subgroups, claims, the gate."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mimbench.cli.page import show_on_page
from mimbench.cli.root import Json, print_json, write_text
from mimbench.cli.streams import say, say_result


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
    """AUROC and sensitivity within groups of images, and the gap to the worst group.

    They go to subgroups.csv and onto the run's page, which is made again.
    """
    from mimbench.report.subgroups import write_subgroups

    say(write_subgroups(folder, by, rows=row or (), fewest=fewest), end="")
    show_on_page(folder)


def verify(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a finished run.")],
    claims: Annotated[
        str, typer.Option(metavar="NAME", help="Claims file (.toml) or shipped claims.")
    ] = "mim-paper",
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit code 1 unless all claims are supported.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Judge claims by a run: supported, refuted, inconclusive, confounded or not tested.

    The verdicts go to verdicts.csv and onto the run's page, which is made again.
    """
    from mimbench import claims as judging
    from mimbench.scores import read_tables

    stated = judging.read_claims(claims)
    verdicts = judging.verify(read_tables(folder), stated)
    judging.write_verdicts(verdicts, folder)
    if as_json:
        print_json([asdict(verdict) for verdict in verdicts])
    else:
        say(judging.as_text(verdicts, stated), end="")
    show_on_page(folder, as_json=as_json)
    code: int = judging.exit_code(verdicts, strict=strict)
    return code


def gate(
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
    as_json: Json = False,
) -> int:
    """Is a candidate run worse than a reference run, beyond margin and chance?

    Exit code 0 (also where it cannot be told), 1 for a regression, 2 if not comparable.
    """
    from mimbench import gate as gates
    from mimbench.listing import gate_settings
    from mimbench.scores import read_tables

    flags = {
        "rows": row,
        "margin": margin,
        "allow": allow,
        "require_evidence": require_evidence or None,
    }
    tables = read_tables(reference), read_tables(candidate)
    result = gates.gate(*tables, gate_settings(reference, file, flags))
    moved = gates.movers(*tables, result.settings.rows) if explain else None
    if as_json:
        say_result(gates.as_json(result))
    else:
        say(gates.as_text(result, moved), end="")
    for path, text in ((markdown, gates.as_markdown), (junit, gates.as_junit)):
        if path is not None:
            write_text(path, text(result))
    return result.exit_code
