"""Commands that judge a run's tables: subgroups and claims."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mimbench.cli.completion import shipped
from mimbench.cli.folder import AcceptChanged, visit
from mimbench.cli.report import show_on_page
from mimbench.cli.root import Json, print_json
from mimbench.cli.terminal.streams import line_width, say, say_error
from mimbench.errors import MimbenchError, RecipeError
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

    before = judging.claims_of(folder)
    name = claims or before or PAPER
    stated = judging.read_claims(name) if claims or not before else _claims_again(folder, before)
    tables = read_tables(folder, accept_changed=accept_changed)
    verdicts = judging.verify(tables, stated)
    judging.write_verdicts(verdicts, folder, tables, name)
    if as_json:
        print_json([verdict.model_dump() for verdict in verdicts])
    else:
        images = tables.images
        (target,) = images.loc[images["role"] == "target", "category"].unique()
        say(judging.as_text(verdicts, stated, target, line_width()), end="")
    tell = say_error if as_json else say
    if before is not None and name != before:
        was = before or "claims that are not on record"
        tell(f"\n{paragraph(f'Replaced: the verdicts on {was}.', line_width())}")
    elif not claims and before:
        again = f"Judged again: {before}, as before. Other claims: --claims NAME."
        tell(f"\n{paragraph(again, line_width())}")
    if doubt := doubt_about(tables):
        tell(f"\n{paragraph(f'{folder}: {doubt}', line_width())}\n")
    show_on_page(folder, as_json=as_json, accept_changed=accept_changed)
    code: int = judging.exit_code(verdicts, strict=strict)
    return code


def _claims_again(folder: Path, name: str) -> "ClaimsFile":
    """The claims that a folder's verdicts were made from.

    Raises:
        RecipeError: their file is not there, or wrong.
    """
    from mimbench.claims import read_claims

    try:
        return read_claims(name)
    except MimbenchError as error:
        raise RecipeError(
            f"The verdicts in {folder} are on {name}, which cannot be judged again. {error} Give "
            f"the file by --claims, or replace the verdicts by --claims {PAPER}."
        ) from error
