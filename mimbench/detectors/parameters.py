"""What a recipe may say: a detector's parameters, as its constructor declares them.

The one declaration of a parameter is its annotation. A range stands in it:

```python
def __init__(self, steps: Annotated[int, Field(gt=0)] = 300) -> None: ...
```
"""

import contextlib
import inspect
import json
from collections.abc import Mapping
from functools import cache
from types import SimpleNamespace
from typing import Annotated, Any, Literal, get_type_hints

from pydantic import ConfigDict, Field, PlainValidator, TypeAdapter, ValidationError

from mimbench.errors import RecipeError
from mimbench.problems import problems
from mimbench.recipes import Recipe

__all__ = [
    "BatchSize",
    "Channels",
    "Count",
    "LearningRate",
    "LossWeight",
    "Pixels",
    "Side",
    "Steps",
    "parameters_of",
]

# What no detector can use for anything but to fill the memory or to train for ever is refused.
Steps = Annotated[int, Field(gt=0, le=10**7)]  # batches of a training
BatchSize = Annotated[int, Field(gt=0, le=2**14)]  # images
Channels = Annotated[int, Field(gt=0, le=2**12)]  # of a layer
Pixels = Annotated[int, Field(gt=0, le=2**12)]  # side of an image or of a part of one
Count = Annotated[int, Field(gt=0, le=10**7)]
LearningRate = Annotated[float, Field(gt=0, le=10)]
LossWeight = Annotated[float, Field(ge=0, le=10**6)]


def _side(value: Any) -> Any:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if value not in ("input", "own") and not (whole and 16 <= value <= 2**12):
        raise ValueError("must be 'input', 'own' or a whole number of pixels from 16 to 4096")
    return value


# of the images that a network sees, see `preprocessing_of`
Side = Annotated[int | Literal["input", "own"], PlainValidator(_side)]


def parameters_of(recipe: Recipe, target: type) -> dict[str, Any]:
    """The constructor's arguments, completed by its defaults; `scores` is the recipe's list.

    Each is of the type and in the range of its annotation, and nothing is converted but integers to
    floats. Annotations that say nothing about TOML values, such as a class of a plug-in, are passed
    over.

    Raises:
        RecipeError: a parameter that is unknown, missing, of another type or out of range.
    """
    signature = inspect.signature(target)
    wanted = {"scores": recipe.scores} if "scores" in signature.parameters else {}
    try:
        signature.bind(**{**wanted, **recipe.parameters})
        checked = _checked(recipe, target)
        bound = signature.bind(**{**wanted, **checked})
    except TypeError as error:
        takes = ", ".join(signature.parameters) or "none"
        raise RecipeError(f"Recipe '{recipe.name}': {error}; parameters: {takes}.") from error
    bound.apply_defaults()
    found = dict(bound.arguments)
    for name, parameter in signature.parameters.items():
        if parameter.kind == parameter.VAR_KEYWORD:
            found |= found.pop(name)
        elif parameter.kind == parameter.VAR_POSITIONAL:
            found.pop(name)
    return found


def _checked(recipe: Recipe, target: type) -> dict[str, Any]:
    adapters = _adapters(target)
    checked, wrong = dict(recipe.parameters), []
    for name, value in recipe.parameters.items():
        if name in adapters:
            try:
                checked[name] = adapters[name].validate_json(
                    json.dumps(value, default=str), strict=True
                )
            except ValidationError as error:
                wrong.append(problems(error, place=name))
    if wrong:
        raise RecipeError(f"Recipe '{recipe.name}': {'; '.join(wrong)}.")
    return checked


@cache
def _adapters(target: type) -> Mapping[str, TypeAdapter[Any]]:
    """What checks each annotated argument of the constructor."""
    function = target.__init__  # type: ignore[misc]
    found = {}
    for name, annotation in getattr(function, "__annotations__", {}).items():
        alone = SimpleNamespace(__annotations__={name: annotation})
        # a name that exists for type checkers only, or a class that no TOML value can be
        with contextlib.suppress(Exception):
            names = getattr(function, "__globals__", {})
            hint = get_type_hints(alone, names, include_extras=True)[name]
            found[name] = TypeAdapter(hint, config=ConfigDict(allow_inf_nan=False))
    found.pop("return", None)
    return found
