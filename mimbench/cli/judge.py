"""Commands that judge a run's tables: subgroups and claims."""

from collections.abc import Sequence
from dataclasses import dataclass
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
    from mimbench.claims import ClaimsFile, Verdict

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
    from mimbench.claims import exit_code, read_claims

    kept = _kept_claims(folder, replaced=claims is not None)
    stated = read_claims(claims or PAPER) if claims or kept is None else kept
    judged = judge(folder, stated, accept_changed=accept_changed)
    if as_json:
        print_json([verdict.model_dump() for verdict in judged.verdicts])
    else:
        say(judged.text, end="")
    tell = say_error if as_json else say
    if claims is None and kept is not None:
        told = f"Judged again: {kept.name}, as kept in verdicts.json. Other claims: --claims NAME."
        tell(f"\n{paragraph(told, line_width())}")
    elif judged.replaced:
        tell(f"\n{paragraph(judged.replaced, line_width())}")
    if judged.doubt:
        tell(f"\n{paragraph(f'{folder}: {judged.doubt}', line_width())}\n")
    show_on_page(folder, as_json=as_json, accept_changed=accept_changed, checked=True)
    return exit_code(judged.verdicts, strict=strict)


@dataclass(frozen=True)
class Judged:
    """Verdicts on claims.

    Attributes:
        text: the verdicts as a terminal shows them.
        doubt: what makes the tables doubtful; empty if nothing.
        replaced: which verdicts the folder had before; empty if it had none, or on these claims.
        rows: that the claims name.
    """

    verdicts: "Sequence[Verdict]"
    text: str
    doubt: str
    replaced: str
    rows: "frozenset[str]"


def judge(folder: Path, claims: "ClaimsFile", *, accept_changed: bool = False) -> Judged:
    """Judge claims by a run, and leave the verdicts in its folder."""
    from mimbench.claims import as_text, verify, write_verdicts
    from mimbench.scores.reading import doubt_about, read_tables

    replaced = _replaced(folder, claims)
    tables = read_tables(folder, accept_changed=accept_changed)
    verdicts = verify(tables, claims)
    write_verdicts(verdicts, folder, tables, claims)
    images = tables.images
    (target,) = images.loc[images["role"] == "target", "category"].unique()
    text = as_text(verdicts, claims, target, line_width())
    rows = frozenset(row for claim in claims.claim for row in (*claim.rows, *claim.against))
    return Judged(verdicts, text, doubt_about(tables), replaced, rows)


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


def _replaced(folder: Path, claims: "ClaimsFile") -> str:
    """Which verdicts of a folder others take the place of; empty if it has none, or on these."""
    if not any((folder / name).exists() for name in ("verdicts.json", "verdicts.csv")):
        return ""
    kept = _kept_claims(folder, replaced=True)
    if kept is None:
        return "Replaced: verdicts on claims that are not on record."
    if kept == claims:
        return ""
    same = ", whose claims were other ones then" if kept.name == claims.name else ""
    return f"Replaced: the verdicts on {kept.name}{same}."
