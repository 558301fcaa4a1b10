"""The run file: everything that decides a run, as data. Its fields are the command's flags too."""

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PositiveInt

from mimbench.data.options import ImageOptions
from mimbench.flag import FILE_ONLY, Flag
from mimbench.recipes import LARGEST

__all__ = ["ADDED", "IMAGES", "MEASURED", "ONLY", "RUNNING", "RunFile"]

IMAGES = "Images"
MEASURED = "What to measure"
RUNNING = "How to run"


def _numbers(value: Any) -> Any:
    """What a flag or a file says, as a tuple of numbers: "1,2,4" or [1, 2, 4]."""
    if isinstance(value, str):
        if not re.fullmatch(r"\s*\d{1,9}\s*(,\s*\d{1,9}\s*)*", value):
            raise ValueError(f"must be whole numbers such as 1,3,5, not '{value}'")
        value = value.split(",")
        return tuple(int(number) for number in value)
    return tuple(value) if isinstance(value, list) else value


Numbers = Annotated[tuple[PositiveInt, ...], BeforeValidator(_numbers)]
ADDED = Flag(
    name="detector",
    help="Add a detector: recipe, my.py:MyDetector or package.module:Object.",
    adds=True,
    separated=True,
    redefines=True,
)
ONLY = Flag(
    name="only",
    help="Run only these: detectors of the run by their names, or others as for --detector.",
    separated=True,
    redefines=True,
)


class RunFile(BaseModel):
    """A run as data: a file in `mimbench/runs`, or the command's flags."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, FILE_ONLY] = Field(
        default="run",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$",
        description="Name of the run and of its folder; default the file's.",
    )
    description: Annotated[str, FILE_ONLY] = Field(
        default="", description="One sentence about the run, shown in its report."
    )
    detectors: Annotated[tuple[str | dict[str, Any], ...], ADDED, ONLY] = Field(
        min_length=1,
        description="Names of recipes, paths, my.py:MyDetector, or recipes in place, mostly as "
        '{ extends = "...", parameters = { ... } }.',
    )
    suites: Annotated[
        tuple[str, ...],
        Flag(
            name="suite",
            help="Corruption suite, or 'none', in place of those of the run file.",
            empty="none",
            separated=True,
            redefines=True,
        ),
    ] = Field(default=(), description="Corruption suites. Clean images are always scored.")
    corruptions: Annotated[
        tuple[str, ...], Flag(name="corruption", separated=True, redefines=True)
    ] = Field(default=(), description="Use only these corruptions of the suites.")
    severities: Annotated[Numbers, Flag("1,3,5", redefines=True)] = Field(
        default=(), description="Use only these severities of the suites."
    )
    folds: Annotated[int, Flag(redefines=True)] = Field(
        default=1,
        ge=1,
        le=20,
        description="Cross-validation folds by patient; 1 is a single split.",
    )
    seeds: Annotated[int, Flag(redefines=True)] = Field(
        default=1, ge=1, le=50, description="Trainings per fold, each with another seed."
    )
    plan_seed: int = Field(
        default=0, ge=0, le=LARGEST, description="Seed of splits and corruptions."
    )
    given_fold: Annotated[int | None, Flag(panel=IMAGES)] = Field(
        default=None, ge=1, description="Use this fold of the split that comes with the data."
    )
    swap: Annotated[tuple[str, ...], Flag("CATEGORY", empty="none", redefines=True)] = Field(
        default=(),
        description="Also fit one-class detectors on this known category, for the swap test; "
        "'auto' is the one of the target's source with most patients, or 'none'.",
    )
    known_curve: Annotated[Numbers, Flag("1,2,4")] = Field(
        default=(),
        description="Also fit classifiers with so many known categories, in 3 random orders.",
    )
    known_orders: Annotated[int, FILE_ONLY] = Field(
        default=3, ge=2, le=20, description="Random orders of the known categories."
    )
    leave_out_groups: int | None = Field(
        default=None,
        ge=2,
        description="Also fit classifiers without each of N groups of known categories.",
    )
    corruption_engine: Literal["own", "reference"] = Field(
        default="own",
        description="own, or reference (the imagecorruptions package, slower).",
    )
    corruption_scale: Annotated[int | None, Flag("PIXELS", redefines=True)] = Field(
        default=None,
        ge=32,
        le=1024,
        description="Enlarge smaller images to this size, corrupt them, and resize them back. "
        "224 gives the severities that photos of 224 px would have.",
    )
    device: Annotated[str, Flag(panel=RUNNING)] = Field(
        default="auto", description="auto, cpu, cuda, or certain GPUs: cuda:0,2."
    )
    gallery: Annotated[bool, Flag(panel=RUNNING)] = Field(
        default=False,
        description="Copy example photos into the report. Generated images are always shown.",
    )
    data: Annotated[ImageOptions, Flag(panel=IMAGES)] = Field(
        description="Which images the run uses, and as what."
    )
