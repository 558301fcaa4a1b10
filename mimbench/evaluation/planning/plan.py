"""What a run will do, decided before anything is computed: images, splits, fits, conditions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mimbench.corruptions.definition import Corruption
from mimbench.data.dataset import Dataset, load
from mimbench.data.near_duplicates import Comparison
from mimbench.data.splits import split
from mimbench.detectors.build import kind_of
from mimbench.errors import RecipeError, UnknownNameError
from mimbench.evaluation.planning.control_sizes import with_controls_at_every_size
from mimbench.evaluation.planning.held_out import few_tested_notes, held_out_notes
from mimbench.evaluation.planning.known_subsets import Withheld, withheld_from
from mimbench.evaluation.planning.missing_weights import without_weights
from mimbench.evaluation.planning.one_class import (
    NO_KNOWN,
    known_categories,
    swap_categories,
    without_known,
)
from mimbench.evaluation.planning.run_file import RunFile
from mimbench.evaluation.planning.run_recipes import (
    built_or_none,
    check_names,
    recipe_notes,
    run_recipes,
    shared_outputs,
)
from mimbench.evaluation.planning.suites import read_suite
from mimbench.evaluation.planning.threshold_folds import threshold_note
from mimbench.recipes import Recipe
from mimbench.scores.splits import part_masks
from mimbench.scores.tables import CLEAN
from mimbench.text import counted

__all__ = ["Condition", "FitSpec", "Plan", "RunFile", "make_plan", "plan_images"]

Masks = NDArray[np.bool_]

PUBLISHED_SIZE = 224  # side of the images that the lengths in corruptions/*.toml are meant for
SMALL = 64  # below it, other benchmarks have parameters of their own


@dataclass(frozen=True)
class FitSpec:
    """One detector to be fitted.

    Attributes:
        recipe: what to build.
        fitted_on: the category that serves as target, or "nothing".
        fold: None if the fit sees no image.
        seed: None if the fit draws no random number.
        withheld: known categories that the fit does not see.
        studies: why they are withheld, see `known_subsets`.
        swapped: whether `fitted_on` stands in the target's place, for the swap test.
    """

    recipe: Recipe
    fitted_on: str
    fold: int | None
    seed: int | None
    withheld: tuple[str, ...] = ()
    studies: tuple[str, ...] = ()
    swapped: bool = False

    def __str__(self) -> str:
        parts = [f"{self.recipe.name} on {self.fitted_on}" if self.swapped else self.recipe.name]
        if self.fold is not None:
            parts.append(f"fold {self.fold}")
        if self.seed is not None:
            parts.append(f"seed {self.seed}")
        if self.withheld:
            parts.append(f"without {', '.join(self.withheld)}")
        return ", ".join(parts)


@dataclass(frozen=True)
class Condition:
    """A column of the table: a corruption at a severity; `corruption` None is clean."""

    corruption: Corruption | None
    severity: int

    @property
    def name(self) -> str:
        """Name of the corruption, or "clean"."""
        return CLEAN if self.corruption is None else self.corruption.name

    def describe(self) -> dict[str, Any]:
        """All that decides what the condition does to an image, besides the key."""
        definition = None if self.corruption is None else self.corruption.describe()
        return {"corruption": definition, "severity": self.severity}

    def __str__(self) -> str:
        return self.name if self.corruption is None else f"{self.name} {self.severity}"


@dataclass(frozen=True)
class Plan:
    """Everything that a run computes, in order.

    `images` is the dataset's table with one column `split_<k>` per fold, row-aligned with
    `dataset.pixels`. `not_run` has the recipes for which there is no fit, with the reason.
    """

    run: RunFile
    dataset: Dataset
    images: pd.DataFrame
    recipes: tuple[Recipe, ...]
    fits: tuple[FitSpec, ...]
    conditions: tuple[Condition, ...]
    not_run: Mapping[str, str] = field(default_factory=dict)

    @property
    def canonical_size(self) -> int:
        """Side at which images are kept and corrupted, pixels."""
        return int(self.dataset.pixels.shape[1])

    @property
    def corruption_size(self) -> int:
        """Side at which images are corrupted, pixels."""
        return self.run.corruption_scale or self.canonical_size

    def input_size(self, recipe: Recipe) -> int:
        """Side of the images that a recipe's detector sees, pixels."""
        return recipe.input_size or self.canonical_size

    @cached_property
    def scored(self) -> tuple[Masks, Masks]:
        """(folds, N) which images the fits of a fold score clean, and which ones corrupted.

        Validation images are scored clean only: they set thresholds.
        """
        test = part_masks(self.images, "test")
        return test | part_masks(self.images, "validation"), test

    @cached_property
    def shared_outputs(self) -> Mapping[int, tuple[str, ...]]:
        """Shared outputs that detectors read, by the side of the images that these see."""
        recipes = {fit.recipe.name: fit.recipe for fit in self.fits}.values()
        return shared_outputs([(recipe, self.input_size(recipe)) for recipe in recipes])


def make_plan(run: RunFile, known: Comparison | None = None, *, threshold: bool = True) -> Plan:
    """Read the images and lay out fits and conditions; every usage error shows here.

    Args:
        run: what to plan.
        known: a comparison whose pictures are not compared again.
        threshold: say where these folds give no frozen threshold.
    """
    recipes = run_recipes(run)  # and so does a wrong parameter, before the images are read
    plan = plan_images(run, known)
    recipes = with_controls_at_every_size(recipes, plan.canonical_size)
    check_names(recipes)
    swapped, swap_notes = swap_categories(run.swap, plan.dataset)
    withheld, notes = _withheld(run, plan.dataset, recipes)
    notes = [*(note for recipe in recipes for note in recipe_notes(recipe, plan.dataset)), *notes]
    notes += [*swap_notes, *few_tested_notes(plan.images, run.folds)]
    notes += _threshold_notes(run, plan.images) if threshold else []
    lacking = without_weights(recipes)
    notes += [f"{name} is not run: {why}" for name, why in lacking.items()]
    not_run = without_known(recipes, plan.dataset)
    notes += [f"Not run, because there is {NO_KNOWN}: {', '.join(not_run)}."] * bool(not_run)
    not_run |= lacking
    if set(plan.dataset.table["role"]) == {"target"}:
        notes.append(
            "All images are of the target, so there is no AUROC: add images of anything else with "
            "--unknown, --abnormal or --external."
        )
    target = plan.dataset.target
    able = [recipe for recipe in recipes if recipe.name not in not_run]
    notes += held_out_notes(able, plan.images, target, run.folds, run.plan_seed)
    fits = tuple(fit for recipe in able for fit in _fits(recipe, run, (target, *swapped), withheld))
    dataset = replace(plan.dataset, notes=(*plan.dataset.notes, *notes, *_count(fits)))
    return replace(plan, dataset=dataset, recipes=recipes, fits=fits, not_run=not_run)


def plan_images(run: RunFile, known: Comparison | None = None) -> Plan:
    """The images, splits and conditions of a run, without any detector."""
    conditions = _conditions(run)
    dataset = load(run.data, known)
    images = split(dataset.table, run.folds, run.plan_seed, given_fold=run.given_fold)
    plan = Plan(run, dataset, images, (), (), conditions)
    if plan.corruption_size < plan.canonical_size:
        raise RecipeError(
            f"corruption_scale = {plan.corruption_size} is smaller than the images of this run, "
            f"which are {plan.canonical_size} px. It only enlarges smaller images; leave it out."
        )
    notes = (*dataset.notes, *_size_notes(plan))
    return replace(plan, dataset=replace(dataset, notes=notes))


def _size_notes(plan: Plan) -> Iterator[str]:
    """What the size at which images are corrupted means for the severities."""
    size = plan.corruption_size
    if len(plan.conditions) == 1 or size >= PUBLISHED_SIZE:
        return
    yield (
        f"Corruptions act on images of {size} px. Their lengths were published for "
        f"{PUBLISHED_SIZE} px, so a severity is stronger here than on photos of that size; "
        f"--corruption-scale {PUBLISHED_SIZE} shows what such photos would show after resizing."
    )
    if size < SMALL:
        yield (
            f"ImageNet-C's corruptions on images of {size} px are not CIFAR-10-C, which has "
            "parameters of its own for 32 px."
        )


def _conditions(run: RunFile) -> tuple[Condition, ...]:
    conditions = [Condition(None, 0)]
    flags = ["--severities"] * bool(run.severities) + ["--corruption"] * bool(run.corruptions)
    if flags and not run.suites:
        raise RecipeError(f"{flags[0]} needs a corruption suite: add --suite NAME.")
    suites = {name: read_suite(name) for name in run.suites}
    known = {name for suite in suites.values() for name, _ in suite.conditions}
    if strange := [name for name in run.corruptions if name not in known]:
        raise UnknownNameError("corruption of the run's suites", strange[0], known)
    for name, suite in suites.items():
        there = sorted({severity for _, severity in suite.conditions})
        if not set(run.severities) <= set(there):
            lacks = sorted(set(run.severities) - set(there))
            asked, has = (", ".join(map(str, numbers)) for numbers in (lacks, there))
            raise RecipeError(f"Suite {name} has no severity {asked}; it has {has}.")
        for corruption, severity in suite.conditions:
            condition = Condition(suite.corruption(corruption), severity)
            chosen = corruption in (run.corruptions or known)
            chosen &= severity in (run.severities or there)
            if chosen and condition not in conditions:
                conditions.append(condition)
    seen: dict[tuple[str, int], Condition] = {}
    for condition in conditions:
        other = seen.setdefault((condition.name, condition.severity), condition)
        if other != condition:
            raise RecipeError(f"Two suites define '{condition.name}' differently; run one of them.")
    return tuple(conditions)


def _withheld(
    run: RunFile, dataset: Dataset, recipes: Sequence[Recipe]
) -> tuple[tuple[Withheld, ...], list[str]]:
    """What is withheld from classifiers' further fits, and why something asked for is not."""
    known = known_categories(dataset)
    groups, counts = run.leave_out_groups or 0, run.known_curve
    notes: list[str] = []
    asked = ["the known-curve"] * bool(counts) + ["leaving out groups"] * bool(groups)
    what, built = " and ".join(asked), [built_or_none(recipe) for recipe in recipes]
    if asked and len(known) < 2:
        there = f"only {known[0]}" if known else "none"
        notes.append(f"Not run: {what}, which needs 2 known categories; there is {there}.")
        counts, groups = (), 0
    elif asked and not any(found.trains_on == "known" for found in built if found is not None):
        notes.append(f"Not run: {what}; no detector of this run trains on known categories.")
        counts, groups = (), 0
    if counts and "unknown" not in set(dataset.table["role"]):
        notes.append("Not run: the known-curve, which needs unknown categories; there are none.")
        counts = ()
    elif counts and max(counts) > len(known):
        notes.append(f"The known-curve ends at {len(known)}, the number of known categories.")
    return withheld_from(known, counts, run.known_orders, groups, run.plan_seed), notes


def _threshold_notes(run: RunFile, images: pd.DataFrame) -> list[str]:
    """Which thresholds these folds do not give, and how many folds would."""
    asked = (False, True) if (images["role"] == "external").any() else (False,)
    found = [
        threshold_note(images, run.folds, run.plan_seed, external=external) for external in asked
    ]
    return [note for note in found if note]


def _count(fits: Sequence[FitSpec]) -> list[str]:
    """How many fits there are, if known categories are withheld from any."""
    extra = [fit for fit in fits if fit.withheld]
    if not extra:
        return []
    names = ", ".join(dict.fromkeys(fit.recipe.name for fit in extra))
    return [
        f"{counted(len(fits), 'trained model')}, {len(extra)} of them of {names} with fewer known "
        "categories."
    ]


def _fits(
    recipe: Recipe, run: RunFile, categories: Sequence[str], withheld: Sequence[Withheld]
) -> list[FitSpec]:
    """Of one recipe; `categories`: the target, then those of the swap test."""
    if kind_of(recipe).trains_on == "rows":
        return []  # made once the others are scored
    detector = built_or_none(recipe)
    if detector is None or detector.trains_on == "nothing":
        return [FitSpec(recipe, "nothing", None, None)]
    seeds = tuple(range(run.seeds)) if detector.random else (None,)
    learned = categories if detector.trains_on == "target" else categories[:1]
    main = [
        FitSpec(recipe, category, fold, seed, swapped=category != categories[0])
        for category in learned
        for fold in range(run.folds)
        for seed in seeds
    ]
    if detector.trains_on != "known":
        return main
    return main + [
        replace(spec, withheld=less.categories, studies=less.studies)
        for less in withheld
        for spec in main
    ]
