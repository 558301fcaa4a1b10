"""What a model card is made from: a run, one of its rows, and what the statistics say of both."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from mimbench.claims import Claim, ClaimsFile, Verdict, verify
from mimbench.errors import TableError, UnknownNameError
from mimbench.report.leaderboard.entries import Entry, Leaderboard, build_leaderboard
from mimbench.report.subgroups import skin_tone_table
from mimbench.runfolder.reading import DetectorInfo, RunFolder
from mimbench.scores.splits import part_masks, test_masks
from mimbench.scores.tables import CLEAN, RunTables
from mimbench.statistics.run.controls import controls_of, row_facts
from mimbench.statistics.tables.metrics import metrics_table

__all__ = ["Subject", "chosen_subject"]

CHANCE = 0.5


@dataclass(frozen=True)
class Subject:
    """A run and one of its rows.

    Attributes:
        board: the run's leaderboard.
        metrics: every number of the run.
        named: whether the reader named the row; else it is the highest one.
    """

    run: RunFolder
    board: Leaderboard
    metrics: pd.DataFrame
    row: str
    named: bool

    @property
    def entry(self) -> Entry:
        """The row on the leaderboard."""
        return self.board.entry(self.row)

    @property
    def detector(self) -> DetectorInfo:
        """Its detector."""
        return self.entry.detector

    @cached_property
    def fits(self) -> pd.DataFrame:
        """The trained models behind the row, without those of the swap test."""
        fits = self.run.tables.fits[self.run.tables.main_fits]
        return fits[fits["detector"] == self.detector.name]

    @cached_property
    def compared(self) -> RunTables:
        """The scores of the row and of the controls that it is compared with."""
        tables = self.run.tables
        facts = row_facts(tables)
        names = [self.row, *controls_of(self.row, facts)]
        fits = tables.fits[tables.fits["detector"].isin(facts.loc[names, "detector"])]
        scores = tables.scores["score"].isin(names)
        scores &= tables.scores["fit_id"].isin(fits["fit_id"])
        return RunTables(tables.scores[scores], fits, tables.images)

    @cached_property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Whether the row is better than chance, by role of the other images, judged as a claim."""
        roles = list(dict.fromkeys(group.role for group in self.board.groups))
        corrupted = bool((self.compared.scores["corruption"] != CLEAN).any())
        claims = [
            self._claim(role, under) for role in roles for under in (False, True)[: 1 + corrupted]
        ]
        if self.entry.control or not claims:
            return ()
        return tuple(verify(self.compared, ClaimsFile(name="card", claim=tuple(claims))))

    def _claim(self, role: str, corrupted: bool) -> Claim:
        where = "under the run's corruptions" if corrupted else "on clean images"
        about = {
            "id": f"{role}-{'corrupted' if corrupted else 'clean'}",
            "statement": f"{self.row} separates {self.run.target} from {role} categories better "
            f"than chance, {where}.",
            "kind": "at_least",
            "bound": CHANCE,
            "rows": (self.row,),
            "role": role,
            "corruptions": ("*",) if corrupted else (),
        }
        return Claim.model_validate(about)

    @cached_property
    def tones(self) -> pd.DataFrame:
        """The row's numbers by skin tone; empty where no image says it."""
        return skin_tone_table(self.run, [self.row])

    @property
    def trains_on(self) -> str:
        """What its training may see: "nothing", "target", "known", or "" where nobody knows."""
        if self.detector.trains_on:
            return self.detector.trains_on
        if self.detector.elsewhere or not len(self.fits):
            return ""
        if (self.fits["fitted_on"] == "nothing").all():
            return "nothing"
        return "known" if self.detector.family in ("classifier", "ensemble") else "target"

    def part(self, name: str) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
        """(folds, N) which images are in a part: "train", "validation" or "test"."""
        images = self.run.tables.images
        return test_masks(images) if name == "test" else part_masks(images, name)


def chosen_subject(run: RunFolder, row: str) -> Subject:
    """The run with one of its rows.

    Args:
        run: a run folder in memory.
        row: name of a score; empty: the highest headline score of a detector that is no control.

    Raises:
        UnknownNameError: the run has no such row with numbers.
        TableError: it has no row of a detector at all.
    """
    metrics = metrics_table(run.tables, severities=False)
    board = build_leaderboard(run, metrics)
    rows = [entry.row for entry in board.entries]
    if row and row not in rows:
        raise UnknownNameError("row", row, rows)
    own = [entry.row for entry in board.entries if entry.headline and not entry.control]
    if not row and not own:
        raise TableError(f"{run.path} has no row of a detector; name a row with --row.")
    return Subject(run, board, metrics, row or own[0], bool(row))
