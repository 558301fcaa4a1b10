"""What is gated, as data: a TOML file or the defaults."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from mimbench.recipes import parse_toml, validate
from mimbench.statistics.run.retraining import TRAININGS

__all__ = ["GateSettings", "Spread", "read_gate_file"]

Allowed = Literal["missing-row", "nan", "images", "conditions", "recipe"]


class Spread(BaseModel):
    """How much the AUROC of a row moves from training to training, measured beforehand.

    A deviation of 0 says: judge these very weights, not the recipe that made them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sd: float = Field(ge=0, le=0.5)
    seeds: int = Field(default=3, ge=TRAININGS)  # trainings that it was measured on


class GateSettings(BaseModel):
    """A gate file.

    The family of tests is one clean and one mean-corrupted AUROC per row, against the mean over
    the categories of one role and relation.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rows: tuple[str, ...] = ()  # empty: all rows of the reference that are no controls
    role: Literal["", "unknown", "known", "external", "abnormal"] = ""  # empty: first there is
    relation: Literal["", "same-source", "other-source"] = ""
    margin: float = Field(default=0.01, ge=0, le=0.5)
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    retraining: dict[str, Spread] = Field(default_factory=dict)
    require_evidence: bool = False  # an inconclusive row fails too
    allow: tuple[Allowed, ...] = ()  # differences that are reported, but do not fail


def read_gate_file(path: Path) -> GateSettings:
    """Read a gate file.

    Raises:
        RecipeError: it is missing, no TOML, or has a wrong field.
    """
    return validate(GateSettings, parse_toml(path), path)
