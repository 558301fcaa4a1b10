"""The static folder: the page's own files, the runtime, the model, and what says what they are."""

import gzip
import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mimbench.app.icons import icon_png, icon_svg
from mimbench.errors import OutputError, UnknownNameError

__all__ = [
    "ABOUT",
    "CARD",
    "FORMAT",
    "check_out",
    "copy_folder",
    "first_load",
    "languages",
    "seal",
    "write_files",
]

ABOUT = "app.json"
CARD = "card.html"
PAGE = Path(__file__).parent / "page"
WORKER = "sw.js"
FORMAT = "mimbench app 1"  # of app.json


def languages() -> dict[str, str]:
    """Name of each language that the page has words in, by its code."""
    found = {}
    for path in sorted((PAGE / "words").glob("*.json")):
        words = json.loads(path.read_text(encoding="utf-8"))
        found[str(words["code"])] = str(words["name"])
    return found


def check_out(out: Path, language: str) -> None:
    """Refuse a folder that holds something else than an app, and a language without words.

    Raises:
        OutputError: `out` is a file, a link, or a folder of something else.
        UnknownNameError: no such language.
    """
    if language not in languages():
        raise UnknownNameError("language", language, languages())
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise OutputError(f"{out} is no folder; choose another.")
    if out.is_dir() and any(out.iterdir()) and not _is_app(out):
        raise OutputError(f"{out} holds something else than an app; choose another folder.")


def _is_app(folder: Path) -> bool:
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(about, dict) and about.get("format") == FORMAT


def write_files(
    folder: Path,
    about: Mapping[str, Any],
    model: bytes,
    pictures: Mapping[str, bytes],
    runtime: Mapping[str, Path],
) -> None:
    """Write all but the card and the service worker into a new folder."""
    shutil.copytree(PAGE, folder, ignore=shutil.ignore_patterns(WORKER, "__pycache__"))
    (folder / "model.onnx").write_bytes(model)
    for name, content in pictures.items():
        (folder / name).write_bytes(content)
    for name, path in runtime.items():
        shutil.copyfile(path, folder / name)
    (folder / "icon.svg").write_text(icon_svg(), encoding="utf-8")
    for side in (192, 512):
        (folder / f"icon-{side}.png").write_bytes(icon_png(side))
    words = json.loads((PAGE / "words" / f"{about['language']}.json").read_text(encoding="utf-8"))
    title = str(words["title"]).format(**about["facts"])
    manifest = {
        "name": title,
        "short_name": str(about["facts"]["target"])[:12],
        "description": words["demonstration"],
        "lang": about["language"],
        "start_url": "./",
        "scope": "./",
        "display": "standalone",
        "background_color": "#ffffff",
        "theme_color": "#0b5394",
        "icons": [
            {"src": f"icon-{side}.png", "sizes": f"{side}x{side}", "type": "image/png",
             "purpose": "any maskable"}
            for side in (192, 512)
        ],
    }  # fmt: skip
    _write_json(folder / "manifest.webmanifest", manifest)
    _write_json(folder / ABOUT, about)


def seal(folder: Path) -> str:
    """Write the service worker, which names all files and their common digest.

    Returns:
        The app's version: it changes with any byte of any file.
    """
    files = _files(folder)
    digest = hashlib.sha256()
    for name in files:
        digest.update(name.encode() + b"\0" + hashlib.sha256((folder / name).read_bytes()).digest())
    version = digest.hexdigest()[:16]
    listed = ["./", *(name for name in files if name not in ("index.html", "MODEL_CARD.md"))]
    text = (PAGE / WORKER).read_text(encoding="utf-8")
    text = text.replace("@VERSION@", version).replace('"@FILES@"', json.dumps(listed, indent=2))
    (folder / WORKER).write_text(text, encoding="utf-8")
    return version


def _files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def first_load(folder: Path) -> int:
    """Bytes that a phone fetches before the page works offline, each file compressed by gzip."""
    return sum(
        len(gzip.compress((folder / name).read_bytes(), mtime=0))
        for name in _files(folder)
        if name != "MODEL_CARD.md"
    )


def copy_folder(made: Path, out: Path) -> None:
    """Copy a finished folder to `out`, over the files of an earlier app; others there stay.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        shutil.copytree(made, out, dirs_exist_ok=True, ignore=shutil.ignore_patterns(WORKER))
        shutil.copyfile(made / WORKER, out / WORKER)  # last: browsers then fetch the new files
    except (OSError, shutil.Error) as error:
        why = getattr(error, "strerror", None) or error
        raise OutputError(f"Cannot write {out}: {why}.") from error


def _write_json(path: Path, content: Any) -> None:
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")
