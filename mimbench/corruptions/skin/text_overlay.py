"""Letters in the picture: a camera's date stamp, and MedMNIST-C's characters."""

import string

import cv2
import numpy as np
from numpy.typing import NDArray

from mimbench.corruptions.core.checks import Images
from mimbench.corruptions.core.draws import Draws, below
from mimbench.corruptions.core.kernel import Kernel, Parameter

__all__ = ["KERNELS"]

WORD_DRAWS = 8  # words, letters, size, place, colour of one word; then its letters
LONGEST_WORD = 20
STAMP_HEIGHT = 22  # pixels of a capital letter of the stamp's font at scale 1


def date_stamp(images: Images, draws: Draws, result: Images, *, height: float) -> None:
    """Date and time in a lower corner, white with a dark rim, capitals of `height`."""
    result[:] = images
    size = height * min(images.shape[1:3])
    for index, image in enumerate(result):
        numbers = below(draws.words(index, 6), 2**30)
        year, month, day = 2015 + numbers[0] % 12, 1 + numbers[1] % 12, 1 + numbers[2] % 28
        date = f"{year}-{month:02d}-{day:02d}"
        time = f"{numbers[3] % 24:02d}:{numbers[4] % 60:02d}"
        _stamp(image, f"{date} {time}", size, left=bool(numbers[5] % 2))


def _stamp(image: Images, text: str, size: float, left: bool) -> None:
    """Draw `text` at four times the size and average it down; it shrinks to fit the width."""
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, 4 * size / STAMP_HEIGHT
    height, width = image.shape[:2]
    length = _length(text, scale)
    scale *= min(1.0, 4 * 0.9 * width / length)
    length, margin = _length(text, scale), 4 * 0.04 * width
    place = (round(margin if left else 4 * width - margin - length), round(4 * 0.96 * height))
    rim, core = (np.zeros((4 * height, 4 * width), np.uint8) for _ in range(2))
    cv2.putText(rim, text, place, font, scale, 255, 3 * _stroke(scale))
    cv2.putText(core, text, place, font, scale, 255, _stroke(scale))
    for mask, colour in ((rim, 20.0), (core, 245.0)):
        small = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA)
        share = (small.astype(np.float32) / np.float32(255))[..., None]
        image[:] = np.round(image + share * (colour - image))


def _length(text: str, scale: float) -> int:
    return int(cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 3 * _stroke(scale))[0][0])


def _stroke(scale: float) -> int:
    return max(1, round(2 * scale))


def characters(
    images: Images, draws: Draws, result: Images, *, words: float, letters: float, size: float
) -> None:
    """Up to `words` random words of up to `letters` letters in random places and colours.

    Source: Di Salvo et al. 2024 (MedMNIST-C, arXiv:2406.17536); lengths in pixels of 224.
    """
    result[:] = images
    count = WORD_DRAWS + LONGEST_WORD
    for index, image in enumerate(result):
        table = draws.words(index, count * (1 + int(words))).reshape(-1, count)
        for row in table[1 : 2 + int(below(table[0, :1], int(words))[0])]:
            _write(image, row, int(letters), size)


def _write(image: Images, words: NDArray[np.uint32], most: int, size: float) -> None:
    height, width = image.shape[:2]
    length = 3 + int(below(words[:1], most - 2)[0])
    scale = 0.14 + int(below(words[1:2], round(100 * size) - 13)[0]) / 100
    x = 10 + int(below(words[2:3], max(1, width - 8 * length - 9))[0])
    y = 10 + int(below(words[3:4], max(1, height - 19))[0])
    colour = tuple(int(level) for level in below(words[4:7], 256))
    letters = below(words[WORD_DRAWS : WORD_DRAWS + length], 26)
    text = "".join(string.ascii_lowercase[letter] for letter in letters)
    cv2.putText(image, text, (x, y), cv2.FONT_HERSHEY_DUPLEX, scale, colour, 1, cv2.LINE_AA)


KERNELS = (
    Kernel(
        "date_stamp",
        date_stamp,
        {"height": Parameter(0.005, 0.5, "of a capital, relative to the shorter side")},
    ),
    Kernel(
        "characters",
        characters,
        {
            "words": Parameter(1, 50, "most words", whole=True),
            "letters": Parameter(3, LONGEST_WORD, "most letters of a word", whole=True),
            "size": Parameter(0.14, 5, "largest scale of the font"),
        },
    ),
)
