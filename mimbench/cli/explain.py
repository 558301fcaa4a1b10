"""One image, and what the detectors of a run say of it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from mimbench.cli.folder import AcceptChanged, FinishedRun, PlugIns, visit
from mimbench.cli.root import Json, Quiet, print_json, write_text
from mimbench.cli.terminal.progress_bar import Display
from mimbench.cli.terminal.streams import console

if TYPE_CHECKING:
    from mimbench.evaluation.explain import Explanation

__all__ = ["explain"]


def explain(
    folder: FinishedRun,
    image: Annotated[
        str,
        typer.Argument(
            metavar="IMAGE", help="A photo; or of the run's images the image_id or its beginning."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder to write into; default RUN/explained."),
    ] = None,
    detector: PlugIns = None,
    accept_changed: AcceptChanged = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Show what a run's detectors say of one image: scores, thresholds, inpaintings and errors.

    Writes NAME.png with a strip for each detector that inpaints (original, masked, inpainted,
    difference), and NAME.json with every score. One trained model of each detector is used: the
    first of a fold that has not seen the image.
    """
    visit(folder)
    from mimbench.evaluation.explain import explain as explained

    with Display(console(stderr=as_json), quiet=quiet) as progress:
        found = explained(
            folder, image, progress, tuple(detector or ()), accept_changed=accept_changed
        )
    place = out or folder / "explained"
    stem, short = Path(found.image["path"]).stem, found.image["image_id"][:8]
    name = f"{stem}-{short}" if stem else short
    files = {"picture": place / f"{name}.png", "json": place / f"{name}.json"}
    _write(found, files)
    if as_json:
        print_json({**found.as_json(), **{key: str(path) for key, path in files.items()}})
        return
    _show(found, files["picture"])


def _write(found: "Explanation", files: dict[str, Path]) -> None:
    import json

    from mimbench.errors import OutputError
    from mimbench.evaluation.gallery.tiles import png

    try:
        files["json"].parent.mkdir(parents=True, exist_ok=True)
        files["picture"].write_bytes(png(found.picture()))
    except OSError as error:
        raise OutputError(f"Cannot write {files['picture']}: {error.strerror}.") from error
    write_text(files["json"], json.dumps(found.as_json(), indent=2) + "\n")


def _show(found: "Explanation", picture: Path) -> None:
    terminal = console()
    about = ", ".join(found.image[key] for key in ("category", "role") if key in found.image)
    table = Table(
        title=f"{found.image['path'] or found.image['image_id'][:12]}{f' ({about})' * bool(about)}",
        title_justify="left",
        box=box.SIMPLE_HEAD,
    )
    for heading in ("score", "value", "threshold", "decision", "above target images"):
        table.add_column(heading, justify="left" if heading in ("score", "decision") else "right")
    for own in found.scores:
        table.add_row(
            Text(own.row),
            f"{own.score:.3g}",
            f"{own.threshold:.3g}{'' if own.frozen else '*'}",
            "accepted" if own.accepted else "refused",
            f"{own.above_target:.0%}",
        )
    terminal.print(table)
    if any(not own.frozen for own in found.scores):
        terminal.print("* set on test images: too few validation patients for a frozen threshold.")
    for note in found.notes:
        terminal.print(note)
    terminal.print(f"Picture: {picture}", soft_wrap=True)
