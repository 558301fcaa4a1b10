"""The gate: is a candidate run worse than a reference run, beyond margin and chance?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from mimbench.errors import TableError, UnknownNameError
from mimbench.gate.comparability import (
    Aligned,
    Problem,
    align,
    row_fits,
    row_problems,
    scoreless,
)
from mimbench.gate.decision import decide, visible
from mimbench.gate.pairing import of_same_models, repeatable, same_scores, same_weights
from mimbench.gate.result import GateResult, GateTest, diagnosis
from mimbench.gate.settings import GateSettings
from mimbench.scores.schema import OTHERS
from mimbench.scores.tables import CLEAN, RunTables
from mimbench.statistics.core.cautions import difference_cautions
from mimbench.statistics.run.comparisons import Quantity, RunAurocs
from mimbench.statistics.run.uncertainty import Measured
from mimbench.statistics.run.variance import Part

__all__ = ["gate"]

BY_ROUNDING = 1e-3  # what ties move an AUROC by, where a reference keeps single precision


def gate(
    reference: RunTables, candidate: RunTables, settings: GateSettings | None = None
) -> GateResult:
    """Compare two runs, paired on their common images.

    The AUROC drop of each row is tested against "at most the margin" with the variance over
    patients and over retraining; see `decide` for the verdicts. A row that was trained elsewhere
    is compared as it is, with the variance over patients alone, unless the gate file has a spread
    for it: the question is whether this checkpoint is worse than that one.

    Args:
        reference: tables of the run that is good enough.
        candidate: tables of the run in question.
        settings: the gate file; by default every row that is no control.

    Raises:
        UnknownNameError: a gated row or group is not in the reference.
        TableError: the runs have no image in common.
    """
    asked = settings or GateSettings()
    if not reference.images["image_id"].isin(candidate.images["image_id"]).any():
        raise TableError("The two runs have no image in common; nothing can be compared.")
    aligned = align(reference, candidate, asked)
    own = RunAurocs(aligned.reference, among=aligned.tested)
    chosen = asked.model_copy(update={"rows": _rows(aligned.reference, own, asked)})
    chosen = chosen.model_copy(update=_group(own, asked))
    problems = [*aligned.problems, *row_problems(chosen.rows, aligned, asked)]
    if not chosen.rows:
        message = (
            "all rows of the reference with scores are controls, so nothing is gated; name a row "
            "with --row"
        )
        problems.append(Problem("missing-row", message, False))
    if any(not problem.allowed for problem in problems if problem.kind != "missing-row"):
        return GateResult(chosen, tuple(problems), (), diagnosis([]))
    return _Comparison(aligned, own, chosen, problems).result()


def _rows(tables: RunTables, own: RunAurocs, settings: GateSettings) -> tuple[str, ...]:
    for row in settings.rows:
        if row not in own.rows:
            raise UnknownNameError("row of the reference", row, own.rows)
    if settings.rows:
        return settings.rows
    fits = {row: row_fits(tables, row) for row in own.rows}
    scored = tuple(row for row, made in fits.items() if len(made) and not made["control"].any())
    return scored + scoreless(tables)


def _group(own: RunAurocs, settings: GateSettings) -> dict[str, str]:
    """Role and relation: as asked, else the first there is, same source first."""
    fitting = [
        (role, relation)
        for role, relation in own.groups()
        if settings.role in ("", role) and settings.relation in ("", relation)
    ]
    if not fitting:
        wanted = f"{settings.role or 'any role'} / {settings.relation or 'any relation'}"
        raise UnknownNameError("group of images", wanted, map(" / ".join, own.groups()))
    role, relation = min(
        fitting, key=lambda group: (OTHERS.index(group[0]), group[1] != "same-source")
    )
    return {"role": role, "relation": relation}


class _Comparison:
    """Two aligned runs, row by row."""

    def __init__(
        self,
        aligned: Aligned,
        own: RunAurocs,
        settings: GateSettings,
        problems: Sequence[Problem],
    ) -> None:
        self.aligned, self.own, self.settings = aligned, own, settings
        self.theirs = RunAurocs(aligned.candidate, among=aligned.tested)
        self.problems = list(problems)
        self.repeatable = {row: repeatable(row, aligned) for row in settings.rows}
        self.corruptions = sorted(set(aligned.reference.scores["corruption"]) - {CLEAN})

    def result(self) -> GateResult:
        """Test the family."""
        pairs: list[_Pair] = []
        unchanged: list[GateTest] = []
        for row in self.settings.rows:
            runs = (self.aligned.reference, self.aligned.candidate)
            if any(row_fits(run, row).empty for run in runs):
                continue
            own = [self._pair(row, "clean", CLEAN, 0)]
            if self.corruptions:
                own.append(self._pair(row, "corrupted", "*", -1))
            if self._missing(row, own):
                continue
            if same := self._same(row, own):
                unchanged += [pair.kept(same) for pair in own]
            elif own[0].drop.known[0]:
                pairs += own
            else:
                self.problems.append(_unknown(row, own[0].drop))
        tests = self._tests(pairs) + unchanged
        order = {row: position for position, row in enumerate(self.settings.rows)}
        tests.sort(key=lambda test: order[test.row])
        compared = list(dict.fromkeys(pair.quantity.row for pair in pairs))
        return GateResult(
            self.settings, tuple(self.problems), tuple(tests), self._diagnose(compared)
        )

    def _same(self, row: str, pairs: Sequence["_Pair"]) -> str:
        """What is the same in both runs: "scores", "ranks", or nothing."""
        if max(abs(pair.drop.value[0]) for pair in pairs) >= BY_ROUNDING:
            return ""
        if same_scores(row, self.aligned):
            return "scores"
        return "ranks" if self.own.keeps_ranks(self.theirs, pairs[0].quantity) else ""

    def _pair(
        self, row: str, name: str, corruption: str, severity: int, category: str = ""
    ) -> "_Pair":
        quantity = Quantity(
            row,
            role=self.settings.role,
            relation=self.settings.relation,
            category=category,
            corruption=corruption,
            severity=severity,
        )
        before, after = self.own.measured(quantity), self.theirs.measured(quantity)
        drop = self._drop(row, before, after)
        return _Pair(quantity, name, before, after, drop, self.repeatable[row])

    def _drop(self, row: str, before: Measured, after: Measured) -> Measured:
        """The drop, with the spread that the gate file records where the runs show none."""
        if same_weights(row, self.aligned):
            return of_same_models(before, after)
        drop = before.minus(after, alike=True)
        recorded = self.settings.retraining.get(row)
        if recorded is None or (drop.trainings and drop.known.all()):
            return drop
        seeds = [{*side.trainings[0].seeds} if side.trainings else {0} for side in (before, after)]
        sd = recorded.sd * np.sqrt(sum(1 / len(own) for own in seeds))
        part = Part("retraining", np.full((1, 1), sd), recorded.seeds - 1)
        return replace(drop, trainings=(), parts=(*drop.parts, part))

    def _missing(self, row: str, pairs: Sequence["_Pair"]) -> bool:
        reason = next((pair.drop.reasons[0] for pair in pairs if np.isnan(pair.drop.value[0])), "")
        if reason:
            message = f"{row} has no AUROC: {reason}"
            self.problems.append(Problem("nan", message, "nan" in self.settings.allow, row))
        return bool(reason)

    def _tests(self, pairs: Sequence["_Pair"]) -> list[GateTest]:
        if not pairs:
            return []
        margin, alpha = self.settings.margin, self.settings.alpha
        decision = decide([pair.drop for pair in pairs], margin, alpha)
        tests = []
        for pair, p, verdict in zip(pairs, decision.p, decision.verdicts, strict=True):
            low, high = pair.drop.difference_interval(1 - 2 * alpha)
            seen = visible(pair.drop, margin, alpha)
            tests.append(
                pair.test(
                    low=float(low[0]),
                    high=float(high[0]),
                    p=float(p),
                    retraining_sd=pair.retraining_sd,
                    visible=seen,
                    verdict=verdict,
                )
            )
        return tests

    def _diagnose(self, rows: Sequence[str]) -> pd.DataFrame:
        asked = [(f"category {name}", CLEAN, 0, name) for name in self._categories()]
        asked += [(f"corruption {name}", name, -1, "") for name in self.corruptions]
        pairs = [self._pair(row, what, c, s, k) for row in rows for what, c, s, k in asked]
        pairs = [pair for pair in pairs if not np.isnan(pair.drop.value[0])]
        return diagnosis(self._tests(pairs))

    def _categories(self) -> list[str]:
        return sorted(self.own.categories(self.settings.role, self.settings.relation))


@dataclass(frozen=True)
class _Pair:
    """One AUROC in both runs."""

    quantity: Quantity
    name: str
    before: Measured
    after: Measured
    drop: Measured
    repeatable: bool

    @property
    def retraining_sd(self) -> float:
        """Standard deviation of the drop from retraining alone, shown by the runs or recorded."""
        recorded = [own.variance[0][0] for own in self.drop.parts if own.name == "retraining"]
        return float(np.sqrt(self.drop.retraining[0][0] + sum(recorded)))

    def test(
        self,
        *,
        low: float,
        high: float,
        p: float,
        retraining_sd: float,
        visible: float,
        verdict: str,
        unchanged: str = "",
    ) -> GateTest:
        target, other = (int(side[0]) for side in self.drop.patients.patients)
        return GateTest(
            self.quantity.row,
            self.name,
            float(self.before.value[0]),
            float(self.after.value[0]),
            float(self.drop.value[0]),
            low,
            high,
            p,
            retraining_sd,
            visible,
            target,
            other,
            verdict,
            self._caution() if low < high else "",
            unchanged,
            self.repeatable,
        )

    def kept(self, unchanged: str) -> GateTest:
        """The test where nothing changed that an AUROC depends on."""
        return self.test(
            low=0.0,
            high=0.0,
            p=1.0,
            retraining_sd=0.0,
            visible=0.0,
            verdict="pass",
            unchanged=unchanged,
        )

    def _caution(self) -> str:
        areas = (self.before.value, self.after.value)
        return difference_cautions(areas, self.drop.patients.fewest_patients)[0]


def _unknown(row: str, drop: Measured) -> Problem:
    """Why a drop cannot be judged: part of its variance is unknown."""
    if any(drop.patients.unknown):
        message = f"part of the variance of {row} is unknown ({drop.patients.unknown[0]})"
        return Problem("retraining", message, False, row)
    message = (
        f"{row} was trained anew, and how much training alone moves its AUROC is unknown: "
        "give 3 seeds to one of the runs, or a spread measured before in the gate file's "
        "[retraining]. Without either, only identical weights can be compared"
    )
    return Problem("retraining", message, False, row)
