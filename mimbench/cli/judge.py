"""Commands that judge a run's tables: subgroups and claims."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mimbench.cli.completion import shipped
from mimbench.cli.folder import AcceptChanged, visit
from mimbench.cli.report import show_on_page
from mimbench.cli.root import Json, print_json
from mimbench.cli.terminal.streams import line_width, say, say_error
from mimbench.errors import MimbenchError, TableError
from mimbench.text import paragraph

if TYPE_CHECKING:
    from mimbench.claims import ClaimsFile

PAPER = "mim-paper"


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
        str | None,
        typer.Option(
            metavar="NAME",
            help="Claims file (.toml) or shipped claims; default: those of the verdicts that the "
            "run has, or mim-paper.",
            autocompletion=shipped("claims"),
        ),
    ] = None,
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

    had = any((folder / name).exists() for name in ("verdicts.json", "verdicts.csv"))
    kept = _kept_claims(folder, replaced=claims is not None)
    stated = judging.read_claims(claims or PAPER) if claims or kept is None else kept
    tables = read_tables(folder, accept_changed=accept_changed)
    verdicts = judging.verify(tables, stated)
    judging.write_verdicts(verdicts, folder, tables, stated)
    if as_json:
        print_json([verdict.model_dump() for verdict in verdicts])
    else:
        images = tables.images
        (target,) = images.loc[images["role"] == "target", "category"].unique()
        say(judging.as_text(verdicts, stated, target, line_width()), end="")
    tell = say_error if as_json else say
    if had and (told := _told(kept, stated, asked=claims is not None)):
        tell(f"\n{paragraph(told, line_width())}")
    if doubt := doubt_about(tables):
        tell(f"\n{paragraph(f'{folder}: {doubt}', line_width())}\n")
    show_on_page(folder, as_json=as_json, accept_changed=accept_changed)
    code: int = judging.exit_code(verdicts, strict=strict)
    return code


def _kept_claims(folder: Path, *, replaced: bool) -> "ClaimsFile | None":
    """The claims that the folder's verdicts are on; None where nothing says so.

    Raises:
        TableError: they are needed, and verdicts.json is damaged.
    """
    from mimbench.claims import kept_claims

    try:
        return kept_claims(folder)
    except MimbenchError as error:
        if replaced:
            return None
        raise TableError(
            f"{error} It would say which claims to judge again; name them: --claims NAME."
        ) from error


def _told(kept: "ClaimsFile | None", stated: "ClaimsFile", *, asked: bool) -> str:
    """What becomes of the verdicts that the folder had; empty if the same claims were asked for."""
    if kept is None:
        return "Replaced: verdicts on claims that are not on record."
    if not asked:
        return f"Judged again: {kept.name}, as kept in verdicts.json. Other claims: --claims NAME."
    if kept == stated:
        return ""
    same = ", whose claims were other ones then" if kept.name == stated.name else ""
    return f"Replaced: the verdicts on {kept.name}{same}."
