"""The app reads photos as the benchmark does: EXIF, middle square, Pillow's Lanczos filter."""

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from odd_pictures import encoded, lossless, lossy, scene

from mimbench.app.browser import serve
from mimbench.app.folder import PAGE
from mimbench.app.selftest import either_direction_first
from mimbench.data.reading.decoding import decode

SIZES = (64, 224)
READ = """async ([encoded, size, either]) => {
  const { squareOfFile } = await import("/picture.js");
  const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
  try {
    const square = await squareOfFile(new Blob([bytes]), size, either);
    return btoa(square.reduce((text, byte) => text + String.fromCharCode(byte), ""));
  } catch (problem) {
    return { word: problem.word ?? String(problem) };
  }
}"""

Read = Callable[[bytes, int], Any]


@pytest.fixture(scope="module")
def read(browser: Any) -> Iterator[Read]:
    """Read a file in Chromium: uint8 (S, S, 3), or the word for what is wrong with it."""
    with serve(PAGE) as address:
        page = browser.new_page()
        page.goto(f"{address}words/en.json")

        def found(content: bytes, size: int) -> Any:
            encoded = base64.b64encode(content).decode()
            result = page.evaluate(READ, [encoded, size, either_direction_first()])
            if isinstance(result, dict):
                return result["word"]
            square = np.frombuffer(base64.b64decode(result), dtype=np.uint8)
            return square.reshape(3, size, size).transpose(1, 2, 0)

        yield found
        page.close()


def test_lossless_pictures_differ_by_at_most_one_level(read: Read) -> None:
    pictures = list(lossless())
    assert len(pictures) == 40
    apart = {
        f"{name} at {size}": _apart(read(content, size), content, size).max()
        for name, content in pictures
        for size in SIZES
    }
    # grey PNG files of 16 bits are rounded here, and cut by browsers
    most = {name: 2 if name.startswith("I;16") else 1 for name in apart}
    assert {name: levels for name, levels in apart.items() if levels > most[name]} == {}


def test_lossy_pictures_differ_little(read: Read) -> None:
    apart = {name: _apart(read(content, 64), content, 64).mean() for name, content in lossy()}
    assert len(apart) == 10
    assert {name: round(levels, 2) for name, levels in apart.items() if levels > 1.5} == {}


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"this is a text", "unreadable"),
        (b"", "unreadable"),
        (next(iter(lossless()))[1][:60], "unreadable"),
    ],
)
def test_what_is_no_picture_is_named(read: Read, content: bytes, word: str) -> None:
    assert read(content, 64) == word


def test_a_picture_of_one_pixel_is_too_small(read: Read) -> None:
    assert read(encoded(scene((1, 1)), "PNG"), 64) == "too_small"


def test_every_language_has_the_same_words() -> None:
    words = [
        json.loads(path.read_text(encoding="utf-8")) for path in sorted(PAGE.glob("words/*.json"))
    ]
    assert len(words) >= 2
    assert all(one.keys() == words[0].keys() for one in words)
    assert all(text.strip() for one in words for text in one.values())


def _apart(found: Any, content: bytes, size: int) -> Any:
    expected = decode(content, size).pixels.astype(int)
    assert not isinstance(found, str), found
    return np.abs(found.astype(int) - expected)
