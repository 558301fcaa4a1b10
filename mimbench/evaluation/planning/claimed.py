"""The run that claims need: their rows, controls, corruptions, trainings and the swap test."""

import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from mimbench.claims import Claim, ClaimsFile
from mimbench.claims.untested import image_flag
from mimbench.corruptions.suites import Suite
from mimbench.data.options import ImageOptions
from mimbench.detectors.named import recipe_of
from mimbench.errors import RecipeError, UnknownNameError
from mimbench.evaluation.planning.flags import FLAGS, own_detectors, run_table, separated
from mimbench.evaluation.planning.one_class import AUTO
from mimbench.evaluation.planning.run_file import ADDED, ONLY, RunFile
from mimbench.evaluation.planning.suites import read_suite
from mimbench.recipes import Recipe, names
from mimbench.registry import entry_point_names

__all__ = ["as_flags", "flags_for", "full_command", "lacking"]

DEFAULT = "default"  # the run whose controls and suites serve where a run file has none
SHORT = "tour"  # the run of few training steps
EVERY = "*"
FOLDS = 3
SEEDS = 3
SEVERITIES = (1, 3, 5)
KNOWN_CURVE = "1"  # a claim compares the fewest with all


def flags_for(claims: ClaimsFile, run: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """What claims need of a run, as flags. What the user said is left as it is.

    - the detectors that the claims name, and the run's controls (those of the default run where it
      has none);
    - the corruptions that they name, at three severities, or no corruption;
    - three folds, so that every image is tested, and three trainings in each;
    - the swap test, and the known-curve if a claim is about known categories.

    Args:
        claims: of `read_claims`.
        run: name of a shipped run, or path of a run file.
        given: what the user said, by the flags' names.

    Returns:
        The flags that the user did not give, by their names.

    Raises:
        RecipeError: a claim is about a row, or a corruption, that nothing brings into the run.
    """
    table, _ = run_table(run)
    told = {flag.name for flag in FLAGS if flag.given_in(given)}
    needed: dict[str, Any] = {}
    if ONLY.name not in told:
        needed[ONLY.name] = _detectors(claims, table, given)
    if "suite" not in told:
        needed |= dict(_corruptions(claims, table, told))
    if "folds" not in table and "given_fold" not in {*table, *told}:
        needed["folds"] = FOLDS
    if "seeds" not in table or (isinstance(table["seeds"], int) and table["seeds"] < SEEDS):
        needed["seeds"] = SEEDS
    if given.get("data") or not table.get("swap"):
        needed["swap"] = [AUTO]
    about_known = any(claim.kind == "needs_no_known" for claim in claims.claim)
    if about_known and not table.get("known_curve"):
        needed["known_curve"] = KNOWN_CURVE
    return {name: value for name, value in needed.items() if name not in told}


def as_flags(needed: Mapping[str, Any]) -> str:
    """Flags as the user would type them."""
    flags = {flag.name: flag for flag in FLAGS}
    words: list[str] = []
    for name, value in needed.items():
        values = value if isinstance(value, list | tuple) else [value]
        if flags[name].separated and not any("," in one for one in values):
            values = [",".join(values)]
        for one in values:
            words += [flags[name].option] if one is True else [flags[name].option, str(one)]
    return shlex.join(words)


def full_command(run: str, given: Mapping[str, Any], claims: str) -> str:
    """The command of a run that the claims need, for one that was only a first look.

    Args:
        run: name of a shipped run, or path of a run file, as the user gave it.
        given: what the user said, by the flags' names.
        claims: as the user gave them.

    Returns:
        The command without what makes it a first look; empty where nothing does.
    """
    fewest = {"folds": FOLDS, "seeds": SEEDS}
    shorter = {name for name, count in fewest.items() if (given.get(name) or count) < count}
    shorter |= {"swap"} if given.get("swap") == ["none"] else set()
    if run != SHORT and not shorter:
        return ""
    kept = {
        flag.name: given[flag.name]
        for flag in FLAGS
        if flag.given_in(given) and flag.name not in shorter
    }
    start = shlex.join(["mimbench", "run", *([] if run in (SHORT, DEFAULT) else [run])])
    return " ".join(filter(None, [start, as_flags(kept), shlex.join(["--claims", claims])]))


def lacking(claims: ClaimsFile, run: RunFile) -> Iterator[str]:
    """Say which claims a run will not test, as far as that is known before its images are read."""
    own = own_detectors({"detectors": run.detectors})
    for claim in claims.claim:
        rows = dict.fromkeys((*claim.rows, *claim.against))
        if missing := [row for row in rows if _detector(row, own) not in own]:
            yield f"Not tested without the rows {', '.join(missing)}: {claim.id}."
        elif _filtered_out(claim, run):
            wanted = ",".join(claim.corruptions)
            yield f"Not tested without --corruption {wanted}: {claim.id}."
    yield from _images_for(claims, run.data)


def _filtered_out(claim: Claim, run: RunFile) -> bool:
    """Whether a run leaves out all corruptions of a claim that names some."""
    asked = set(claim.corruptions) - {EVERY}
    return bool(asked and run.corruptions and not asked & set(run.corruptions))


def _images_for(claims: ClaimsFile, data: ImageOptions) -> Iterator[str]:
    """Say of each role that claims are about and a run has no images of how to add some."""
    unknown = bool(data.unknown or data.unknown_categories)
    there = {
        "unknown": unknown,
        "abnormal": bool(data.abnormal),
        "external": bool(data.external),
        "ood": unknown or bool(data.abnormal),
    }
    for role, found in there.items():
        about = [claim.id for claim in claims.claim if claim.role == role]
        if about and not found:
            yield f"Not tested without {image_flag(role)}: {', '.join(about)}."


def _detectors(claims: ClaimsFile, table: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
    """The detectors of the claims' rows, then the controls."""
    own = own_detectors(table)
    added = {recipe_of(spec).name: spec for spec in separated(given).get(ADDED.name, ())}
    shipped = {name: name for name in (*names("baselines"), *entry_point_names())}
    sources = {**shipped, **added}
    known = {*own, *sources}
    found = []
    for claim in claims.claim:
        for row in (*claim.rows, *claim.against):
            detector = _detector(row, known)
            if detector not in known:
                strange = UnknownNameError("detector", detector, known)
                raise RecipeError(
                    f"Claim '{claim.id}' is about the row '{row}'. {strange} One of your own is "
                    "added by --detector FILE."
                )
            recipe = own[detector].recipe if detector in own else recipe_of(sources[detector])
            _check_score(claim.id, row, recipe)
            members = [str(one).partition("/")[0] for one in recipe.parameters.get("rows", ())]
            found += [one for one in (*members, detector) if one not in added]
    default = own_detectors(run_table(DEFAULT)[0])
    controls = [_controls(own), _controls(default)]
    return list(dict.fromkeys([*found, *next(filter(None, controls), [])]))


def _check_score(claim: str, row: str, recipe: Recipe) -> None:
    """Refuse a score that a recipe does not keep, as far as it names its scores."""
    _, _, score = row.partition("/")
    if recipe.scores and score not in recipe.scores:
        rows = [recipe.row(name) for name in recipe.scores]
        raise RecipeError(f"Claim '{claim}': {UnknownNameError('row', row, rows)}")


def _detector(row: str, known: Iterable[str]) -> str:
    """The detector of a row; of a control's copy at another size, the control."""
    name = row.partition("/")[0]
    stem, _, size = name.rpartition("-")
    return stem if name not in known and size.removesuffix("px").isdecimal() else name


def _controls(own: Mapping[str, Any]) -> list[str]:
    return [name for name, detector in own.items() if detector.recipe.control]


def _corruptions(
    claims: ClaimsFile, table: Mapping[str, Any], told: Collection[str]
) -> Iterator[tuple[str, Any]]:
    """Flags for the corruptions of the claims; the run's own suites come before others."""
    asked = list(dict.fromkeys(name for claim in claims.claim for name in claim.corruptions))
    own = list(table.get("suites", ()))
    if EVERY in asked:
        if not own:
            yield "suite", list(run_table(DEFAULT)[0]["suites"])
        return
    if not asked:
        if not {"corruption", "severities"} & set(told):  # or else the user wants the run's own
            yield "suite", ["none"]
        return
    suites = _suites_with(asked, dict.fromkeys([*own, *names("corruptions")]))
    yield "suite", list(suites)
    yield "corruption", asked
    whole = all(set(SEVERITIES) <= set(suite.severities) for suite in suites.values())
    if whole and "severities" not in table:
        yield "severities", ",".join(map(str, SEVERITIES))


def _suites_with(corruptions: Sequence[str], known: Iterable[str]) -> dict[str, Suite]:
    """Suites that have these corruptions, by name or path; as few as a greedy choice finds."""
    suites = {name: read_suite(name) for name in known}
    there = {name: {one for one, _ in suite.conditions} for name, suite in suites.items()}
    chosen: dict[str, Suite] = {}
    lacking = set(corruptions)
    while lacking:
        best = max(there, key=lambda name: len(lacking & there[name]))
        if not lacking & there[best]:
            strange = UnknownNameError("corruption", min(lacking), set().union(*there.values()))
            raise RecipeError(
                f"A claim is about a corruption that no suite has. {strange} A suite of your own "
                "is named by --suite FILE."
            )
        chosen[best] = suites[best]
        lacking -= there[best]
    return chosen
