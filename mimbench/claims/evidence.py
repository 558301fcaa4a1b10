"""The numbers behind a claim: paired, with patient influences."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mimbench.claims.statement import Claim
from mimbench.errors import MimbenchError, UnknownNameError
from mimbench.scores import CLEAN, RunTables
from mimbench.statistics.class_signal import class_signal_table
from mimbench.statistics.comparisons import Quantity, RunAurocs
from mimbench.statistics.controls import controls_of, row_facts, size_of
from mimbench.statistics.external import NO_OTHERS, NO_TARGET
from mimbench.statistics.influence import Influence, combine
from mimbench.statistics.known_categories import KnownCurve
from mimbench.statistics.shares import RunShares

__all__ = ["NotTestedError", "Place", "RunEvidence"]


class NotTestedError(MimbenchError):
    """A claim that these tables cannot answer."""


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
        self._signals: dict[str, pd.DataFrame] = {}
        images = tables.images
        self._targets = set(images.loc[images["role"] == "target", "category"])

    @cached_property
    def _facts(self) -> pd.DataFrame:
        return row_facts(self._tables)

    def controls(self, row: str) -> tuple[str, ...]:
        """The controls that a row is compared with, see `controls_of`."""
        return controls_of(row, self._facts)

    def input_size(self, row: str) -> int:
        """Side of the images that a row sees, pixels; 0 where it is unknown or mixed."""
        return size_of(row, self._facts)

    def relations(self, claim: Claim) -> tuple[str, ...]:
        """Relations to the target's source at which the claim can be tested.

        Raises:
            NotTestedError: the run has no images that the claim speaks of.
        """
        if claim.metric == "auroc":
            groups = self._run_aurocs(claim).groups(claim.question)
        else:
            groups = [group[:2] for group in self._run_shares(claim).groups(claim.metric)]
        found = sorted({relation for role, relation in groups if role == claim.role})
        chosen = [relation for relation in found if claim.relation in ("", relation)]
        if not chosen:
            if claim.role == "external" and (self._tables.images["role"] == "external").any():
                lacking = {"sensitivity": NO_TARGET, "specificity": NO_OTHERS}
                why = lacking.get(claim.metric, f"{NO_TARGET}, or {NO_OTHERS}")
                raise NotTestedError(f"the run has {why}")
            kind = claim.relation.replace("-", " ")
            raise NotTestedError(f"the run has no {' '.join([kind, claim.role]).strip()} images")
        return tuple(reversed(chosen))

    def number(self, place: Place, row: str = "") -> Influence:
        """The claim's metric for `row`, by default the place's own, under the claim's condition.

        Raises:
            NotTestedError: the row or a condition is not in the run, or has no value.
        """
        if place.claim.metric != "auroc":
            return self._share(place, row or place.row, place.claim.metric)
        return self._auroc(place, row or place.row, self.corruptions(place.claim))

    def clean(self, place: Place, row: str = "") -> Influence:
        """AUROC on clean images; as `number`."""
        return self._auroc(place, row or place.row, ())

    def standing(self, place: Place, row: str = "") -> Influence:
        """What a control is compared on: the AUROC, or for shares the balanced accuracy.

        A threshold alone shows nothing: a score that knows nothing keeps its sensitivity too.
        """
        if place.claim.metric == "auroc":
            return self.number(place, row)
        shares = [
            self._share(place, row or place.row, metric)
            for metric in ("sensitivity", "specificity")
        ]
        return combine(shares, [0.5, 0.5])

    def corruptions(self, claim: Claim) -> tuple[str, ...]:
        """Those of the claim's corruptions that the run has."""
        there = [str(name) for name in self._tables.scores["corruption"].unique() if name != CLEAN]
        if claim.corruptions == ("*",):
            found = tuple(sorted(there))
        else:
            found = tuple(name for name in claim.corruptions if name in there)
        if claim.corruptions and not found:
            raise NotTestedError(
                f"the run has none of the corruptions {', '.join(claim.corruptions)}"
            )
        return found

    def fits(self, place: Place) -> str:
        """How many fits of the row were averaged, in words."""
        scores, fits = self._tables.scores, self._tables.fits[self._tables.main_fits]
        own = fits[fits["fit_id"].isin(scores.loc[scores["score"] == place.row, "fit_id"].unique())]
        counts = [(max(1, own[name].nunique()), name) for name in ("fold", "seed")]
        return ", ".join(f"{count} {name}{'s' * (count > 1)}" for count, name in counts)

    def one_fit(self, place: Place) -> bool:
        """Whether a single training stands behind the row, on a single split."""
        scores, fits = self._tables.scores, self._tables.fits[self._tables.main_fits]
        own = fits[fits["fit_id"].isin(scores.loc[scores["score"] == place.row, "fit_id"].unique())]
        own = own[own["fitted_on"].isin(self._targets)]
        return len(own) == 1

    def class_signal(self, place: Place) -> pd.DataFrame:
        """Swap tests of the row at the claim's role and relation; empty if there is none.

        Where the swap category is the only known one of its source, the one on itself.
        """
        if place.row not in self._signals:
            scores, fits = self._tables.scores, self._tables.fits
            compared = scores["score"].isin([place.row, *self.controls(place.row)])
            own = scores[compared & (scores["corruption"] == CLEAN)]
            names = fits.loc[fits["fit_id"].isin(own["fit_id"]), "detector"]
            made = fits[fits["detector"].isin(names)]  # those that failed too: they leave a gap
            self._signals[place.row] = class_signal_table(RunTables(own, made, self._tables.images))
        table = self._signals[place.row]
        table = table[(table["row"] == place.row) & table["value"].notna()]
        table = table[table["relation"] == place.relation]
        here = table[table["role"] == place.claim.role]
        itself = place.claim.role == "known" and here.empty
        return table[table["role"] == "swap"] if itself else here

    def with_all_and_few_known(self, place: Place, row: str) -> tuple[str, Influence, Influence]:
        """A classifier trained on all known categories, and on the fewest of the known-curve.

        Returns:
            What the difference of the two is in words, and the two AUROCs.

        Raises:
            NotTestedError: the run has no known-curve of `row`.
        """
        curve = self._known_curve(place.claim)
        if not curve.counts:
            raise NotTestedError(
                "the run has no known-curve; add one with --known-curve 1,2,4 (fewer known "
                "categories than the run has)"
            )
        if place.row not in curve.rows:
            raise NotTestedError(f"the run has no row '{place.row}' that was trained in it")
        if curve.rows[place.row][0] in curve.learners:
            raise NotTestedError(f"{place.row} is trained on known categories itself")
        fewest, claim = curve.counts[0], place.claim
        asked = Quantity(
            row,
            role=claim.role,
            relation=place.relation,
            category=claim.category,
            question=claim.question,
        )
        few = curve.influence(asked, fewest) if row in curve.rows else None
        if few is None:
            raise NotTestedError(f"the run has no known-curve of {row}")
        words = f"AUROC of {row} trained on all {curve.all_known} known categories minus on"
        orders = f"{fewest} of them (mean of {len(curve.orders(fewest))} orders)"
        every = _valued(curve.main.influence(asked), row)
        return f"{words} {orders}", every, _valued(few, row)

    def _auroc(self, place: Place, row: str, corruptions: tuple[str, ...]) -> Influence:
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
            parts = [self._run_aurocs(claim).influence(quantity) for quantity in quantities]
        except UnknownNameError as error:
            raise NotTestedError(_reason(error)) from error
        return _valued(combine(parts, [1 / len(parts)] * len(parts)), row)

    def _share(self, place: Place, row: str, metric: str) -> Influence:
        shares = self._run_shares(place.claim)
        groups = [
            group
            for group in shares.groups(metric)
            if group[:2] == (place.claim.role, place.relation)
            and (metric == "sensitivity" or group[2] == "")
        ]
        if not groups:
            raise NotTestedError(f"the run has no {place.claim.role} images that give {metric}")
        try:
            return _valued(shares.influence(row, metric, groups[0]), row)
        except UnknownNameError as error:
            raise NotTestedError(_reason(error)) from error

    def _run_aurocs(self, claim: Claim) -> RunAurocs:
        among = self._among(claim)
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
                raise NotTestedError(f"the images have no column '{column}'")
            chosen &= (images[column].astype(str) == value).to_numpy(dtype=bool)
        return chosen


def _valued(number: Influence, row: str) -> Influence:
    if np.isnan(number.value[0]):
        raise NotTestedError(f"{row} has no value: {number.reasons[0]}")
    return number


def _reason(error: UnknownNameError) -> str:
    """The first sentence of a message, to stand within another sentence."""
    return str(error).split(". ")[0].rstrip(".").replace("Unknown ", "the run has no ", 1)
