"""From a recipe to a detector, and what identifies it."""

import contextlib
import difflib
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from torch import Tensor

from mimbench.detectors.networks.devices import seeded
from mimbench.detectors.networks.weights import packaged_file
from mimbench.detectors.parameters import parameters_of
from mimbench.detectors.protocol import Batch, Detector, State, TrainingSet, TrainsOn
from mimbench.errors import DetectorError, MimbenchError, PluginError, RecipeError
from mimbench.files import file_hash
from mimbench.recipes import Recipe
from mimbench.registry import resolve, sources, where
from mimbench.text import counted

__all__ = [
    "build",
    "combines",
    "converted",
    "fit",
    "identity",
    "kind_of",
    "scores_of",
]


class FunctionDetector(Detector):
    """A bare function `score(images: uint8 (N, 3, H, W)) -> Tensor (N,)` as a detector."""

    random = False

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        """Wrap `function`."""
        self.function = function

    def score(self, batch: Batch) -> Tensor:
        """Call the function on the batch's images."""
        return self.function(batch.images)

    def state(self) -> State:
        """Nothing: a function learns nothing."""
        return {}


def build(recipe: Recipe, seed: int = 0) -> Detector:
    """A detector that has not been fitted.

    Args:
        recipe: of the detector.
        seed: of what its constructor draws from torch's global generator, such as first weights.

    Raises:
        RecipeError: a parameter that the detector does not take.
        DetectorError: the recipe names something that is neither a Detector nor a function.
        PluginError: its code fails when it is imported or constructed.
    """
    target = resolve(recipe.detector)
    if isinstance(target, type) and issubclass(target, Detector):
        with seeded(seed):
            return _construct(recipe, target)
    if inspect.isfunction(target):
        return FunctionDetector(target)
    what = "a subclass of mimbench.Detector or a function score(images) is needed"
    if isinstance(target, type):
        what = f"write `class {target.__name__}(Detector):`, with Detector from mimbench"
    raise DetectorError(f"'{recipe.detector}' is no detector; {what}.")


def fit(detector: Detector, train: TrainingSet) -> None:
    """Fit a detector; what it draws from torch's global generators follows from the seed, too."""
    with seeded(train.seed, train.device):
        detector.fit(train)


def _construct(recipe: Recipe, target: type[Detector]) -> Detector:
    parameters = parameters_of(recipe, target)
    try:
        detector = target(**parameters)
    except MimbenchError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(
            f"{recipe.name} cannot be built with its parameters: "
            f"{where(recipe.detector, error)}{type(error).__name__}: {error}."
        ) from error
    if detector.trains_on not in get_args(TrainsOn):
        raise DetectorError(
            f'{recipe.name} has trains_on = {detector.trains_on!r}; it can be "nothing", "target" '
            'or "known" (the target and the known categories).'
        )
    wrong = _wrong_methods(detector)
    if wrong:
        raise DetectorError(f"{recipe.name} {wrong}")
    return detector


def _wrong_methods(detector: Detector) -> str:
    """What of its methods is missing or would never be called, and what to do; empty: nothing."""
    kind = type(detector)
    stated = detector.trains_on
    if stated != "rows" and kind.score is Detector.score:
        return f"has no method score(batch){_misspelt('score', kind)}."
    if stated in ("target", "known") and kind.fit is Detector.fit:
        return (
            f'has trains_on = "{stated}" and no method fit(train){_misspelt("fit", kind)}; define '
            'it, or set trains_on = "nothing".'
        )
    own = kind.__mro__[: kind.__mro__.index(Detector)]
    silent = not any("trains_on" in vars(one) for one in (detector, *own))
    if silent and kind.fit is not Detector.fit:
        return (
            "has a method fit(train) that is never called, because it does not say what it trains "
            'on: set trains_on = "target" or "known" (the target and the known categories).'
        )
    return ""


def _misspelt(method: str, kind: type[Detector]) -> str:
    """The method of a class that was probably meant by `method`."""
    own = {name for name in dir(kind) if callable(getattr(kind, name, None))} - set(dir(Detector))
    near = difflib.get_close_matches(method, sorted(own), n=1)
    return f" (is its {near[0]} misspelt?)" if near else ""


def kind_of(recipe: Recipe) -> type[Detector]:
    """The class of the recipe's detector; `Detector` itself if its code cannot be imported."""
    try:
        target = resolve(recipe.detector)
    except PluginError:
        return Detector
    known = isinstance(target, type) and issubclass(target, Detector)
    return target if known else FunctionDetector


def combines(recipe: Recipe) -> tuple[str, ...]:
    """Rows that the recipe's detector is made of; none if it scores images.

    Raises:
        DetectorError: it is made of rows and names none.
    """
    if kind_of(recipe).trains_on != "rows":
        return ()
    rows = build(recipe).combines
    if not rows:
        raise DetectorError(f"{recipe.name} has trains_on = 'rows' and names none in `combines`.")
    return rows


def identity(recipe: Recipe, digest: Callable[[Path], str] = file_hash) -> dict[str, Any]:
    """All that decides what the detector computes, besides its training images and seed.

    Parameters are completed by the constructor's defaults; files that they name, and those of a
    plug-in's code, stand with the hash of their content.

    Args:
        recipe: of the detector.
        digest: SHA-256 of a file, for who asks more than once (`FileHashes`).
    """
    target = resolve(recipe.detector)
    parameters = parameters_of(recipe, target) if isinstance(target, type) else {}
    files = [packaged_file(value) or Path(value) for value in _texts(parameters)]
    files += {*sources(recipe.detector), Path(inspect.getsourcefile(target) or "").resolve()}
    return {
        "name": recipe.name,
        "detector": recipe.detector,
        "input_size": recipe.input_size,
        "parameters": {key: _plain(value) for key, value in parameters.items()},
        "files": sorted([path.name, digest(path)] for path in files if path.is_file()),
        **_further_libraries(target),
    }


def _further_libraries(target: Any) -> dict[str, Any]:
    """Versions of the libraries that this detector alone depends on; none: nothing."""
    found = {}
    for name in getattr(target, "libraries", ()):
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return {"libraries": found} if found else {}


def scores_of(
    recipe: Recipe, result: Tensor | Mapping[str, Tensor | DetectorError], n: int
) -> dict[str, Any]:
    """Check what a detector returned and name its rows.

    Returns:
        Row name -> float64 array (n,), the recipe's scores in its order and those that a line in
        them has taken out, without those for which the detector returned an error: they are rows
        of their own that are not run.

    Raises:
        RecipeError: the recipe names scores that the detector does not yield.
        DetectorError: a score is missing, has the wrong shape, is complex, or is not finite.
    """
    found = dict(result) if isinstance(result, Mapping) else {"": result}
    if not found or not all(isinstance(name, str) for name in found):
        raise DetectorError(f"{recipe.name} must yield scores by name, not {list(found)}.")
    for name in found:
        if not name.isprintable():
            raise DetectorError(
                f"{recipe.name} yields a score called {name!r}; a name has no control characters."
            )
    if recipe.scores and list(found) != [""]:
        if missing := [score for score in recipe.scores if score not in found]:
            raise RecipeError(
                f"recipe {recipe.name}: scores names {', '.join(missing)}, which its detector does "
                f"not yield; it yields {', '.join(found)}."
            )
        if missing := [score for score in _covariates(recipe) if score not in found]:
            raise DetectorError(
                f"{recipe.name} did not yield {', '.join(missing)}; it yields {', '.join(found)}."
            )
        found = {score: found[score] for score in (*recipe.scores, *_covariates(recipe))}
    if recipe.headline and not set(recipe.headline) & set(found):
        raise RecipeError(
            f"recipe {recipe.name}: headline names {', '.join(recipe.headline)}, which is no score "
            f"of it, so no row of it would be shown; {_its_scores(found)}"
        )
    return {
        recipe.row(score): _checked(recipe, score, values, n)
        for score, values in found.items()
        if not isinstance(values, DetectorError)
    }


def _its_scores(names: Iterable[str]) -> str:
    """What the headline of a recipe may say."""
    named = [name for name in names if name]
    if not named:
        return "it has one score without a name: leave headline out."
    return f"its scores: {', '.join(named)}."


def converted(
    recipe: Recipe, result: Tensor | Mapping[str, Tensor | DetectorError]
) -> dict[str, str]:
    """Rows of a result that are no floats and become some: row name -> what they were."""
    found = result if isinstance(result, Mapping) else {"": result}
    return {
        recipe.row(score): str(values.dtype).removeprefix("torch.")
        for score, values in found.items()
        if isinstance(values, Tensor) and not values.is_floating_point()
    }


def _covariates(recipe: Recipe) -> tuple[str, ...]:
    """Scores that the recipe does not ask for, but that lines in its scores were fitted on."""
    lines = kind_of(recipe).lines
    needed = [lines[score] for score in recipe.scores if score in lines]
    return tuple(score for score in dict.fromkeys(needed) if score not in recipe.scores)


def _texts(value: Any) -> Iterator[str]:
    """All texts in a parameter, which may be a list or a table: some of them name files."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)


def _checked(recipe: Recipe, score: str, values: Any, n: int) -> Any:
    row = recipe.row(score)
    if not isinstance(values, Tensor):
        raise DetectorError(
            f"{row} must be a torch tensor, not {type(values).__name__}: {_as_tensor(values)}"
        )
    if values.shape != (n,):
        raise DetectorError(
            f"{row} has shape {tuple(values.shape)} for {counted(n, 'image')}; needs ({n},)."
        )
    if values.is_complex():
        raise DetectorError(
            f"{row} is complex; a score is a real number, such as its absolute value."
        )
    array = values.detach().to("cpu", torch.float64).numpy()
    bad = int((~np.isfinite(array)).sum())
    if bad:
        raise DetectorError(f"{row} is not finite on {bad} of {counted(n, 'image')}.")
    return array


def _as_tensor(values: Any) -> str:
    """How a score that is no tensor becomes one."""
    if values is None:
        return "does score() end without a return?"
    return f"return torch.{'from_numpy' if isinstance(values, np.ndarray) else 'tensor'}(values)."


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | list | dict | None) else str(value)
