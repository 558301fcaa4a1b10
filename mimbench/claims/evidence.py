"""The numbers behind a claim: paired, with all that they vary by."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mimbench.claims.statement import Claim
from mimbench.claims.swap_tests import SwapTest, SwapTests
from mimbench.claims.untested import (
    NotTestedError,
    category_is_missing,
    corruptions_are_missing,
    image_flag,
    known_curve_flag,
    row_flag,
    row_is_missing,
)
from mimbench.errors import UnknownNameError
from mimbench.scores.tables import CLEAN, RunTables
from mimbench.statistics.run.comparisons import Quantity, RunAurocs
from mimbench.statistics.run.controls import controls_of, row_facts, size_of
from mimbench.statistics.run.sensitivity import RunShares
from mimbench.statistics.run.uncertainty import Measured
from mimbench.statistics.tables.class_signal import Selection
from mimbench.statistics.tables.external import NO_OTHERS, NO_TARGET
from mimbench.statistics.tables.known_categories import KnownCurve
from mimbench.text import counted, listed

__all__ = ["Place", "RunEvidence"]


@dataclass(frozen=True)
class Place:
    """One row of a claim at one relation to the target's source."""

    claim: Claim
    row: str
    relation: str


class RunEvidence:
    """Numbers of one run, asked by claims."""

    def __init__(self, tables: RunTables) -> None:
        """Take the tables of a finished run."""
        self._tables = tables
        self._aurocs: dict[bytes, RunAurocs] = {}
        self._shares: dict[bytes, RunShares] = {}
        self._curves: dict[bytes, KnownCurve] = {}

    @cached_property
    def _facts(self) -> pd.DataFrame:
        return row_facts(self._tables)

    @cached_property
    def _swap_tests(self) -> SwapTests:
        return SwapTests(self._tables, self._facts)

    @property
    def rows(self) -> frozenset[str]:
        """Names of the run's rows, those that failed among them."""
        return frozenset(map(str, self._facts.index))

    @property
    def folds(self) -> int:
        """Folds of the run; 1 is a single split."""
        return max(1, int(self._tables.folds))

    @property
    def target_patients(self) -> int:
        """Patients of the target, tested or not."""
        images = self._tables.images
        return int(images.loc[images["role"] == "target", "patient"].nunique())

    def silence(self, row: str) -> str:
        """Why the detector of a row that the run lacks gave no score; empty if it was not asked."""
        fits = self._tables.fits[self._tables.main_fits]
        own = fits.loc[fits["detector"] == row.partition("/")[0], "reason"]
        return next((str(reason).rstrip(".") for reason in own if reason), "")

    def not_run(self, row: str) -> str:
        """Why the run's detectors could not give this row; empty if that is not why it lacks it."""
        fits = self._tables.fits[self._tables.main_fits]
        told = fits.get("not_run", ())
        reasons = (json.loads(own or "{}").get(row, "") for own in told)
        return next((str(reason).rstrip(".") for reason in reasons if reason), "")

    def controls(self, row: str) -> tuple[str, ...]:
        """The controls that a row is compared with, see `controls_of`; also those that failed."""
        return controls_of(row, self._facts)

    def input_size(self, row: str) -> int:
        """Side of the images that a row sees, pixels; 0 where it is unknown or mixed."""
        return size_of(row, self._facts)

    def _detector(self, row: str) -> str:
        return str(self._facts["detector"].get(row, ""))

    def _main_fits(self, row: str) -> pd.DataFrame:
        fits = self._tables.fits[self._tables.main_fits]
        return fits[fits["detector"] == self._detector(row)]

    def relations(self, claim: Claim) -> tuple[str, ...]:
        """Relations to the target's source at which the claim can be tested.

        Raises:
            NotTestedError: the run has no images that the claim speaks of.
        """
        if claim.metric == "auroc":
            groups = self._groups(claim)
        else:
            groups = [group[:2] for group in self._run_shares(claim).groups(claim.metric)]
        found = sorted({relation for role, relation in groups if role == claim.role})
        chosen = [relation for relation in found if claim.relation in ("", relation)]
        if not chosen:
            if claim.role == "external" and (self._tables.images["role"] == "external").any():
                lacking = {"sensitivity": NO_TARGET, "specificity": NO_OTHERS}
                why = lacking.get(claim.metric, f"{NO_TARGET}, or {NO_OTHERS}")
                raise NotTestedError(f"the run has {why}", image_flag("external"))
            kind = claim.relation.replace("-", " ")
            images = " ".join([kind, claim.role]).strip()
            of = f" of {claim.category}" * bool(found and claim.category)
            raise NotTestedError(f"the run has no {images} images{of}", image_flag(claim.role))
        return tuple(reversed(chosen))

    def _groups(self, claim: Claim) -> list[tuple[str, str]]:
        """Role and relation of each mean, or of each that has the claim's category."""
        aurocs = self._run_aurocs(claim)
        groups = aurocs.groups(claim.question)
        if not claim.category:
            return groups
        has = {group: aurocs.categories(*group, claim.question) for group in groups}
        known = {name for group in groups if group[0] == claim.role for name in has[group]}
        if known and claim.category not in known:
            raise category_is_missing(claim.category, claim.role, known)
        return [group for group in groups if claim.category in has[group]]

    def number(self, place: Place, row: str = "") -> Measured:
        """The claim's metric for `row`, by default the place's own, under the claim's condition.

        Raises:
            NotTestedError: the row or a condition is not in the run, or has no value.
        """
        if place.claim.metric != "auroc":
            return self._share(place, row or place.row, place.claim.metric)
        return self._auroc(place, row or place.row, self.corruptions(place.claim))

    def clean(self, place: Place, row: str = "") -> Measured:
        """AUROC on clean images; as `number`."""
        return self._auroc(place, row or place.row, ())

    def standing(self, place: Place, row: str = "") -> Measured:
        """What a control is compared on: the AUROC, or for shares the balanced accuracy.

        A threshold alone shows nothing: a score that knows nothing keeps its sensitivity too.
        """
        if place.claim.metric == "auroc":
            return self.number(place, row)
        return Measured.mean(
            [
                self._share(place, row or place.row, metric, anywhere=True)
                for metric in ("sensitivity", "specificity")
            ]
        )

    def corruptions(self, claim: Claim) -> tuple[str, ...]:
        """Those of the claim's corruptions that the run has."""
        there = [str(name) for name in self._tables.scores["corruption"].unique() if name != CLEAN]
        if claim.corruptions == ("*",):
            found = tuple(sorted(there))
        else:
            found = tuple(name for name in claim.corruptions if name in there)
        if claim.corruptions and not found:
            raise corruptions_are_missing(claim.corruptions, there)
        return found

    def condition(self, claim: Claim) -> str:
        """Under which corruptions and severities the claim is tested, in words; or "clean"."""
        names = self.corruptions(claim)
        if not names:
            return CLEAN
        severities = {name: self._severities[name] for name in names}
        if len(set(severities.values())) == 1:
            words = f"{', '.join(names)} ({listed('severity', severities[names[0]])})"
        else:
            words = ", ".join(f"{own} ({listed('severity', severities[own])})" for own in names)
        return f"under {words}" + " on the target alone" * (claim.protocol == "target-only")

    @cached_property
    def _severities(self) -> dict[str, tuple[str, ...]]:
        """Severities of each corruption of the run, as texts."""
        found = self._tables.scores[["corruption", "severity"]].drop_duplicates()
        by_name = found.sort_values("severity").groupby("corruption", observed=True)["severity"]
        return {str(name): tuple(map(str, own)) for name, own in by_name}

    def gaps(self, claim: Claim, row: str) -> Iterator[NotTestedError]:
        """All rows, images and conditions that the run lacks for a claim about a row."""
        yield from (self.lacking(name) for name in (row, *claim.against) if name not in self.rows)
        for ask in (self.relations, self.corruptions, self._known_counts):
            try:
                ask(claim)
            except NotTestedError as error:
                yield error

    def fits(self, place: Place) -> str:
        """How many fits of the row were averaged, in words."""
        own = self._main_fits(place.row)
        counts = [(max(1, own[name].nunique()), name) for name in ("fold", "seed")]
        return ", ".join(counted(count, name) for count, name in counts)

    def conditions(self, place: Place) -> list[str]:
        """What a number holds for besides its images, where the interval does not contain it."""
        own, found = self._main_fits(place.row), []
        if self._tables.folds == 1 and own["fold"].notna().any():
            found.append("this is one split; how much another would change is not in the interval")
        given = own[(own["fitted_on"] == "nothing") & own["seed"].isna() & ~own["control"]]
        if len(given):
            found.append(f"{place.row} is one given model; another training is not considered")
        return found

    def asks_for_swap(self, place: Place) -> bool:
        """Whether the row learned the target from its images alone, so that it has a swap test."""
        return bool(self._facts.at[place.row, "learns_target"] and not self._is_control(place.row))

    def _is_control(self, row: str) -> bool:
        return bool(self._facts.at[row, "control"])

    def swap_tests(self, place: Place, alpha: float) -> list[SwapTest]:
        """The row's test on each swap category, on the claim's images and under its condition."""
        claim = place.claim
        selection = Selection(
            self._among(claim),
            claim.category if claim.metric == "auroc" else "",
            self.corruptions(claim),
            claim.protocol,
        )
        role, relation = claim.role, place.relation
        return list(self._swap_tests.of(place.row, role, relation, selection, 1 - alpha))

    def with_all_and_few_known(self, place: Place, row: str) -> tuple[str, Measured, Measured]:
        """A classifier trained on all known categories, and on the fewest of the known-curve.

        Returns:
            What the difference of the two is in words, and the two AUROCs.

        Raises:
            NotTestedError: the run has no known-curve of `row`.
        """
        fewest = self._known_counts(place.claim)[0]
        curve = self._known_curve(place.claim)
        if place.row not in curve.rows:
            lacking = f"the run has no row '{place.row}' that was trained in it"
            raise NotTestedError(lacking, row_flag(place.row))
        if curve.rows[place.row][0] in curve.learners:
            raise NotTestedError(f"{place.row} is trained on known categories itself")
        claim = place.claim
        asked = Quantity(
            row,
            role=claim.role,
            relation=place.relation,
            category=claim.category,
            question=claim.question,
        )
        few = curve.measured(asked, fewest) if row in curve.rows else None
        if few is None:
            raise NotTestedError(f"the run has no known-curve of {row}", row_flag(row))
        words = f"AUROC of {row} trained on all {curve.all_known} known categories minus on"
        orders = f"{fewest} of them (mean of {len(curve.orders(fewest))} orders)"
        every = _valued(curve.main.measured(asked), row)
        return f"{words} {orders}", every, _valued(few, row)

    def _known_counts(self, claim: Claim) -> tuple[int, ...]:
        """With how many known categories classifiers were trained; empty if nothing asks."""
        if claim.kind != "needs_no_known":
            return ()
        counts = tuple(self._known_curve(claim).counts)
        if not counts:
            raise self._no_known_curve()
        return counts

    def _no_known_curve(self) -> NotTestedError:
        images = self._tables.images
        known = images.loc[images["role"] == "known", "category"].nunique()
        if known < 2:
            there = counted(known, "known category")
            return NotTestedError(f"a known-curve needs two known categories; the run has {there}")
        flag = known_curve_flag(known)
        return NotTestedError(f"the run has no known-curve; add one with {flag}", flag)

    def _auroc(self, place: Place, row: str, corruptions: tuple[str, ...]) -> Measured:
        self._require(row)
        claim = place.claim
        conditions = [(name, -1) for name in corruptions] or [(CLEAN, 0)]
        quantities = [
            Quantity(
                row=row,
                role=claim.role,
                relation=place.relation,
                category=claim.category,
                corruption=corruption,
                severity=severity,
                protocol=claim.protocol if corruptions else "both",
                question=claim.question,
            )
            for corruption, severity in conditions
        ]
        try:
            parts = [self._run_aurocs(claim).measured(quantity) for quantity in quantities]
        except UnknownNameError as error:
            raise NotTestedError(_reason(error)) from error
        return _valued(Measured.mean(parts), row)

    def _share(self, place: Place, row: str, metric: str, *, anywhere: bool = False) -> Measured:
        """A share among the claim's images; `anywhere`: if they give none, among all others."""
        self._require(row)
        shares, claim = self._run_shares(place.claim), place.claim
        found = [g for g in shares.groups(metric) if metric == "sensitivity" or g[2] == ""]
        groups = [group for group in found if group[:2] == (claim.role, place.relation)]
        if anywhere and not groups:  # at home or abroad, as the claim's
            abroad = claim.role == "external"
            groups = [g for g in found if (g[0] == "external") == abroad] or found
        if not groups:
            lacking = f"the run has no {claim.role} images that give {metric}"
            raise NotTestedError(lacking, image_flag(claim.role))
        try:
            return _valued(
                Measured.mean([shares.measured(row, metric, group) for group in groups]), row
            )
        except UnknownNameError as error:
            raise NotTestedError(_reason(error)) from error

    def _require(self, row: str) -> None:
        if row not in self.rows:
            raise self.lacking(row)

    def lacking(self, row: str) -> NotTestedError:
        """Why the run has no scores of a row, with what would add them."""
        if why := self.not_run(row):
            return NotTestedError(f"the row {row} was not run: {why}")
        if why := self.silence(row):
            return NotTestedError(f"{row} has no scores: {why}")
        return row_is_missing(row, self.rows, set(self._facts["detector"]))

    def _run_aurocs(self, claim: Claim) -> RunAurocs:
        return self._aurocs_among(self._among(claim))

    def _aurocs_among(self, among: NDArray[np.bool_]) -> RunAurocs:
        if among.tobytes() not in self._aurocs:
            self._aurocs[among.tobytes()] = RunAurocs(self._tables, among=among)
        return self._aurocs[among.tobytes()]

    def _known_curve(self, claim: Claim) -> KnownCurve:
        among = self._among(claim)
        if among.tobytes() not in self._curves:
            self._curves[among.tobytes()] = KnownCurve(self._tables, among=among)
        return self._curves[among.tobytes()]

    def _run_shares(self, claim: Claim) -> RunShares:
        among = self._among(claim)
        if among.tobytes() not in self._shares:
            self._shares[among.tobytes()] = RunShares(self._tables, among=among)
        return self._shares[among.tobytes()]

    def _among(self, claim: Claim) -> NDArray[np.bool_]:
        images = self._tables.images
        chosen = np.ones(len(images), dtype=bool)
        if claim.sources:
            chosen &= (
                (images["role"] == "target") | images["source"].isin(claim.sources)
            ).to_numpy()
        for column, value in claim.where.items():
            if column not in images:
                lacking = f"the images have no column '{column}'"
                raise NotTestedError(lacking, f"--data FILE.csv, with a column '{column}'")
            chosen &= (images[column].astype(str) == value).to_numpy(dtype=bool)
        return chosen


def _valued(number: Measured, row: str) -> Measured:
    if np.isnan(number.value[0]):
        raise NotTestedError(f"{row} has no value: {number.reasons[0]}")
    return number


def _reason(error: UnknownNameError) -> str:
    """The first sentence of a message, to stand within another sentence."""
    return str(error).split(". ")[0].rstrip(".").replace("Unknown ", "the run has no ", 1)
