"""Cautions stand where results/coverage.md shows less than 94 %, and not where it shows more."""

import re
from pathlib import Path

import pytest

from mimbench.statistics.core.cautions import (
    area_cautions,
    difference_cautions,
    fpr_cautions,
    legend,
    legends,
    mark_of,
    precision_cautions,
)
from mimbench.statistics.tables.definitions import FEWEST_FOR_FPR

TABLES = Path(__file__).parents[4] / "results" / "coverage.md"


def rows(title):
    """Cells of one table of the simulation, without its head."""
    if not TABLES.is_file():
        pytest.skip("results/coverage.md is not part of this copy of the sources")
    section = TABLES.read_text().split(f"## {title}")[1].split("## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def trained(title):
    """Lines of one table of detectors trained per fold: {detector: (before, after)} in percent."""
    if not TABLES.is_file():
        pytest.skip("results/coverage.md is not part of this copy of the sources")
    section = re.split(r"^#+ .*$", TABLES.read_text().split(title)[1], flags=re.M)[0]
    head, _, *lines = [line for line in section.splitlines() if line.startswith("|")]
    names = [cell.strip() for cell in head.strip("|").split("|")]
    found = [dict(zip(names, line.strip("|").split("|"), strict=True)) for line in lines]
    assert len(found) == 8
    about = ("features", "folds", "angle")
    return [
        {
            name: tuple(map(float, re.findall(r"[\d.]+", cell)[:2]))
            for name, cell in line.items()
            if name not in about
        }
        for line in found
    ]


@pytest.mark.parametrize("title", ["against the known category", "against the unknown category"])
def test_intervals_of_detectors_trained_per_fold_cover_93_percent_or_more(title):
    lines = trained(title)
    assert min(before for line in lines for before, _ in line.values()) < 90  # what is mended
    assert min(after for line in lines for _, after in line.values()) >= 93


def test_comparisons_of_equals_trained_per_fold_reject_at_most_7_percent():
    kinds = ("discriminant", "mahalanobis", "neighbours", "nearest mean")
    for title, least in (("### Paired difference", 15), ("## Swap test of exchangeable", 50)):
        cells = [line[name] for line in trained(title) for name in kinds if name in line]
        assert max(before for before, _ in cells) > least
        assert max(after for _, after in cells) <= 7


def percent(cell):
    return float(re.match(r"[\d.]+", cell).group())


def test_every_auroc_cell_that_covers_too_little_has_its_caution():
    areas = (0.6, 0.7, 0.8, 0.9, 0.95, 0.98)
    for target, other, per_patient, _, *cells in rows("One AUROC"):
        patients = [-(-int(n) // int(per_patient)) for n in (target, other)]
        for area, cell in zip(areas, cells, strict=True):
            flagged = area_cautions([area], [patients[0]], [patients[1]])[0]
            if percent(cell) < 93.8:  # 94 less the Monte Carlo error
                assert flagged, (target, other, per_patient, area, cell)
            if area <= 0.8 and min(patients) >= 20:
                assert not flagged


def test_every_difference_that_covers_too_little_has_its_caution():
    for target, other, per_patient, area, null, _, gain, _ in rows("Paired difference"):
        fewest = min(-(-int(n) // int(per_patient)) for n in (target, other))
        for cell, higher in ((null, float(area)), (gain, float(area) + 0.05)):
            if percent(cell) < 93.8:
                assert difference_cautions([[higher]], [fewest])[0], (target, per_patient, cell)


def test_an_auroc_near_0_decides_a_difference_as_one_near_1_does():
    for areas in ([[0.02], [0.5]], [[0.5], [0.98]]):
        assert difference_cautions(areas, [20])[0]


def test_every_bootstrap_cell_that_covers_too_little_has_its_caution():
    flagged = 0
    for table in ("Patient bootstrap\n", "Patient bootstrap where"):
        for target, other, _, _, *cells in rows(table):
            n, m = int(target), int(other)
            cautions = [
                precision_cautions([n], [m]), precision_cautions([m], [n]),
                fpr_cautions([n], [m]), fpr_cautions([m], [n]),
            ]  # fmt: skip
            for k, (cell, caution) in enumerate(zip(cells, cautions, strict=True)):
                given = k < 2 or min(n, m) >= FEWEST_FOR_FPR  # else there is no interval
                if given and percent(cell) < 93.8:
                    assert caution[0], (target, other, k, cell)
                    flagged += 1
    assert flagged > 20
    assert not fpr_cautions([500], [300])[0]
    assert not precision_cautions([100], [300])[0]


def test_the_legend_says_which_range_is_of_which_number():
    said = legend([*difference_cautions([[0.98]], [20]), *area_cautions([0.98], [20], [90]), ""])
    assert "AUROC: few patients" in said
    assert said.index("91 to 94 %") < said.index("Difference: few patients")
    assert said.count("few patients") == 2


def test_what_is_unknown_has_another_mark_than_what_covers_too_little():
    (narrow,) = area_cautions([0.98], [20], [90])
    unknown = "retraining: fewer than three trainings (seeds)"
    assert [mark_of(caution) for caution in ("", narrow, unknown)] == ["", "†", "¶"]
    first, second = legend([unknown, narrow]).split(" ¶ ")
    assert first.startswith("† Read with caution: AUROC: few patients")
    assert second == "Retraining: fewer than three trainings (seeds)."
    assert legend([unknown]) == f"¶ {second}"
    assert legends([unknown, narrow]) == [first, f"¶ {second}"]


@pytest.mark.parametrize("n", [45, 300])
def test_common_cases_carry_no_caution(n):
    assert area_cautions([0.75], [n], [n])[0] == ""
    assert difference_cautions([[0.85], [0.2]], [n])[0] == ""
