"""Coverage where detectors are really trained per fold: sections of `tests.simulations.coverage`.

Patients have one to three images of normal features; images of a patient share half of their
variance. Each fold trains its own detector on other patients, with a fifth of them held out, and
what is measured goes through the tables of a run. The truth is what the training procedure reaches
at that size: the mean over all simulated runs, since no run tests on what it trained on.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mimbench.scores.splits import split_column
from mimbench.scores.tables import FIT_COLUMNS, RunTables
from mimbench.statistics.run.comparisons import Quantity, RunAurocs
from mimbench.statistics.run.uncertainty import Measured

Array = NDArray[np.float64]
Score = Callable[[Array], Array]
ICC = 0.5
TARGET, OTHERS, UNKNOWN = 55, 106, 100  # patients
SHARE = 0.2  # of the patients that are not tested, held out


def discriminant(target: Array, known: Array) -> Score:
    """Fisher's linear discriminant of target and known images."""
    means = target.mean(0), known.mean(0)
    rest = np.concatenate([target - means[0], known - means[1]])
    within = rest.T @ rest / len(rest) + 0.05 * np.eye(rest.shape[1])
    direction = np.linalg.solve(within, means[1] - means[0])
    return lambda images: images @ direction


def mahalanobis(target: Array, known: Array) -> Score:
    """Mahalanobis distance to the target."""
    del known
    centre = target.mean(0)
    inverse = np.linalg.inv(np.cov(target.T) + 0.05 * np.eye(target.shape[1]))
    return lambda images: np.einsum("nd,de,ne->n", images - centre, inverse, images - centre)


def neighbours(target: Array, known: Array) -> Score:
    """Distance to the fifth nearest target image."""
    del known
    square = (target**2).sum(1)

    def score(images: Array) -> Array:
        squared = (images**2).sum(1)[:, None] + square - 2 * images @ target.T
        return np.asarray(np.partition(squared, 4, axis=1)[:, 4])

    return score


def nearest_mean(target: Array, known: Array) -> Score:
    """Distance to the target's mean."""
    del known
    centre = target.mean(0)
    return lambda images: np.asarray(((images - centre) ** 2).sum(1))


def mostly_fixed(target: Array, known: Array) -> Score:
    """A fixed direction, to which training adds little: as raw errors depend on complexity."""
    del known
    centre = target.mean(0)
    return lambda images: np.asarray(images[:, 0] + 0.02 * ((images - centre) ** 2).sum(1))


def fixed(target: Array, known: Array) -> Score:
    """A fixed direction that nothing is trained for: a control."""
    del target, known
    return lambda images: np.asarray(images[:, 0])


DETECTORS: Mapping[str, Callable[[Array, Array], Score]] = {
    "discriminant": discriminant,
    "mahalanobis": mahalanobis,
    "neighbours": neighbours,
    "nearest mean": nearest_mean,
    "mostly fixed": mostly_fixed,
    "fixed": fixed,
}
UNTRAINED = ("fixed",)


@dataclass(frozen=True)
class Setting:
    """A simulated study.

    Attributes:
        features: number of features.
        folds: K.
        shift: of the known categories, along one feature.
        angle: between the unknown categories' shift and that of the known ones, degrees.
    """

    features: int
    folds: int
    shift: float
    angle: float

    def run(self, rng: np.random.Generator) -> RunTables:
        """Tables of one run; the rows "... b" see other features of the same images."""
        turn = np.radians(self.angle)
        places = {
            "target": ("target", TARGET, (0.0, 0.0)),
            "swap": ("known", TARGET, (0.0, 0.0)),
            "other": ("known", OTHERS, (self.shift, 0.0)),
            "unknown": ("unknown", UNKNOWN, (self.shift * np.cos(turn), self.shift * np.sin(turn))),
        }
        images, features = [], []
        for category, (role, count, (along, across)) in places.items():
            who = np.repeat(np.arange(count), rng.integers(1, 4, count))
            person = rng.normal(size=(count, 2, self.features))[who]
            own = rng.normal(size=(who.size, 2, self.features))
            values = np.sqrt(ICC) * person + np.sqrt(1 - ICC) * own
            values[:, :, 0] += along
            values[:, :, 1] += across
            features.append(values)
            images.append(_images(category, role, who, self.folds, rng))
        table = pd.concat(images, ignore_index=True)
        table["image_id"] = [f"i{number}" for number in range(len(table))]
        return _tables(table, np.concatenate(features), self.folds)


def _images(
    category: str, role: str, who: NDArray[np.int64], folds: int, rng: np.random.Generator
) -> pd.DataFrame:
    table = pd.DataFrame({"category": category, "role": role, "patient": who.astype(str)})
    table["patient"] = category + table["patient"]
    count = who.max() + 1
    fold_of = rng.permutation(count) % folds
    for fold in range(folds):
        part = np.where(fold_of == fold, "test", "train").astype(object)
        rest = np.flatnonzero(fold_of != fold)
        part[rng.permutation(rest)[: round(SHARE * rest.size)]] = "validation"
        table[split_column(fold)] = "test" if role == "unknown" else part[who]
    return table.assign(dataset="", path="", source="clinic")


def _tables(images: pd.DataFrame, features: Array, folds: int) -> RunTables:
    category, names = images["category"].to_numpy(), images["image_id"].to_numpy()
    parts = [images[split_column(fold)].to_numpy() for fold in range(folds)]
    fits, tested, values = [], [], []
    for name in DETECTORS:
        for letter, sight in zip("ab", features.transpose(1, 0, 2), strict=True):
            for fitted_on, fold in _fits(name, letter, folds):
                part = parts[max(fold, 0)]
                seen = part == "train"
                score = DETECTORS[name](
                    sight[seen & (category == fitted_on)], sight[seen & (category == "other")]
                )
                tested.append(np.flatnonzero((part == "test") | (fold < 0)))
                values.append(score(sight[tested[-1]]))
                fits.append((f"{len(fits)}", f"{name} {letter}", fitted_on, fold))
    table = pd.DataFrame(fits, columns=["fit_id", "detector", "fitted_on", "fold"]).assign(
        seed=None, control=False, family="one-class", input_size=64, status="ok", reason="",
        recipe_hash="", state_hash="", seconds=0.0, versions="{}", withheld="", study="",
    )  # fmt: skip
    table["fold"] = table["fold"].where(table["fold"] >= 0)
    sizes = [own.size for own in tested]
    scores = pd.DataFrame(
        {
            "fit_id": np.repeat(table["fit_id"].to_numpy(), sizes),
            "score": np.repeat(table["detector"].to_numpy(), sizes),
            "image_id": names[np.concatenate(tested)],
            "value": np.concatenate(values),
            "corruption": "clean",
            "severity": 0,
        }
    )
    return RunTables(scores, table.astype(FIT_COLUMNS), images)


def _fits(name: str, letter: str, folds: int) -> list[tuple[str, int]]:
    """What each fit is fitted on, and its fold."""
    if name in UNTRAINED:
        return [("nothing", -1)]
    swapped = (
        letter == "a" and name != "discriminant"
    )  # the swap test is one of one-class detectors
    return [(own, fold) for own in ("target", "swap")[: 1 + swapped] for fold in range(folds)]


@dataclass(frozen=True)
class Intervals:
    """Intervals of one number in all runs: (runs,) each, and those of the tested patients alone."""

    value: Array
    low: Array
    high: Array
    tested_low: Array
    tested_high: Array

    def covering(self) -> str:
        """Percent that hold the mean over the runs: tested patients alone, all, mean width."""
        truth = float(self.value.mean())
        return self._text(*(100 - share for share in self._missing(truth)))

    def rejecting(self) -> str:
        """Percent that do not hold 0: tested patients alone, all, mean width."""
        return self._text(*self._missing(0.0))

    def _missing(self, truth: float) -> tuple[float, float]:
        ends = (self.tested_low, self.tested_high), (self.low, self.high)
        alone, all_ = (100 * np.mean((low > truth) | (high < truth)) for low, high in ends)
        return float(alone), float(all_)

    def _text(self, alone: float, all_: float) -> str:
        return f"{alone:.1f} → {all_:.1f} ({np.mean(self.high - self.low):.3f})"


def measured(tables: RunTables) -> dict[tuple[str, str], tuple[float, ...]]:
    """Every number of interest of one run, by what it is and detector."""
    aurocs, found = RunAurocs(tables), {}
    swapped = RunAurocs(tables, fits=(tables.fits["fitted_on"] == "swap").to_numpy())
    for name in DETECTORS:
        known, unknown, second = (
            aurocs.measured(Quantity(f"{name} {letter}", role, "same-source", category))
            for letter, role, category in (
                ("a", "known", "other"), ("a", "unknown", ""), ("b", "unknown", "")
            )
        )  # fmt: skip
        found["known", name] = known, Measured.area_interval
        found["unknown", name] = unknown, Measured.area_interval
        found["pair", name] = unknown.minus(second), Measured.difference_interval
        if f"{name} a" in swapped.rows:  # as in the class signal table
            other = swapped.measured(Quantity(f"{name} a", "unknown", "same-source"))
            found["swap", name] = unknown.minus(other, alike=True), Measured.difference_interval
    return {key: _numbers(own, interval) for key, (own, interval) in found.items()}


def _numbers(
    own: Measured, interval: Callable[[Measured], tuple[Array, Array]]
) -> tuple[float, ...]:
    alone = replace(own, patients=replace(own.patients, training=None))
    ends = [float(end[0]) for number in (own, alone) for end in interval(number)]
    return float(own.value[0]), *ends


def simulated(
    setting: Setting, runs: int, rng: np.random.Generator
) -> dict[tuple[str, str], Intervals]:
    """All numbers of interest over the runs."""
    every = [measured(setting.run(rng)) for _ in range(runs)]
    return {key: Intervals(*np.asarray([one[key] for one in every]).T) for key in every[0]}


SETTINGS = [
    Setting(features, folds, shift, angle)
    for features, shift in ((5, 1.5), (20, 2.0))
    for folds in (3, 5)
    for angle in (0.0, 60.0)
]
EXPLANATION = f"""\
{TARGET} target patients, {OTHERS} of a known category and {UNKNOWN} of an unknown one, one to three
images each. A fold trains on the patients that it does not test, less a fifth that is held out. The
truth is the mean over the runs. *Angle* lies between what makes the unknown category different and
what makes the known one different, in degrees. `fixed` is not trained, `mostly fixed` hardly.
{{runs}} runs a line; the Monte Carlo error is {{error:.1f}} points near 95 % and near 5 %. Before
the arrow: with the variance of the tested patients alone; after it: with that of the patients
trained on, as mimbench computes it (mean width).
"""


def sections(runs: int, rng: np.random.Generator) -> Iterator[str]:
    """The tables, each once per number of interest."""
    own = rng.spawn(len(SETTINGS))
    lines = [
        (setting, simulated(setting, runs, generator))
        for setting, generator in zip(SETTINGS, own, strict=True)
    ]
    yield "## Detectors really trained per fold\n"
    yield EXPLANATION.format(runs=runs, error=100 * np.sqrt(0.95 * 0.05 / runs))
    for title, key in (("known", "known"), ("unknown", "unknown")):
        yield f"### AUROC against the {title} category: coverage\n"
        yield _table(lines, key, Intervals.covering)
    yield "### Paired difference of two detectors that are equally good: percent with p < .05\n"
    yield _table(lines, "pair", Intervals.rejecting)
    yield "## Swap test of exchangeable categories\n"
    yield "Percent of class signals with p < .05; the swap category is distributed as the target.\n"
    yield _table(lines, "swap", Intervals.rejecting)


def _table(
    lines: list[tuple[Setting, dict[tuple[str, str], Intervals]]],
    key: str,
    text: Callable[[Intervals], str],
) -> str:
    names = [name for name in DETECTORS if (key, name) in lines[0][1]]
    rows = [["features", "folds", "angle", *names], ["---"] * (3 + len(names))]
    for setting, found in lines:
        about = [f"{setting.features}", f"{setting.folds}", f"{setting.angle:.0f}"]
        rows.append(about + [text(found[key, name]) for name in names])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"
