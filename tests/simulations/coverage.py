"""How often the intervals hold the truth: `python -m tests.simulations.coverage`.

Scores are normal, so every true value is known. Images of a patient share half of their variance.
Writes `results/coverage.md`.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from mimbench.statistics.core.bootstrap import METRICS, Resamples, bootstrap_interval
from mimbench.statistics.core.influence import Influence, combine
from mimbench.statistics.core.intervals import (
    difference_interval,
    difference_p_above,
    logit_interval,
)
from mimbench.statistics.run.clustered_auroc import Cells, share_influence
from tests.simulations import trained

Array = NDArray[np.float64]
ICC = 0.5
GRID = 0.5  # scores with ties are rounded to multiples of this


@dataclass(frozen=True)
class Design:
    """n target images and m others, `per_patient` images each, shifted so that AUROC = `area`."""

    n: int
    m: int
    per_patient: int
    area: float
    ties: bool = False

    @property
    def shift(self) -> float:
        return float(np.sqrt(2) * norm.ppf(self.area))

    @property
    def truth(self) -> float:
        """The AUROC after rounding."""
        if not self.ties:
            return self.area
        grid = np.arange(-12, 16, GRID)
        low, high = grid - GRID / 2, grid + GRID / 2
        target = norm.cdf(high) - norm.cdf(low)
        above = (norm.sf(low - self.shift) + norm.sf(high - self.shift)) / 2
        return float(target @ above)

    def patients(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        own = np.arange(self.n) // self.per_patient
        return own, own.max() + 1 + np.arange(self.m) // self.per_patient

    def scores(self, runs: int, rng: np.random.Generator, rows: int = 1) -> Array:
        """(runs, rows, n + m): rows share the patients' part and half of the rest."""
        who = np.concatenate(self.patients())
        person = rng.normal(size=(runs, 1, who.max() + 1))[:, :, who]
        image = rng.normal(size=(runs, 1, who.size))
        own = rng.normal(size=(runs, rows, who.size))
        rest = image if rows == 1 else np.sqrt(0.5) * (image + own)
        scores = np.sqrt(ICC) * person + np.sqrt(1 - ICC) * rest
        scores[:, :, self.n :] += self.shift
        return np.round(scores / GRID) * GRID if self.ties else scores


def summaries(influences: Iterator[Influence]) -> tuple[Array, ...]:
    """Value, variance, degrees of freedom and numbers of patients of each run."""
    found = [(i.value[0], i.variance[0], i.df[0], *(n[0] for n in i.patients)) for i in influences]
    return tuple(np.asarray(column, float) for column in zip(*found, strict=True))


def covered(ends: tuple[Array, Array], truth: float) -> str:
    low, high = ends
    inside = np.mean((low <= truth) & (truth <= high))
    return f"{100 * inside:.1f} ({np.mean(high - low):.3f})"


def auroc_cell(design: Design, runs: int, rng: np.random.Generator) -> str:
    cells = Cells(*design.patients())
    scores = design.scores(runs, rng)[:, 0]
    found = summaries(cells.influence(s[: design.n], s[design.n :]) for s in scores)
    return covered(logit_interval(*found), design.truth)


def difference_cell(design: Design, gain: float, runs: int, rng: np.random.Generator) -> list[str]:
    """Two rows on the same images, the second better by `gain`: coverage and rejections."""
    better = Design(design.n, design.m, design.per_patient, design.area + gain)
    cells = Cells(*design.patients())
    scores = design.scores(runs, rng, rows=2)
    scores[:, 1, design.n :] += better.shift - design.shift
    value, variance, df, n_id, n_ood = summaries(
        combine([cells.influence(s[: design.n], s[design.n :]) for s in pair], [-1, 1])
        for pair in scores
    )
    few = np.minimum(n_id, n_ood)
    rejected = np.mean(2 * difference_p_above(np.abs(value), variance, df, few, 0.0) < 0.05)
    return [covered(difference_interval(value, variance, df, few), gain), f"{100 * rejected:.1f}"]


def mean_cell(
    n: int, per_patient: int, area: float, categories: int, folds: int, runs: int,
    rng: np.random.Generator,
) -> str:  # fmt: skip
    """Mean over categories of 19 images and over folds, each with a fit that adds its own noise."""
    design = Design(n, 19 * categories, per_patient, area)
    px, py = design.patients()
    starts = 19 * np.arange(categories + 1)
    parts = [np.flatnonzero(px % folds == fold) for fold in range(folds)]
    cells = [Cells(px[part], py, starts, py.max() + 1) for part in parts]
    mean = np.full((1, categories), 1 / categories)
    noise = 0.5

    def run(scores: Array) -> Influence:
        scores = scores * np.sqrt(1 + noise**2)  # keeps the AUROC in spite of the fits' noise
        means = []
        for own, part in zip(cells, parts, strict=True):
            fitted = scores + noise * rng.normal(size=scores.size)
            means.append(own.influence(fitted[part], fitted[n:]).mix(mean))
        return combine(means, [1 / folds] * folds)

    truth = norm.cdf(design.shift * np.sqrt(1 + noise**2) / np.sqrt(2 * (1 + 2 * noise**2)))
    found = summaries(run(s) for s in design.scores(runs, rng)[:, 0])
    return covered(logit_interval(*found), float(truth))


def share_cell(n: int, per_patient: int, share: float, runs: int, rng: np.random.Generator) -> str:
    """Sensitivity at a fixed threshold that this share of target images stays below."""
    design = Design(n, 1, per_patient, 0.5)
    patients = design.patients()[0]
    flags = design.scores(runs, rng)[:, 0, :n] <= norm.ppf(share)
    total = patients.max() + 1
    found = summaries(share_influence(own, patients, [0, n], total) for own in flags)
    return covered(logit_interval(*found), share)


def population(design: Design) -> dict[str, float]:
    """True values of the other metrics at the design's share of OOD images."""
    shift, grid = design.shift, np.linspace(-12, 16, 400_001)
    flagged, flagged_id = norm.sf(grid - shift), norm.sf(grid)
    share = design.m / (design.n + design.m)
    with np.errstate(invalid="ignore"):
        out = share * flagged / (share * flagged + (1 - share) * flagged_id)
        inside = (1 - share) * (1 - flagged_id)
        into = inside / (inside + share * (1 - flagged))
    density, density_id = norm.pdf(grid - shift), norm.pdf(grid)
    return {
        "aupr_in": float(np.trapezoid(np.nan_to_num(into) * density_id, grid)),
        "aupr_out": float(np.trapezoid(np.nan_to_num(out) * density, grid)),
        "fpr95_target": float(norm.cdf(norm.ppf(0.95) - shift)),
        "fpr95_ood": float(norm.sf(norm.ppf(0.05) + shift)),
    }


def bootstrap_cell(design: Design, runs: int, rng: np.random.Generator) -> list[str]:
    px, py = design.patients()
    category = np.repeat(["target", "other"], [design.n, design.m])
    resamples = Resamples(np.concatenate([px, py]), category, 1000, rng)
    few = min(len(np.unique(px)), len(np.unique(py)))
    ends = []
    for scores in design.scores(runs, rng)[:, 0]:
        # all but the detection error, which has no interval
        measured = resamples.metrics(
            scores[: design.n], np.arange(design.n), scores[design.n :],
            design.n + np.arange(design.m),
        )[0, :5]  # fmt: skip
        ends.append(bootstrap_interval(measured[:, 0], measured[:, 1:], few))
    low, high = np.asarray(ends).transpose(1, 2, 0)
    truth = population(design)
    return [covered((low[METRICS.index(name)], high[METRICS.index(name)]), truth[name])
            for name in truth]  # fmt: skip


def bootstrap_table(sizes: tuple[tuple[int, int], ...], runs: int, rng: np.random.Generator) -> str:
    return table(
        ["target", "other", "per patient", "AUROC", *METRICS[1:5]],
        (
            [str(n), str(m), str(k), str(a), *bootstrap_cell(Design(n, m, k, a), runs, rng)]
            for n, m in sizes for k in (1, 3) for a in (0.7, 0.9)
        ),
    )  # fmt: skip


def table(head: list[str], rows: Iterator[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def sections(runs: int, trained_runs: int, rng: np.random.Generator) -> Iterator[str]:
    areas = (0.6, 0.7, 0.8, 0.9, 0.95, 0.98)
    sizes = ((10, 10), (10, 300), (20, 20), (20, 300), (45, 20), (45, 300), (100, 20), (100, 300),
             (500, 20), (500, 300))  # fmt: skip

    yield "## One AUROC\n"
    yield table(
        ["target", "other", "per patient", "ties", *map(str, areas)],
        (
            [str(n), str(m), str(k), "yes" if ties else "",
             *(auroc_cell(Design(n, m, k, a, ties), runs, rng) for a in areas)]
            for n, m in sizes for k, ties in ((1, False), (1, True), (2, False), (4, False))
        ),
    )  # fmt: skip
    yield "## Mean over categories of 19 images, and over 3 folds\n"
    yield table(
        ["target", "per patient", "categories", *map(str, areas)],
        (
            [str(n), str(k), str(c), *(mean_cell(n, k, a, c, 3, runs, rng) for a in areas)]
            for n in (30, 100) for k in (1, 2) for c in (3, 18)
        ),
    )  # fmt: skip
    yield "## Paired difference of two rows (truth 0 / .05), and how often p < .05\n"
    yield table(
        ["target", "other", "per patient", "AUROC", "0", "p < .05", "+.05", "p < .05"],
        (
            [str(n), str(m), str(k), str(a), *difference_cell(Design(n, m, k, a), 0.0, runs, rng),
             *difference_cell(Design(n, m, k, a), 0.05, runs, rng)]
            for n, m in ((10, 300), (20, 20), (45, 20), (45, 300), (100, 300), (500, 300))
            for k in (1, 4) for a in (0.6, 0.8, 0.9)
        ),
    )  # fmt: skip
    shares = (0.5, 0.8, 0.95)
    yield "## Share of images, e.g. sensitivity\n"
    yield table(
        ["images", "per patient", *map(str, shares)],
        (
            [str(n), str(k), *(share_cell(n, k, share, runs, rng) for share in shares)]
            for n in (10, 20, 45, 100, 500)
            for k in (1, 2, 4)
        ),
    )
    yield "## Patient bootstrap\n"
    yield bootstrap_table(((20, 300), (45, 20), (45, 300), (100, 300)), runs, rng)
    yield "## Patient bootstrap where FPR gets an interval\n"
    yield bootstrap_table(((60, 300), (100, 100), (200, 300), (500, 300)), runs, rng.spawn(1)[0])
    yield from trained.sections(trained_runs, rng.spawn(1)[0])


INTRODUCTION = """# Coverage of the intervals

Percent of {runs} simulated data sets whose 95 % interval holds the true value; mean width in
parentheses. The Monte Carlo error of a cell is {error:.1f} points. Command:

    python -m tests.simulations.coverage --runs {runs} --trained-runs {trained_runs} --seed {seed}

"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5000)
    parser.add_argument("--trained-runs", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("results/coverage.md"))
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    error = 100 * np.sqrt(0.95 * 0.05 / options.runs)
    text = INTRODUCTION.format(**vars(options), error=error)
    for part in sections(options.runs, options.trained_runs, rng):
        text += part + "\n"
        options.out.write_text(text)


if __name__ == "__main__":
    main()
