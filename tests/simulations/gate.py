"""How often the gate raises false alarms, and what it can see: `python -m tests.simulations.gate`.

Two models with three seeds each score the same images; the family is one clean and one corrupted
AUROC per row, as in the default gate. Scores are normal, so every true drop is known. All runs of a
cell are computed at once. Writes `results/gate.md`.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from mimbench.statistics.core.influence import Influence
from mimbench.statistics.ranking.placement import placement_values
from mimbench.statistics.run.retraining import Trainings
from mimbench.statistics.run.uncertainty import Measured

Array = NDArray[np.float64]
MARGIN, ALPHA, ICC, BATCH = 0.01, 0.05, 0.3, 500
OTHER = 120  # images of other categories


LARGE = """Eight rows (16 tests) that retraining moves as much as it moves rows of our runs: the
AUROC of one training has a standard deviation of 0.04 to 0.13. Pairing 0.5, 2 images per patient.
"""


@dataclass(frozen=True)
class Design:
    """What a gate is run on.

    Attributes:
        n: target images.
        per_patient: images of each patient, on both sides.
        auroc: of the reference.
        drop: what the candidate lost, in every test.
        pairing: correlation of the two models' scores of one image.
        retraining: standard deviation of the AUROC from seed to seed.
        rows: gated rows, two tests each.
        seeds: trainings of each model.
    """

    n: int
    per_patient: int
    auroc: float
    drop: float
    pairing: float
    retraining: float
    rows: int = 1
    seeds: int = 3


@numba.njit
def placements(target: Array, other: Array) -> tuple[Array, Array, Array]:
    """AUROC (R,), and placement values of the target (R, n) and other images (R, m)."""
    runs, starts = len(target), np.array([0, other.shape[1]])
    area = np.empty(runs)
    of_target, of_other = np.empty(target.shape), np.empty(other.shape)
    for run in range(runs):
        own, first, second = placement_values(target[run], other[run], starts)
        area[run], of_target[run], of_other[run] = own[0], first[0], second
    return area, of_target, of_other


def patients(placement: Array, per_patient: int) -> Array:
    """Influence of each patient (R, P), as in `Cells`."""
    count = placement.shape[1] // per_patient
    centred = placement - placement.mean(1, keepdims=True)
    sums = centred.reshape(len(placement), count, per_patient).sum(2)
    return sums / placement.shape[1] * np.sqrt(count / (count - 1))


def scores(
    design: Design, runs: int, rng: np.random.Generator, count: int
) -> Iterator[NDArray[np.float32]]:
    """Scores (R, images) of each test, model and seed before the shift, in that order.

    An image's part shared by the models makes their correlation; seeds of one model share all but
    a small part of their own.
    """

    def normal(size: int) -> NDArray[np.float32]:
        return rng.standard_normal((runs, size), dtype=np.float32)

    who = np.arange(count) // design.per_patient
    half, rest = np.float32(np.sqrt(design.pairing)), np.float32(np.sqrt(1 - design.pairing))
    person, image = np.float32(np.sqrt(ICC)), np.float32(np.sqrt(1 - ICC))
    shared = half * (person * normal(who.max() + 1)[:, who] + image * normal(count))
    fixed, free = rest * np.float32(np.sqrt(0.9)), rest * np.float32(np.sqrt(0.1))
    for _ in range(2 * design.rows):
        for _ in range(2):
            own = shared + fixed * normal(count)
            for _ in range(design.seeds):
                yield own + free * normal(count)


def alarms(design: Design, runs: int, rng: np.random.Generator) -> str:
    """Percent of runs with any regression: where Holm's first step rejects."""
    smallest = np.concatenate(
        [_family(design, min(BATCH, runs - start), rng) for start in range(0, runs, BATCH)]
    )
    return f"{100 * np.mean(smallest < ALPHA):.1f}"


def _family(design: Design, runs: int, rng: np.random.Generator) -> Array:
    """(R,) smallest adjusted p-value of the family."""
    drawn = scores(design, runs, rng, design.n + OTHER)
    tests = 2 * design.rows
    p = [_drop(design, runs, rng, drawn).difference_p_above(MARGIN) for _ in range(tests)]
    return np.min(p, axis=0) * tests


def _drop(
    design: Design, runs: int, rng: np.random.Generator, drawn: Iterator[NDArray[np.float32]]
) -> Measured:
    """One test of all runs at once: the drop of each is one number, as the gate measures it."""
    models = []
    for truth in (design.auroc, design.auroc - design.drop):
        # seeds move the AUROC by a normal amount around the truth
        means = truth + design.retraining * rng.normal(size=(runs, design.seeds))
        shift = np.sqrt(2) * norm.ppf(np.clip(means, 0.01, 0.995))
        aurocs, sides = [], []
        for seed in range(design.seeds):
            values = next(drawn).astype(np.float64)
            other = values[:, design.n :] + shift[:, seed, None]
            area, *placed = placements(values[:, : design.n], other)
            aurocs.append(area)
            sides.append([patients(own, design.per_patient) for own in placed])
        models.append(_model(str(truth), np.stack(aurocs), sides))
    return models[0].minus(models[1], alike=True)


def _model(name: str, aurocs: Array, sides: list[list[Array]]) -> Measured:
    """The mean AUROC (R,) of one model's trainings; `aurocs` is (seeds, R)."""
    target, other = (np.mean([pair[k] for pair in sides], axis=0) for k in (0, 1))
    shares = [np.full(side.shape, 1 / side.shape[1]) for side in (target, other)]
    nobody = [np.zeros(side.shape) for side in (target, other)]
    influence = Influence(
        value=aurocs.mean(0),
        id=np.hstack([target, nobody[1]]),
        ood=np.hstack([nobody[0], other]),
        bound=np.hstack(nobody),
        id_share=np.hstack([shares[0], nobody[1]]),
        ood_share=np.hstack([nobody[0], shares[1]]),
        reasons=("",) * aurocs.shape[1],
    )
    seeds = np.arange(len(aurocs))
    ids = tuple(f"{name} {seed}" for seed in seeds)
    return Measured(influence, (Trainings(ids, 0 * seeds, 0 * seeds, seeds, aurocs),))


def table(head: list[str], rows: Iterator[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def sections(runs: int, rng: np.random.Generator) -> Iterator[str]:
    areas = (0.7, 0.8, 0.9, 0.95)
    yield "## False alarms: percent of gates with any regression when every drop is the margin\n"
    yield "One row (two tests), 48 target images and 120 others.\n"
    yield table(
        ["pairing", "per patient", "retraining sd", *(f"AUROC {area}" for area in areas)],
        (
            [str(rho), str(k), str(sd),
             *(alarms(Design(48, k, area, MARGIN, rho, sd), runs, rng) for area in areas)]
            for rho in (0.3, 0.5, 0.8) for k in (1, 2, 4) for sd in (0.0, 0.01, 0.02)
        ),
    )  # fmt: skip
    yield "Larger families, AUROC 0.8, retraining sd 0.01, 2 images per patient.\n"
    yield table(
        ["pairing", "1 row", "4 rows"],
        (
            [str(rho), *(alarms(Design(48, 2, 0.8, MARGIN, rho, 0.01, rows), runs, rng)
                         for rows in (1, 4))]
            for rho in (0.3, 0.5, 0.8)
        ),
    )  # fmt: skip
    yield LARGE
    spreads = (0.04, 0.08, 0.13)
    yield table(
        ["seeds", "AUROC", *(f"retraining sd {sd}" for sd in spreads)],
        (
            [str(seeds), str(area),
             *(alarms(Design(48, 2, area, MARGIN, 0.5, sd, 8, seeds), runs, rng) for sd in spreads)]
            for seeds in (3, 5) for area in (0.6, 0.7)
        ),
    )  # fmt: skip
    drops = (0.02, 0.03, 0.05, 0.1)
    yield "## What the gate sees: percent of gates with a regression, by the true drop\n"
    yield "One row, AUROC 0.85, one image per patient, 120 other images.\n"
    yield table(
        ["target images", "pairing", "retraining sd", *(f"drop {drop}" for drop in drops)],
        (
            [str(n), str(rho), str(sd),
             *(alarms(Design(n, 1, 0.85, drop, rho, sd), runs, rng) for drop in drops)]
            for n in (20, 48, 100, 200) for rho, sd in ((0.5, 0.01), (0.8, 0.0), (0.8, 0.01))
        ),
    )  # fmt: skip


INTRODUCTION = """# The gate, simulated

{runs} gates per cell, margin {margin}, family-wise level {alpha:.0%}, three seeds of each model.
The Monte Carlo error of a cell near 5 is {error:.1f} points. Pairing is the correlation of the two
models' scores of an image; images of a patient share 30 % of what the models share. Command:

    python -m tests.simulations.gate --runs {runs} --seed {seed}

"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("results/gate.md"))
    options = parser.parse_args()
    error = 100 * np.sqrt(ALPHA * (1 - ALPHA) / options.runs)
    text = INTRODUCTION.format(
        runs=options.runs, margin=MARGIN, alpha=ALPHA, error=error, seed=options.seed
    )
    for part in sections(options.runs, np.random.default_rng(options.seed)):
        text += part + "\n"
    options.out.write_text(text)


if __name__ == "__main__":
    main()
