"""What differs between two runs before any number: code, plan, recipes, data, versions."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from mimbench.errors import TableError
from mimbench.gate import Problem
from mimbench.registry import BUILT_IN
from mimbench.runfolder.reading import DetectorInfo, RunFolder
from mimbench.runfolder.store import Store
from mimbench.scores.digests import read_sealed

__all__ = ["PARTS", "RunDifference", "names_of", "run_differences", "same_code"]

PARTS = ("files", "plan", "recipes", "data", "versions")
NAMES = ("name", "description", "detectors")  # of a run file, which say nothing of its plan
RECIPE = ("detector", "input_size", "scores", "headline", "trains_on", "parameters")
LONGEST = 60  # characters of a value


@dataclass(frozen=True)
class RunDifference:
    """One difference.

    Attributes:
        part: "files" (code of detectors, and what their recipes name), "plan", "recipes", "data"
            or "versions".
        what: field, or a whole sentence where there are no values.
        first: value in the first run; empty where it has none.
        second: value in the other run.
    """

    part: str
    what: str
    first: str = ""
    second: str = ""

    @property
    def text(self) -> str:
        """E.g. "folds: 1 → 5"."""
        if not self.first and not self.second:
            return self.what
        return f"{self.what}: {self.first or 'nothing'} → {self.second or 'nothing'}"


def run_differences(
    first: RunFolder, second: RunFolder, problems: tuple[Problem, ...]
) -> tuple[RunDifference, ...]:
    """Everything that differs, in the order of `PARTS`.

    Args:
        first: a run.
        second: another one.
        problems: of `mimbench.gate.align`: what differs in their images and conditions.
    """
    names = names_of(first, second)
    found = [*_files(first, second, names), *_plan(first, second), *_recipes(first, second, names)]
    for problem in problems:
        text = problem.message
        for side, name in zip(("the reference", "the candidate"), names, strict=True):
            text = text.replace(side, name)
        found.append(RunDifference("data", text))
    found += _changes("versions", "", first.info.environment, second.info.environment)
    return tuple(found)


def names_of(first: RunFolder, second: RunFolder) -> tuple[str, str]:
    """Names of two runs; where they are the same, those of their folders, or the whole paths."""
    if first.name != second.name:
        return first.name, second.name
    own, others = first.path.resolve(), second.path.resolve()
    if own.name != others.name or own == others:
        return own.name, others.name
    return str(first.path), str(second.path)


def same_code(first: RunFolder, second: RunFolder, detector: str) -> bool:
    """Whether two runs are known to have computed a detector by the same code and weights.

    What combines rows of others is known if all that both runs have is.
    """
    shared = [name for name in first.detectors if name in second.detectors]
    if first.detectors[detector].trains_on != "rows":
        shared = [detector]
    return all(_same_files(first, second, name) for name in shared)


def _same_files(first: RunFolder, second: RunFolder, name: str) -> bool:
    own, theirs = first.detectors[name], second.detectors[name]
    if own.files is not None and theirs.files is not None:
        return own.files == theirs.files
    codes = [run.info.environment.get("code") for run in (first, second)]
    return own.detector in BUILT_IN and codes[0] is not None and codes[0] == codes[1]


def _changed_files(first: RunFolder, second: RunFolder) -> dict[str, list[str]]:
    """Files of detectors in both runs that are not the same, each with its detectors.

    They are the code of a detector, and what its recipe names, such as weights.
    """
    found: dict[str, list[str]] = {}
    for name, own in first.detectors.items():
        theirs = second.detectors.get(name)
        if theirs is None or own.files is None or theirs.files is None:
            continue
        for file in dict.fromkeys([*own.files, *theirs.files]):
            if own.files.get(file) != theirs.files.get(file):
                found.setdefault(file, []).append(name)
    return found


def _files(first: RunFolder, second: RunFolder, names: tuple[str, str]) -> Iterator[RunDifference]:
    for file, detectors in _changed_files(first, second).items():
        yield RunDifference("files", f"{file} was changed: {', '.join(detectors)}")
    shared = [name for name in first.detectors if name in second.detectors]
    for run, side in zip((first, second), names, strict=True):
        own = [run.detectors[name] for name in shared]
        unknown = [one.name for one in own if one.files is None and _is_foreign(one)]
        if unknown:
            yield RunDifference(
                "files",
                f"{side} does not say which code {', '.join(unknown)} had; it may have changed",
            )


def _is_foreign(one: DetectorInfo) -> bool:
    """Whether its code is not mimbench's: a plug-in, in a file or installed."""
    return bool(one.detector) and one.detector not in BUILT_IN


def _plan(first: RunFolder, second: RunFolder) -> Iterator[RunDifference]:
    plans = []
    for run in (first, second):
        asked = {k: v for k, v in run.info.run.as_json().items() if k not in NAMES}
        sizes = {"corruption_size": run.info.corruption_size, "target": run.target}
        plans.append(asked | sizes)
    yield from _changes("plan", "", *plans)


def _recipes(
    first: RunFolder, second: RunFolder, names: tuple[str, str]
) -> Iterator[RunDifference]:
    own, theirs = first.detectors, second.detectors
    for name in dict.fromkeys([*own, *theirs]):
        if name not in own or name not in theirs:
            side = names[0] if name in own else names[1]
            yield RunDifference("recipes", f"{name} is in {side} only")
            continue
        recipes = [_recipe(own[name]), _recipe(theirs[name])]
        completed = [_completed_parameters(run, name) for run in (first, second)]
        if None not in completed:
            pairs = zip(recipes, completed, strict=True)
            recipes = [recipe | {"parameters": parameters} for recipe, parameters in pairs]
        changes = list(_changes("recipes", name, *recipes))
        yield from changes
        hashes = [set(_fits(run, name)["recipe_hash"]) for run in (first, second)]
        if not changes and hashes[0] != hashes[1]:
            yield RunDifference("recipes", f"{name}: description, or what a run does not record")


def _fits(run: RunFolder, detector: str) -> Any:
    fits = run.tables.fits[run.tables.main_fits]
    return fits[fits["detector"] == detector]


def _completed_parameters(run: RunFolder, detector: str) -> dict[str, Any] | None:
    """Parameters with the defaults of the constructor, as a trained model was recorded.

    None where the folder has no such record: runs are copied without it.
    """
    store = Store(run.path)
    for fit_id in _fits(run, detector)["fit_id"]:
        with suppress(TableError, KeyError, TypeError, ValueError):
            about, _ = read_sealed(store.fit_paths(fit_id)[1])
            return dict(about["recipe"]["parameters"])
    return None


def _recipe(detector: DetectorInfo) -> dict[str, Any]:
    return detector.model_dump(mode="json", include=set(RECIPE))


def _changes(
    part: str, above: str, first: Mapping[str, Any], second: Mapping[str, Any]
) -> Iterator[RunDifference]:
    """Values that are not the same, table by table."""
    for name in dict.fromkeys([*first, *second]):
        own, theirs = first.get(name), second.get(name)
        what = f"{above}.{name}" if above else str(name)
        if isinstance(own, Mapping) and isinstance(theirs, Mapping):
            yield from _changes(part, what, own, theirs)
        elif own != theirs:
            yield RunDifference(part, what, _shown(own), _shown(theirs))


def _shown(value: Any) -> str:
    if value is None or value in ("", [], ()):
        return ""
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
