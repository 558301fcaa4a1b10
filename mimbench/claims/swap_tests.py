"""Swap tests on the images of a claim: which were made, and which are missing."""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mimbench.scores.tables import CLEAN, RunTables
from mimbench.statistics.run.controls import controls_of
from mimbench.statistics.tables.class_signal import Selection, class_signal_table

__all__ = ["SwapTest", "SwapTests"]


@dataclass(frozen=True)
class SwapTest:
    """The swap test of a row on one swap category.

    Attributes:
        swap: the swap category.
        line: the line of `class_signal_table`; None: the test was not made.
        where: images and condition in words where they are not those of the claim; else empty.
        failed: fits on the swap category that failed, of the row and of its controls, each a
            sentence.
    """

    swap: str
    line: Mapping[Hashable, Any] | None
    where: str
    failed: tuple[str, ...]


class SwapTests:
    """The swap tests of one run. A test of which a fit failed has no number, but its reason."""

    def __init__(self, tables: RunTables, facts: pd.DataFrame) -> None:
        """Take the tables of a run, and what `row_facts` says of them."""
        self._tables, self._facts = tables, facts
        images = tables.images
        targets = images.loc[images["role"] == "target", "category"]
        self._learned = sorted({*tables.fits["fitted_on"]} - {*targets, "nothing"})
        self._sides: dict[tuple[str, str], RunTables] = {}
        self._kept: dict[tuple[object, ...], pd.DataFrame] = {}

    def of(
        self, row: str, role: str, relation: str, selection: Selection, level: float
    ) -> Iterator[SwapTest]:
        """The test of a row on each swap category of the run, against images of one role.

        Where the swap category is all that the selected images show of the role, it is the test on
        the swap category itself. Where the fits on it did not score the corruptions selected, it is
        the test on clean images.
        """
        for swap in self._learned:
            compared = self._compared(row, swap)
            clean = bool(selection.corruptions) and not self._corrupted(compared, swap, selection)
            chosen = Selection(selection.among, selection.category) if clean else selection
            table = self._table(row, swap, compared, chosen, level)
            table = table[(table["row"] == row) & (table["relation"] == relation)]
            here = table[table["role"] == role]
            if itself := role == "known" and here.empty:
                here = table[table["role"] == "swap"]
            where = [f"{swap} itself"] * itself + ["clean images"] * clean
            lines = here.to_dict("records")
            yield SwapTest(
                swap, lines[0] if lines else None, ", ".join(where), self._failed(row, swap)
            )

    def _names(self, row: str) -> list[str]:
        """The row and its controls."""
        return [row, *controls_of(row, self._facts)]

    def _compared(self, row: str, swap: str) -> RunTables:
        """Their scores, and the fits of the target and of one swap category that made them."""
        if (row, swap) not in self._sides:
            names, fits = self._names(row), self._tables.fits
            own = fits["detector"].isin(self._facts.loc[names, "detector"])
            made = fits[own & (self._tables.main_fits | (fits["fitted_on"] == swap))]
            scores = self._tables.scores
            kept = scores["score"].isin(names) & scores["fit_id"].isin(made["fit_id"])
            self._sides[row, swap] = RunTables(scores[kept], made, self._tables.images)
        return self._sides[row, swap]

    def _corrupted(self, compared: RunTables, swap: str, selection: Selection) -> bool:
        """Whether fits on the swap category scored all conditions that those on the target did."""
        scores = compared.scores
        asked = scores[scores["corruption"].isin(selection.corruptions)]
        on_swap = compared.fits.loc[compared.fits["fitted_on"] == swap, "fit_id"]
        of_swap = asked["fit_id"].isin(on_swap)
        sides = (asked[of_swap], asked[~of_swap])
        own, other = ({*zip(s["corruption"], s["severity"], strict=True)} for s in sides)
        return own == other

    def _table(
        self, row: str, swap: str, compared: RunTables, selection: Selection, level: float
    ) -> pd.DataFrame:
        among = b"" if selection.among is None else selection.among.tobytes()
        what = (selection.category, selection.corruptions, selection.protocol)
        key = (row, swap, level, among, *what)
        if key not in self._kept:
            scores = compared.scores
            used = scores["corruption"].isin([CLEAN, *selection.corruptions])
            tables = RunTables(scores[used], compared.fits, compared.images)
            self._kept[key] = class_signal_table(tables, level=level, selection=selection)
        return self._kept[key]

    def _failed(self, row: str, swap: str) -> tuple[str, ...]:
        fits = self._tables.fits
        names = self._facts.loc[self._names(row), "detector"]
        lost = fits["detector"].isin(names) & (fits["fitted_on"] == swap)
        lost &= np.asarray(fits["status"] != "ok")
        first = fits[lost].drop_duplicates("detector")
        return tuple(
            f"the fit of {fit['detector']} on {swap} failed"
            f" ({str(fit['reason']).rstrip('.') or 'no reason given'})"
            for fit in first.to_dict("records")
        )
