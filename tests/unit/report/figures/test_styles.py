"""Rows are told apart by eye: with red-green blindness too, and where there are many of them."""

from itertools import combinations

import numpy as np
import pytest

from mimbench.report.figures.styles import PALETTE, detector_colour, row_styles
from mimbench.report.leaderboard.entries import Entry, Leaderboard
from mimbench.runfolder.reading import DetectorInfo

# Machado, Oliveira & Fernandes 2009, IEEE TVCG 15:1291, severity 1, on linear RGB.
SIMULATIONS = {
    "usual sight": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}
TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
TOLD_APART = 20  # CIE 1976; about ten times what is just noticed side by side


def linear(colour):
    level = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    return np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    t = TO_XYZ @ np.clip(rgb, 0, 1) / TO_XYZ.sum(1)
    x, y, z = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("sight", SIMULATIONS)
def test_any_two_colours_differ_for_every_kind_of_sight(sight):
    seen = {colour: lab(SIMULATIONS[sight] @ linear(colour)) for colour in PALETTE}
    for one, other in combinations(PALETTE, 2):
        assert np.linalg.norm(seen[one] - seen[other]) > TOLD_APART, (one, other)


def test_colours_stand_out_from_light_and_dark_paper():
    paper = [TO_XYZ[1] @ linear(colour) + 0.05 for colour in ("#ffffff", "#181b20")]
    for colour in PALETTE:
        light = TO_XYZ[1] @ linear(colour) + 0.05
        assert min(paper[0] / light, light / paper[1]) >= 3, colour


def board_of(names, controls=()):
    """A leaderboard of rows without numbers."""
    infos = [DetectorInfo(name=name, control=name in controls) for name in (*names, *controls)]
    entries = tuple(Entry(info.name, info, True, {}, {}, {}, {}) for info in infos)
    return Leaderboard(entries, (), (), None, {}, {}, "", (), (), ())


def test_a_detector_has_one_colour_in_every_run():
    names, controls = ["mim", "resnet18", "mobilenet_v3_small"], ["harmonic", "histogram"]
    whole = row_styles(board_of(names, controls), [*names, *controls])
    for kept in ([["resnet18"], []], [["autoencoder", "mobilenet_v3_small", "mim"], ["histogram"]]):
        other = row_styles(board_of(*kept), [*kept[0], *kept[1]])
        for name in {*whole} & {*other}:
            assert (
                other[name].colour
                == whole[name].colour
                == detector_colour(name, control=name in controls)
            )
    assert len({whole[name].colour for name in names}) == 3, "the shipped ones differ"


def test_detectors_beyond_the_palette_have_dashes_of_their_own():
    names = [f"detector-{k}" for k in range(2 * len(PALETTE) + 1)]
    board = board_of(names, ["control"])
    styles = row_styles(board, [*names, "control"])
    looks = [(styles[name].colour, styles[name].dashes) for name in names]
    assert len(set(looks)) == len(looks)
    assert [name for name, style in styles.items() if style.control] == ["control"]
