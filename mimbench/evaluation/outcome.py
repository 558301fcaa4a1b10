"""What a run yields, as its three tables."""

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from mimbench.detectors.build import kind_of
from mimbench.evaluation.execution.environment import library_versions
from mimbench.evaluation.fitting import Fit
from mimbench.evaluation.planning.plan import Condition, FitSpec, Plan
from mimbench.recipes import Recipe, content_hash
from mimbench.scores.coding import categories
from mimbench.scores.tables import (
    CORRUPTION_SIZE,
    FIT_COLUMNS,
    FIT_NOTES,
    RunTables,
    stamped,
)

__all__ = ["Outcome", "ScoredBlock", "check_images", "outcome_tables"]


@dataclass(frozen=True)
class ScoredBlock:
    """Scores of one fit under one condition.

    Attributes:
        rows: names of its scores.
        images: int32 (N,), positions in the plan's images.
        values: float64 (rows, N).
    """

    fit_id: str
    condition: Condition
    rows: tuple[str, ...]
    images: NDArray[np.int32]
    values: NDArray[np.float64]


@dataclass
class Outcome:
    """What accumulates while a plan is executed.

    Attributes:
        fits: those that were fitted.
        failed: (spec, reason) by fit_id of each that failed, while it was fitted or later.
        blocks: scores, in the order of the table.
    """

    fits: list[Fit] = field(default_factory=list)
    failed: dict[str, tuple[FitSpec, str]] = field(default_factory=dict)
    blocks: list[ScoredBlock] = field(default_factory=list)

    def fail(self, spec: FitSpec, reason: str) -> None:
        """Note a detector that could not be fitted, which has no fit_id."""
        fit_id = f"failed-{content_hash([str(spec), spec.fitted_on])[:9]}"
        self.failed[fit_id] = (spec, reason)

    @property
    def alive(self) -> list[Fit]:
        """Fits that have not failed."""
        return [fit for fit in self.fits if fit.fit_id not in self.failed]


def outcome_tables(plan: Plan, outcome: Outcome, device: torch.device) -> RunTables:
    """The three tables of what was computed; failed fits have a line and no scores.

    Args:
        plan: of the run.
        outcome: of all its tasks.
        device: where they were done.
    """
    return RunTables(
        scores=_scores_table(plan, outcome),
        fits=_fits_table(plan, outcome, device),
        images=_images_table(plan),
    )


def check_images(plan: Plan) -> None:
    """Refuse what the tables could not hold before anything is computed for them.

    Raises:
        TableError: as for `RunTables`.
    """
    no_fits = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in FIT_COLUMNS.items()})
    no_scores = _scores_table(plan, Outcome())
    stamped(RunTables(no_scores, no_fits, plan.images.reset_index(drop=True)).images)


def _scores_table(plan: Plan, outcome: Outcome) -> pd.DataFrame:
    """One line per score and image, block by block; names as codes from the start."""
    blocks = [block for block in outcome.blocks if block.fit_id not in outcome.failed]
    sizes = [block.values.size for block in blocks]
    rows = [row for block in blocks for row in block.rows]
    images = [len(block.images) for block in blocks for _ in block.rows]
    none = [np.zeros(0, dtype=np.int32)]
    seen = np.concatenate(none + [np.tile(block.images, len(block.rows)) for block in blocks])
    values = np.concatenate([np.zeros(0)] + [block.values.ravel() for block in blocks])
    severities = np.array([block.condition.severity for block in blocks], dtype=np.int8)
    return pd.DataFrame(
        {
            "fit_id": categories([block.fit_id for block in blocks]).repeat(sizes),
            "score": categories(rows).repeat(images),
            "corruption": categories([block.condition.name for block in blocks]).repeat(sizes),
            "severity": np.repeat(severities, sizes),
            "image_id": categories(plan.images["image_id"]).take(seen),
            "value": values,
        }
    )


def _images_table(plan: Plan) -> pd.DataFrame:
    """The plan's images, with the side at which they were corrupted if they were."""
    images = plan.images.reset_index(drop=True)
    corrupted = any(condition.corruption is not None for condition in plan.conditions)
    return images.assign(**{CORRUPTION_SIZE: plan.corruption_size}) if corrupted else images


def _fits_table(plan: Plan, outcome: Outcome, device: torch.device) -> pd.DataFrame:
    versions = json.dumps({**library_versions(), "device": str(device)}, sort_keys=True)
    order = {id(spec): position for position, spec in enumerate(plan.fits)}
    lost = sorted(outcome.failed.items(), key=lambda item: order[id(item[1][0])])
    good = [
        {
            "fit_id": fit.fit_id,
            "status": "ok",
            "reason": "",
            "state_hash": fit.state_hash,
            "seconds": fit.seconds,
            "not_run": _not_run(fit),
            "quality": json.dumps(dict(fit.detector.quality), sort_keys=True),
            "lines": _lines(fit.spec.recipe),
            **_describe_spec(plan, fit.spec),
        }
        for fit in outcome.alive
    ]
    failed = [
        {
            "fit_id": fit_id,
            "status": "failed",
            "reason": reason,
            "state_hash": "",
            "seconds": float("nan"),
            "not_run": "{}",
            "quality": "{}",
            "lines": _lines(spec.recipe),
            **_describe_spec(plan, spec),
        }
        for fit_id, (spec, reason) in lost
    ]
    rest = [_not_run_at_all(plan, recipe) for recipe in plan.recipes if recipe.name in plan.not_run]
    table = pd.DataFrame([*good, *failed, *rest]).assign(versions=versions)
    return table[[*FIT_COLUMNS, *FIT_NOTES]].astype(FIT_COLUMNS)


def _not_run_at_all(plan: Plan, recipe: Recipe) -> dict[str, Any]:
    """A line for a recipe without any fit, so that its rows stand in the report with the reason."""
    reason = plan.not_run[recipe.name]
    rows = [recipe.row(score) for score in recipe.scores] or [recipe.name]
    return {
        "fit_id": f"not-run-{content_hash(recipe.name)[:9]}",
        "status": "not run",
        "reason": reason,
        "state_hash": "",
        "seconds": float("nan"),
        "not_run": json.dumps(dict.fromkeys(rows, reason), sort_keys=True),
        "quality": "{}",
        **_describe_spec(plan, FitSpec(recipe, plan.dataset.target, None, None)),
    }


def _not_run(fit: Fit) -> str:
    """Rows of its recipe that a fit cannot have, with the reason of each, as JSON."""
    recipe, reasons = fit.spec.recipe, fit.detector.not_run
    asked = {
        name: why for name, why in reasons.items() if name in recipe.scores or not recipe.scores
    }
    named = {recipe.row(name): why for name, why in asked.items()}
    return json.dumps(named, sort_keys=True)


def _lines(recipe: Recipe) -> str:
    """Rows of a recipe that a line was fitted in, each with the row that it has taken, as JSON."""
    lines = {
        recipe.row(own): recipe.row(other)
        for own, other in kind_of(recipe).lines.items()
        if own in recipe.scores or not recipe.scores
    }
    return json.dumps(lines, sort_keys=True)


def _describe_spec(plan: Plan, spec: FitSpec) -> dict[str, Any]:
    return {
        "detector": spec.recipe.name,
        "fitted_on": spec.fitted_on,
        "withheld": "+".join(spec.withheld),
        "study": "+".join(spec.studies),
        "fold": spec.fold,
        "seed": spec.seed,
        "control": spec.recipe.control,
        "family": spec.recipe.family,
        "trains_on": kind_of(spec.recipe).trains_on,
        "input_size": plan.input_size(spec.recipe),
        "recipe_hash": content_hash(spec.recipe.model_dump(mode="json")),
    }
