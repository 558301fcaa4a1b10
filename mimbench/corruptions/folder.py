"""Corrupt a folder of images into a folder of the same shape, outside the harness."""

import hashlib
import io
import json
import os
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from mimbench.corruptions.checks import Images, check_images, check_severity
from mimbench.corruptions.definition import Corruption
from mimbench.corruptions.suites import Suite
from mimbench.errors import CorruptionError, OutputError

__all__ = ["FolderReport", "corrupt_folder"]

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
RECORD = "corruptions.json"

Conditions = tuple[tuple[Corruption, int], ...]


@dataclass(frozen=True)
class FolderReport:
    """What came of a folder.

    Attributes:
        written: number of pictures written now.
        kept: number of pictures that an earlier call had written.
        rejected: (file, reason) of the images that could not be read or corrupted.
    """

    written: int
    kept: int
    rejected: tuple[tuple[str, str], ...]


def _silent(done: int, total: int) -> None:
    """Report nothing."""


def corrupt_folder(
    source: Path,
    target: Path,
    suite: Suite,
    *,
    severities: Collection[int] | None = None,
    seed: int = 0,
    processes: int = 1,
    progress: Callable[[int, int], None] = _silent,
) -> FolderReport:
    """Write every image of `source` under every condition of `suite`, at its own size, as PNG.

    `source/a/b.jpg` becomes `target/<corruption>/<severity>/a/b.png`. The draws depend on (seed,
    content of the file, corruption, severity). A call that was interrupted continues when it is
    repeated: what is written and not older than its source stays.

    Args:
        source: folder with images at any depth.
        target: where to write; made if missing.
        suite: the corruptions.
        severities: 1..5; those of the suite unless given.
        seed: any integer from 0 on.
        processes: how many work at once.
        progress: called with (images done, images in all).

    Raises:
        CorruptionError: no images, two whose results would have one name, or a wrong severity.
        OutputError: `target` lies in `source`, cannot be written, or has other corruptions.
    """
    chosen = suite.severities if severities is None else sorted(severities)
    for severity in chosen:
        check_severity(severity, suite.name)
    conditions = tuple((corruption, each) for corruption in suite.corruptions for each in chosen)
    images = _find_images(source, target)
    _claim(target, suite, seed)
    work = partial(_corrupt_file, source=source, target=target, conditions=conditions, seed=seed)
    written = kept = 0
    rejected = []
    for done, (image, count, reason) in enumerate(_results(work, images, processes), start=1):
        written += count
        kept += len(conditions) - count if reason is None else 0
        if reason is not None:
            rejected.append((str(image), reason))
        progress(done, len(images))
    return FolderReport(written, kept, tuple(sorted(rejected)))


def _find_images(source: Path, target: Path) -> list[Path]:
    """Paths relative to `source`, sorted."""
    if target.resolve().is_relative_to(source.resolve()):
        raise OutputError(f"{target} lies in {source}; write the results somewhere else.")
    images = sorted(
        path.relative_to(source)
        for path in source.rglob("*")
        if path.suffix.lower() in SUFFIXES and path.is_file()
    )
    if not images:
        raise CorruptionError(f"{source} has no images ({', '.join(SUFFIXES)}).")
    names: dict[Path, Path] = {}
    for image in images:
        other = names.setdefault(image.with_suffix(".png"), image)
        if other != image:
            raise CorruptionError(
                f"{source / other} and {source / image} would both become "
                f"{image.with_suffix('.png').name}; rename one of them."
            )
    return images


def _claim(target: Path, suite: Suite, seed: int) -> None:
    """Record in `target` what its pictures are, or check that the record says the same."""
    text = json.dumps({"seed": seed, "suite": suite.describe()}, indent=2, sort_keys=True) + "\n"
    record = target / RECORD
    try:
        target.mkdir(parents=True, exist_ok=True)
        if not record.exists():
            record.write_text(text, encoding="utf-8")
        same = record.read_text(encoding="utf-8") == text
    except OSError as error:
        raise OutputError(f"{target} cannot be written: {error.strerror or error}.") from error
    if not same:
        raise OutputError(
            f"{target} holds pictures of another suite, version or seed ({RECORD}); "
            "choose another folder or delete it."
        )


Result = tuple[Path, int, str | None]


def _results(
    work: Callable[[Path], Result], images: list[Path], processes: int
) -> Iterator[Result]:
    if processes <= 1:
        yield from map(work, images)
        return
    # "spawn": a fork would copy the locks of OpenCV's threads in whatever state they are
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        try:
            for future in as_completed([pool.submit(work, image) for image in images]):
                yield future.result()
        except BrokenProcessPool as error:
            raise CorruptionError(
                "A worker was killed (out of memory?); repeat the call to continue, perhaps with "
                "fewer processes."
            ) from error


def _corrupt_file(
    image: Path, source: Path, target: Path, conditions: Conditions, seed: int
) -> Result:
    """Write the missing pictures of one image; how many, or why not."""
    path = source / image
    changed = path.stat().st_mtime
    missing = []
    for corruption, severity in conditions:
        out = target / corruption.name / str(severity) / image.with_suffix(".png")
        if not (out.is_file() and out.stat().st_mtime >= changed):
            missing.append((corruption, severity, out))
    if not missing:
        return image, 0, None
    try:
        content = path.read_bytes()
        pixels = check_images(_decode(content)[None])
    except CorruptionError as error:
        return image, 0, str(error)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        return image, 0, f"not readable as an image: {error}"
    for corruption, severity, out in missing:
        corrupted = corruption.apply(pixels, severity, [_key(seed, content)], threads=1)
        _write(corrupted[0], out)
    return image, len(missing), None


def _decode(content: bytes) -> Images:
    with Image.open(io.BytesIO(content)) as opened:
        return np.asarray(ImageOps.exif_transpose(opened).convert("RGB"), np.uint8)


def _key(seed: int, content: bytes) -> int:
    digest = hashlib.sha256(f"{seed}/".encode() + hashlib.sha256(content).digest()).digest()
    return int.from_bytes(digest[:8], "little")


def _write(pixels: Images, out: Path) -> None:
    partial_file = out.with_name(f"{out.name}.{os.getpid()}.partial")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(partial_file, format="PNG")
        partial_file.replace(out)
    except OSError as error:
        raise OutputError(f"{out} cannot be written: {error.strerror or error}.") from error
