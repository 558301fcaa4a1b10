"""Commands on images alone: write the phantom, look at a folder, audit it."""

from pathlib import Path
from typing import Annotated

import typer

from mimbench.cli.completion import shipped
from mimbench.cli.root import Json, Quiet, print_json, write_text
from mimbench.cli.terminal.exit_codes import ExitCode
from mimbench.cli.terminal.progress_bar import Display
from mimbench.cli.terminal.streams import console, say
from mimbench.data.options import require_all_there
from mimbench.text import counted

ColumnsOption = Annotated[
    str | None,
    typer.Option(
        "--columns",
        metavar="NAME=COLUMN,...",
        help="Columns of the table beside the images: image=file,category=dx,patient=person.",
    ),
]
PatientsOption = Annotated[
    str | None,
    typer.Option(
        "--patients",
        metavar="PATTERN",
        help="Regular expression with the patient of a file's name in brackets: '(.+)_[0-9]+'.",
    ),
]


def phantom(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write PNG files into.")],
    size: Annotated[int, typer.Option(help="Side of the images, pixels.")] = 64,
    seed: Annotated[int, typer.Option(help="Seed of the generator.")] = 0,
) -> None:
    """Write the embedded phantom as a folder per category, with manifest.csv."""
    from mimbench.data.export import write_phantom

    count = write_phantom(out, size, seed)
    console().print(f"{counted(count, 'image')} and manifest.csv in {out}")


def get(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="Data set of `mimbench list datasets`.",
            autocompletion=shipped("sets"),
        ),
    ],
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="Folder; by default in the user's cache.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Download a public data set; from then on its name stands for the folder, as in --data NAME.

    A folder that holds the set already is recognised, and nothing is downloaded. Sets that need an
    agreement are not downloaded: the command says where to ask.
    """
    from mimbench.data.fetch.get import get as fetch
    from mimbench.data.sets.facts import data_set

    about = data_set(name)
    say(about.sentence)
    with Display(console(stderr=True), quiet=quiet) as progress:
        place = fetch(name, folder, progress)
    say(f"{name} is in {place}; look at it with: mimbench data show {name}")


def show(
    data: Annotated[list[str], typer.Argument(metavar="DIR...", help="Folders or CSV files.")],
    columns: ColumnsOption = None,
    patients: PatientsOption = None,
    as_json: Json = False,
) -> None:
    """Say what mimbench sees in folders of images: data set, categories, patients, bad files."""
    require_all_there(data)
    from mimbench.cli.listing import describe_images, images_as_json
    from mimbench.data.dataset import survey

    found = survey(data, columns=columns, patients=patients)
    if as_json:
        print_json(images_as_json(found))
        return
    for part in describe_images(found):
        console().print(part)


def export(
    data: Annotated[str, typer.Argument(metavar="DIR", help="Folder, CSV file or data set.")],
    out: Annotated[Path, typer.Argument(metavar="croissant.json", help="File to write.")],
) -> None:
    """Describe a collection for other tools: Croissant (JSON-LD), and a CSV file of its images."""
    from mimbench.data.croissant import write_croissant

    found = write_croissant(data, out)
    console().print(f"{len(found)} images in {out} and {out.with_suffix('.csv').name}")
    console().print(found.accounting.sentence)


def check(
    data: Annotated[list[str], typer.Argument(metavar="DIR...", help="Folders or CSV files.")],
    target: Annotated[str | None, typer.Option(metavar="CATEGORY", help="Target category.")] = None,
    unknown: Annotated[list[str] | None, typer.Option(metavar="DIR", help="As for run.")] = None,
    abnormal: Annotated[list[str] | None, typer.Option(metavar="DIR", help="As for run.")] = None,
    external: Annotated[list[str] | None, typer.Option(metavar="DIR", help="As for run.")] = None,
    columns: ColumnsOption = None,
    patients: PatientsOption = None,
    harmonise: Annotated[bool, typer.Option("--harmonise", help="As for run.")] = False,
    backbone: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Also compare features of this model: a name of torchvision, or timm/NAME.",
        ),
    ] = None,
    weights: Annotated[
        str, typer.Option(metavar="FILE", help="Its weights: a file, or imagenet.")
    ] = "imagenet",
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as errors.")] = False,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page too.")] = None,
    as_json: Json = False,
) -> int:
    """Audit images: leaks, repeated files, and how well collections can be separated.

    Exit code 1 if there is an error (with --strict: a warning).
    """
    require_all_there((*data, *(unknown or ()), *(abnormal or ()), *(external or ())))
    from mimbench.cli.listing import audit_images, files_as_json
    from mimbench.data.audit import as_html, as_text

    roles = {"unknown": unknown, "abnormal": abnormal, "external": external}
    result, found = audit_images(
        data, target, roles, harmonise, backbone, weights, columns, patients
    )
    if as_json:
        passes = {"passes": result.passes(strict)}
        print_json({**result.as_json(), **passes, **files_as_json(found)})
    else:
        say(as_text(result), end="")
    if html is not None:
        write_text(html, as_html(result))
    return ExitCode.DONE if result.passes(strict) else ExitCode.NO
