"""Corrupt a folder of images into a folder of the same shape, outside the harness."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from mimbench.corruptions.core.checks import Images, check_images, check_severity
from mimbench.corruptions.definition import Corruption
from mimbench.corruptions.output_folder import claim_folder, write_picture
from mimbench.corruptions.suites import Suite
from mimbench.errors import CorruptionError, OutputError
from mimbench.files import entries_below

__all__ = ["FolderReport", "Picture", "Reader", "corrupt_folder"]

RECORD = "corruptions.json"
SOURCE = "mimbench-source-sha256"  # text in each PNG: of which file's content it was made

Conditions = tuple[tuple[Corruption, int], ...]


class Picture(Protocol):
    """A decoded file.

    Attributes:
        pixels: uint8 (H, W, 3), RGB.
        sha256: of the file's bytes, hexadecimal.
        dropped: what of the file was left out, in a few words; mostly empty.
    """

    @property
    def pixels(self) -> Images: ...  # noqa: D102

    @property
    def sha256(self) -> str: ...  # noqa: D102

    @property
    def dropped(self) -> str: ...  # noqa: D102


class Reader(NamedTuple):
    """How files become pictures; given from outside, because every command reads alike.

    Attributes:
        read: a file's picture, or the reason why it is none.
        share: called in each of several processes with their number and a lock that they share, so
            that their decoders fit into memory together.
    """

    read: Callable[[Path], Picture | str]
    share: Callable[[int, AbstractContextManager[Any]], None]


@dataclass(frozen=True)
class FolderReport:
    """What came of a folder.

    Attributes:
        written: number of pictures written now.
        kept: number of pictures that an earlier call had written.
        rejected: (image, reason) of those that could not be read or corrupted.
        dropped: (image, what) of what was left out of the files of images written now.
        orphans: files below the conditions' folders that are of no image now, relative to the
            target folder; nothing deletes them.
    """

    written: int
    kept: int
    rejected: tuple[tuple[Path, str], ...]
    dropped: tuple[tuple[Path, str], ...]
    orphans: tuple[Path, ...]


def _silent(done: int, total: int) -> None:
    """Report nothing."""


def corrupt_folder(
    source: Path,
    images: Sequence[Path],
    target: Path,
    suite: Suite,
    reader: Reader,
    *,
    severities: Collection[int] | None = None,
    seed: int = 0,
    processes: int = 1,
    progress: Callable[[int, int], None] = _silent,
) -> FolderReport:
    """Write every image under every condition of `suite`, at its own size, as PNG.

    `source/a/b.jpg` becomes `target/<corruption>/<severity>/a/b.png`, or `b.jpg.png` where another
    image of the folder has the same name without suffix. The draws depend on (seed, content of the
    file, corruption, severity). A call that was interrupted continues when it is repeated: what
    was made of the same content stays.

    Args:
        source: folder with images at any depth.
        images: its images, relative to it.
        target: where to write; made if missing.
        suite: the corruptions.
        reader: reads an image.
        severities: 1..5; those of the suite unless given.
        seed: any integer from 0 on.
        processes: how many work at once.
        progress: called with (images done, images in all).

    Raises:
        CorruptionError: two images whose results would have one name, or a wrong severity.
        OutputError: `target` lies in `source`, cannot be written, holds a link, or holds something
            other than pictures of these corruptions.
    """
    chosen = suite.severities if severities is None else sorted(severities)
    for severity in chosen:
        check_severity(severity, suite.name)
    conditions = tuple((corruption, each) for corruption in suite.corruptions for each in chosen)
    if target.resolve().is_relative_to(source.resolve()):
        raise OutputError(f"{target} lies in {source}; write the results somewhere else.")
    names = _names(source, images)
    about = json.dumps({"seed": seed, "suite": suite.describe()}, indent=2, sort_keys=True) + "\n"
    claim_folder(target, RECORD, about, "suite, version or seed")
    work = partial(
        _corrupt_file, source=source, target=target, conditions=conditions, seed=seed, reader=reader
    )
    results = []
    for result in _results(work, list(names.items()), reader, processes):
        results.append(result)
        progress(len(results), len(images))
    good = [result for result in results if not result.reason]
    return FolderReport(
        written=sum(result.written for result in good),
        kept=sum(len(conditions) - result.written for result in good),
        rejected=tuple(sorted((r.image, r.reason) for r in results if r.reason)),
        dropped=tuple(sorted((r.image, r.dropped) for r in good if r.dropped)),
        orphans=tuple(_orphans(target, {names[result.image] for result in good})),
    )


def _names(source: Path, images: Sequence[Path]) -> dict[Path, Path]:
    """Where each image's results go below a condition's folder."""
    short = {image: image.with_suffix(".png") for image in images}
    shared = {name for name, count in Counter(short.values()).items() if count > 1}
    names = {
        image: image.with_name(f"{image.name}.png") if name in shared else name
        for image, name in short.items()
    }
    first: dict[Path, Path] = {}
    for image, name in names.items():
        other = first.setdefault(name, image)
        if other != image:
            raise CorruptionError(
                f"{source / other} and {source / image} would both become {name.name}; rename one "
                "of them."
            )
    return names


def _orphans(target: Path, made: Collection[Path]) -> Iterator[Path]:
    """Files below <corruption>/<severity> that are not results of any image."""
    for severity in "12345":
        for folder in sorted(target.glob(f"*/{severity}")):
            try:
                files = [Path(entry.path) for entry in entries_below(folder) if entry.is_file()]
            except OSError as error:
                where = f"{error.filename} cannot be opened"
                raise OutputError(f"{where}: {error.strerror or error}.") from error
            for path in sorted(files):
                if path.relative_to(folder) not in made:
                    yield path.relative_to(target)


Named = tuple[Path, Path]  # an image and the name of its results


class _Result(NamedTuple):
    """How many pictures of an image were written, or why none, and what was left out."""

    image: Path
    written: int
    reason: str = ""
    dropped: str = ""


def _results(
    work: Callable[[Named], _Result], images: list[Named], reader: Reader, processes: int
) -> Iterator[_Result]:
    if processes <= 1:
        yield from map(work, images)
        return
    # "spawn": a fork would copy the locks of OpenCV's threads in whatever state they are
    context = get_context("spawn")
    with ProcessPoolExecutor(
        processes, context, initializer=reader.share, initargs=(processes, context.Lock())
    ) as pool:
        try:
            for future in as_completed([pool.submit(work, image) for image in images]):
                yield future.result()
        except BrokenProcessPool as error:
            raise CorruptionError(
                "A worker was killed (out of memory?); repeat the call to continue, perhaps with "
                "fewer processes."
            ) from error


def _corrupt_file(
    image: Named, source: Path, target: Path, conditions: Conditions, seed: int, reader: Reader
) -> _Result:
    """Write the missing pictures of one image; how many, or why not."""
    file, name = image
    places = [
        (corruption, severity, target / corruption.name / str(severity) / name)
        for corruption, severity in conditions
    ]
    path = source / file
    if all(out.is_file() for _, _, out in places):
        try:
            with path.open("rb") as content:
                digest = hashlib.file_digest(content, "sha256").hexdigest()
        except OSError:  # reading it as an image will say why
            digest = ""
        if all(_made_of(digest, out) for _, _, out in places):
            return _Result(file, 0)
    photo = reader.read(path)
    if isinstance(photo, str):
        return _Result(file, 0, photo)
    missing = [place for place in places if not _made_of(photo.sha256, place[-1])]
    try:
        _write_conditions(photo, missing, seed)
    except CorruptionError as error:
        return _Result(file, 0, str(error))
    return _Result(file, len(missing), dropped=photo.dropped)


def _made_of(digest: str, out: Path) -> bool:
    """Whether a picture is there and was made of this content."""
    try:
        with Image.open(out, formats=["PNG"]) as picture:
            return bool(picture.info.get(SOURCE) == digest)
    except (OSError, SyntaxError, ValueError):
        return False


def _write_conditions(
    photo: Picture, places: Sequence[tuple[Corruption, int, Path]], seed: int
) -> None:
    pixels = check_images(photo.pixels[None])
    note = PngInfo()
    note.add_text(SOURCE, photo.sha256)
    for corruption, severity, out in places:
        corrupted = corruption.apply(pixels, severity, [_key(seed, photo.sha256)], threads=1)
        write_picture(corrupted[0], out, note)


def _key(seed: int, sha256: str) -> int:
    digest = hashlib.sha256(f"{seed}/".encode() + bytes.fromhex(sha256)).digest()
    return int.from_bytes(digest[:8], "little")
