"""How often a recipe differs from itself: `python -m tests.simulations.retraining`.

Two sets of trainings of one recipe are compared as any two rows are. A test at 5 % should call them
different in 5 % of cases. Simulated: the patients' part and the trainings' part of an AUROC are
normal, and the true difference is none. Measured: the committed runs, their seeds against each
other. Writes `results/retraining.md`.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mimbench.scores.reading import read_tables
from mimbench.scores.tables import RunTables
from mimbench.statistics.core.influence import Influence
from mimbench.statistics.run.comparisons import Quantity, RunAurocs
from mimbench.statistics.run.retraining import Trainings
from mimbench.statistics.run.uncertainty import Measured

Array = NDArray[np.float64]
PATIENTS, SPREAD = 55, 0.03  # of the paired difference, as on the photos of results/
RUNS = ("msld-skin18", "phantom-panel")


@dataclass(frozen=True)
class Design:
    """What is compared with itself.

    Attributes:
        folds, seeds: of each side.
        sd: standard deviation of the AUROC of one training.
        shared: share of that variance that a seed gives to all folds alike.
        alike: whether the sides pool their spread, as two runs of one recipe do in the gate.
    """

    folds: int
    seeds: int
    sd: float
    shared: float = 0.0
    alike: bool = False


def self_difference(design: Design, runs: int, rng: np.random.Generator) -> Measured:
    """(R,) differences of a recipe from itself."""
    sides = [_side(name, design, runs, rng) for name in ("first", "second")]
    noise = SPREAD * np.sqrt(PATIENTS) * rng.normal(size=(runs, PATIENTS))
    each = (noise - noise.mean(1, keepdims=True)) / np.sqrt(PATIENTS * (PATIENTS - 1))
    both = [_influence(noise.mean(1), each), _influence(np.zeros(runs), np.zeros_like(each))]
    first, second = (
        Measured(_moved(influence, own.values.mean(0)), (own,))
        for influence, own in zip(both, sides, strict=True)
    )
    return first.minus(second, alike=design.alike)


def _side(name: str, design: Design, runs: int, rng: np.random.Generator) -> Trainings:
    folds, seeds = (grid.ravel() for grid in np.meshgrid(range(design.folds), range(design.seeds)))
    by_seed = rng.normal(size=(design.seeds, runs))[seeds]
    own = rng.normal(size=(len(seeds), runs))
    values = design.sd * (np.sqrt(design.shared) * by_seed + np.sqrt(1 - design.shared) * own)
    by_fold = 0.1 * rng.normal(size=(design.folds, 1))[folds]  # what folds differ in is no noise
    values = values + by_fold - by_fold.mean()
    ids = tuple(f"{name} {fold} {seed}" for fold, seed in zip(folds, seeds, strict=True))
    return Trainings(ids, np.zeros(len(seeds), dtype=np.int64), folds, seeds, values)


def _influence(value: Array, each: Array) -> Influence:
    nobody, share = np.zeros_like(each), np.full_like(each, 1 / each.shape[1])
    return Influence(value, each, nobody, nobody, share, nobody, ("",) * len(value))


def _moved(influence: Influence, by: Array) -> Influence:
    return Influence(**{**vars(influence), "value": influence.value + by})


def rejected(design: Design, runs: int, rng: np.random.Generator, level: float = 0.05) -> float:
    """Percent of differences with p below the level."""
    return 100 * float(np.mean(self_difference(design, runs, rng).difference_p() < level))


@dataclass(frozen=True)
class Measurement:
    """Self-comparisons of the scores of a run, group by group.

    Attributes:
        single: p-values of one seed against another; NaN: nothing is said.
        one_of_three: p-values of one seed against the two others.
        patients_alone: p-values of one seed against another as if nothing were retrained.
    """

    single: Array
    one_of_three: Array
    patients_alone: Array


def measured(tables: RunTables) -> Measurement:
    """Compare the seeds of every trained row of a run, on every group of images."""
    seeds = tables.fits["seed"].fillna(-1).to_numpy(dtype=np.int64)
    names = [int(seed) for seed in np.unique(seeds) if seed >= 0]
    own = {seed: RunAurocs(tables, fits=tables.main_fits & (seeds == seed)) for seed in names}
    others = {
        seed: RunAurocs(tables, fits=tables.main_fits & (seeds != seed) & (seeds >= 0))
        for seed in names
    }
    single, three, alone = [], [], []
    for row in own[names[0]].rows:
        for role, relation in own[names[0]].groups():
            asked = Quantity(row, role=role, relation=relation)
            each = {seed: run.measured(asked) for seed, run in own.items()}
            if np.isnan(each[names[0]].value[0]):
                continue
            for one, other in combinations(names, 2):
                difference = each[one].minus(each[other], alike=True)
                single.append(difference.difference_p()[0])
                alone.append(Measured(difference.patients).difference_p()[0])
            for seed in names:
                rest = others[seed].measured(asked)
                three.append(each[seed].minus(rest, alike=True).difference_p()[0])
    return Measurement(np.asarray(single), np.asarray(three), np.asarray(alone))


def table(head: list[str], rows: Iterator[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def sections(runs: int, rng: np.random.Generator, results: Path) -> Iterator[str]:
    spreads = (0.02, 0.04, 0.08, 0.13)
    yield "## Simulated: percent of comparisons with p < 0.05\n"
    yield table(
        ["folds × seeds", "a seed moves all folds alike", "spread",
         *(f"retraining sd {sd}" for sd in spreads)],
        (
            [f"{folds} × {seeds}", f"{shared:.0%}", "pooled" if alike else "of each side",
             *(f"{rejected(Design(folds, seeds, sd, shared, alike), runs, rng):.1f}"
               for sd in spreads)]
            for folds, seeds, shared in ((1, 3, 0), (1, 5, 0), (5, 2, 0), (5, 3, 0), (5, 3, 0.3),
                                         (5, 3, 1))
            for alike in (False, True)
        ),
    )  # fmt: skip
    yield "## Simulated: percent with p < 0.0031, a sixteenth of 0.05, as in a family of sixteen\n"
    yield table(
        ["folds × seeds", "spread", *(f"retraining sd {sd}" for sd in spreads)],
        (
            [f"{folds} × {seeds}", "pooled" if alike else "of each side",
             *(f"{rejected(Design(folds, seeds, sd, 0, alike), runs, rng, 0.05 / 16):.2f}"
               for sd in spreads)]
            for folds, seeds in ((1, 3), (1, 5), (5, 3)) for alike in (False, True)
        ),
    )  # fmt: skip
    yield "## Measured: seeds of one recipe against each other\n"
    yield "Every trained row, on every group of images. Percent with p < 0.05.\n"
    yield table(
        ["run", "one seed against one, patients alone", "the same with retraining",
         "one seed against two, with retraining"],
        (_line(name, measured(read_tables(results / name))) for name in RUNS),
    )  # fmt: skip


def _line(name: str, found: Measurement) -> list[str]:
    return [name, *map(_share, (found.patients_alone, found.single, found.one_of_three))]


def _share(p: Array) -> str:
    known = p[~np.isnan(p)]
    if not known.size:
        return f"unknown in all {p.size}: too few trainings"
    return f"{100 * np.mean(known < 0.05):.1f} of {known.size}"


INTRODUCTION = """# A recipe against itself

Two sets of trainings of one recipe are compared as any two rows are, {runs} times per cell. Nothing
differs, so 5 of 100 tests at a level of 0.05 may say that something does. The paired difference has
a standard deviation of {spread} over {patients} patients. The Monte Carlo error of a cell near 5 is
{error:.1f} points. Command:

    python -m tests.simulations.retraining --runs {runs} --seed {seed}

"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, default=Path("results"))
    options = parser.parse_args()
    text = INTRODUCTION.format(
        runs=options.runs,
        spread=SPREAD,
        patients=PATIENTS,
        error=100 * np.sqrt(0.05 * 0.95 / options.runs),
        seed=options.seed,
    )
    for part in sections(options.runs, np.random.default_rng(options.seed), options.results):
        text += part + "\n"
    (options.results / "retraining.md").write_text(text)


if __name__ == "__main__":
    main()
