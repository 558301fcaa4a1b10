"""What a run's tables are asked: which fits make a row, which images stand on which side."""

import json
from collections.abc import Iterator
from copy import copy
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mimbench.errors import TableError
from mimbench.scores.coding import as_codes
from mimbench.scores.splits import part_masks, split_column, test_masks
from mimbench.scores.tables import CLEAN, UNLABELLED, RunTables
from mimbench.statistics.run.questions import Group, Mask, Question, Row

__all__ = ["Condition", "Layout"]

Condition = tuple[str, int]


class Layout:
    """The tables of one run as arrays: images 0..N-1, patients 0..P-1, conditions and rows.

    A category with images from the target's source and from others becomes two groups. External
    images are compared among themselves: external target images against the other external ones,
    whose relation is that to the source of the external target images.
    """

    def __init__(
        self,
        tables: RunTables,
        *,
        fits: Mask | None = None,
        among: NDArray[np.bool_] | None = None,
    ) -> None:
        """Read the tables.

        Args:
            tables: the tables of one run.
            fits: (fits,) which fits enter; by default `RunTables.main_fits`.
            among: (N,) images of a subgroup, in the order of the images table; by default all.

        Raises:
            TableError: not exactly one target category, a fold without split column, or an image
                scored twice by the same fit under the same condition.
        """
        images = tables.images
        self.category = images["category"].to_numpy(dtype=object)
        self.role = images["role"].to_numpy(dtype=object)
        codes, names = pd.factorize(images["patient"])
        self.patient, self.n_patients = codes.astype(np.int64), len(names)
        targets = set(self.category[self.role == "target"])
        if len(targets) != 1:
            raise TableError(
                f"Table 'images' has {len(targets)} categories with the role 'target' "
                f"({', '.join(sorted(targets)) or 'none'}); exactly one is needed."
            )
        self.target: str = targets.pop()
        self.test = test_masks(images) & (True if among is None else among)
        self.trained = part_masks(images, "train")
        self.held_out = part_masks(images, "validation")
        self.external: Mask = np.asarray(self.role == "external", dtype=bool)
        self.is_target: Mask = np.asarray(self.category == self.target, dtype=bool)
        self.relation = self._relations(images["source"].to_numpy(dtype=object))
        pairs = zip(tables.fits["fitted_on"], tables.fits["withheld"], strict=True)
        self._fitted_on = tables.fits["fitted_on"].tolist()
        self._seen = [f"{own} without {less}" if less else str(own) for own, less in pairs]
        self._entering = tables.main_fits if fits is None else fits
        self._read_scores(tables)
        self.rows = tuple(self._rows(tables.fits))

    def _relations(self, source: NDArray[np.object_]) -> NDArray[np.object_]:
        """(N,) whether the target images that an image is compared with share its source."""
        own = np.isin(source, np.unique(source[self.role == "target"].astype(str)))
        abroad = self.external & self.is_target
        if abroad.any():
            there = np.isin(source, np.unique(source[abroad].astype(str)))
            own = np.where(self.external, there, own)
        return np.where(own, "same-source", "other-source").astype(object)

    def _read_scores(self, tables: RunTables) -> None:
        fits = tables.fits
        self._n_fits = len(fits)
        fit = _positions(tables.scores["fit_id"], fits["fit_id"])
        ok = (fits["status"] == "ok").to_numpy() & self._entering
        keep = ok[fit] if len(fit) else np.zeros(0, dtype=bool)
        scores = tables.scores if keep.all() else tables.scores[keep]
        image = _positions(scores["image_id"], tables.images["image_id"])
        corruption, corruptions = as_codes(scores["corruption"])
        pair = corruption * 128 + scores["severity"].to_numpy(np.int32)
        pairs, of_pair = np.unique(pair, return_inverse=True)
        conditions = [(str(corruptions[p // 128]), int(p % 128)) for p in pairs]
        order = sorted(range(len(pairs)), key=lambda k: (conditions[k][0] != CLEAN, conditions[k]))
        # a run in which everything failed still has rows, and a reason in each
        self.conditions: tuple[Condition, ...] = tuple(conditions[k] for k in order) or (
            (CLEAN, 0),
        )
        condition = np.argsort(order).astype(np.int16)[of_pair] if order else of_pair
        score, names = as_codes(scores["score"])
        self._score_names = [str(name) for name in names]
        key = score.astype(np.int64) * self._n_fits + fit[keep]
        by_key = np.argsort(key, kind="stable")
        self._keys, starts = np.unique(key[by_key], return_index=True)
        self._starts = np.append(starts, len(by_key))
        # 14 bytes for each score: of millions of them nothing else is kept
        self._condition, self._image = condition[by_key], image[by_key]
        self._value = scores["value"].to_numpy(dtype=np.float64)[by_key]

    def _span(self, score: int, fit: int) -> slice:
        """Where the scores of one row and fit are."""
        key = score * self._n_fits + fit
        at = int(np.searchsorted(self._keys, key))
        if at == len(self._keys) or self._keys[at] != key:
            return slice(0, 0)
        return slice(int(self._starts[at]), int(self._starts[at + 1]))

    def _rows(self, fits: pd.DataFrame) -> Iterator[Row]:
        records = fits.to_dict("records")
        seen = set(self._keys.tolist())
        for detector in dict.fromkeys(fits["detector"][self._entering]):
            own = [i for i in np.flatnonzero(self._entering) if records[i]["detector"] == detector]
            for i in own:
                self._check_fold(records[i])
            members = tuple((int(i), *_numbers(records[i])) for i in own)
            scored = [
                (code, score)
                for code, score in enumerate(self._score_names)
                if any(code * self._n_fits + i in seen for i in own)
            ]
            failed = next((_failure(records[i]) for i in own if records[i]["status"] != "ok"), "")
            for code, score in scored:
                silent = [records[i] for i in own if code * self._n_fits + i not in seen]
                silence = _silence(silent[0], score) if silent else ""
                line = next((_line(records[i], score) for i in own), None)
                yield Row(score, str(detector), members, failed or silence, line)
            names = {score for _, score in scored}
            not_run = {
                name: reason
                for i in own
                for name, reason in json.loads(records[i].get("not_run") or "{}").items()
                if name not in names
            }
            for name, reason in not_run.items():
                yield Row(name, str(detector), members, f"not run: {reason}")
            if not scored and not not_run:
                yield Row(str(detector), str(detector), members, failed or "no scores")

    def within(self, among: Mask) -> Self:
        """The same arrays for a subgroup of the images: (N,), in the order of the images table."""
        own = copy(self)
        own.test = self.test & among
        return own

    def _check_fold(self, fit: dict[Any, Any]) -> None:
        _, fold = _numbers(fit)
        if fold >= len(self.test) and not (fold == 0 and len(self.test) == 1):
            raise TableError(
                f"Fit {fit['fit_id']} is of fold {fold}, but table 'images' has no column "
                f"'{split_column(fold)}'."
            )

    def values(self, row: Row) -> NDArray[np.float64]:
        """Scores of one row: (fits, conditions, images), NaN where there is none."""
        table = np.full((len(row.fits), len(self.conditions), len(self.patient)), np.nan)
        if row.score not in self._score_names:
            return table
        score = self._score_names.index(row.score)
        for k, (fit, _, _) in enumerate(row.fits):
            own = self._span(score, fit)
            table[k, self._condition[own], self._image[own]] = self._value[own]
            if np.count_nonzero(~np.isnan(table[k])) != own.stop - own.start:
                raise TableError(
                    f"Table 'scores' has an image twice for the score '{row.score}' of one fit "
                    "under the same condition."
                )
        return table

    def cells(self, row: Row) -> list[tuple[int, int, int]]:
        """Position of the fit in `row.fits`, fold and seed; one for each fit and fold it serves."""
        return [
            (k, fold, seed)
            for k, (_, seed, own) in enumerate(row.fits)
            for fold in (range(len(self.test)) if own < 0 else [own])
        ]

    def line_images(self, row: Row, fit: int) -> tuple[NDArray[np.int64], float]:
        """Held-out images that the line of a fit was fitted on, and their number by that used.

        A swap fit is given as many of them as the target has.

        Args:
            row: the row.
            fit: position of the fit in `row.fits`.
        """
        number, _, fold = row.fits[fit]
        if fold < 0:
            return np.zeros(0, dtype=np.int64), 1.0
        own = self.held_out[fold] & (self.category == self._fitted_on[number])
        of_target = self.held_out[fold] & (self.category == self.target)
        return np.flatnonzero(own), max(1.0, own.sum() / max(of_target.sum(), 1))

    def trained_on(self, row: Row) -> str:
        """What a row's fits were trained on, in words; empty if one of them has seen no image."""
        if any(fold < 0 for _, _, fold in row.fits):
            return ""
        return ", ".join(sorted({self._seen[fit] for fit, _, _ in row.fits}))

    def questions(self) -> list[Question]:
        """Detection at home and on external images, and open-set (ID = target + known).

        Detection compares target images with those of every other category of the same site: the
        run's own target with the run's own others, external target with external others. Without
        external target images nothing external is compared.
        """
        target, known = self.role == "target", self.role == "known"
        shifted = np.isin(self.role.astype(str), ["unknown", "abnormal"])
        both = ("both", "target-only")
        own = self.groups(~self.is_target & ~self.external)
        asked = [
            Question("detection", target, own, both),
            Question("open-set", target | known, self.groups(shifted, "ood"), ("both",)),
        ]
        abroad = self.is_target & self.external
        if np.any(abroad & self.test):
            others = self.groups(~self.is_target & self.external)
            asked.insert(1, Question("detection", abroad, others, both))
        return [question for question in asked if question.groups]

    def groups(self, images: Mask, joint_role: str | None = None) -> tuple[Group, ...]:
        """Those of `images` that are test images in any fold, by role, relation and category.

        External images without a label are in no group.
        """
        members: dict[tuple[str, str, str], list[int]] = {}
        labelled = ~(self.external & (self.category == UNLABELLED))
        for image in np.flatnonzero(images & labelled & np.any(self.test, axis=0)).tolist():
            role = joint_role or self.role[image]
            key = (role, self.relation[image], self.category[image])
            members.setdefault(key, []).append(image)
        return tuple(Group(*key, np.asarray(found)) for key, found in sorted(members.items()))


def _positions(names: pd.Series, among: pd.Series) -> NDArray[np.int32]:
    """Where each name stands in a table, int32 (names,)."""
    codes, found = as_codes(names)
    places = pd.Index(among).get_indexer(pd.Index(found, dtype="str"))
    positions: NDArray[np.int32] = places.astype(np.int32)[codes]
    return positions


def _numbers(fit: dict[Any, Any]) -> tuple[int, int]:
    """Seed and fold of a fit, -1 where it has none."""
    seed, fold = (-1 if pd.isna(fit[name]) else int(fit[name]) for name in ("seed", "fold"))
    return seed, fold


def _describe(fit: dict[Any, Any]) -> str:
    seed, fold = _numbers(fit)
    parts = [f"fold {fold}"] * (fold >= 0) + [f"seed {seed}"] * (seed >= 0)
    return f"the fit of {', '.join(parts)}" if parts else "it"


def _silence(fit: dict[Any, Any], score: str) -> str:
    """Which fit has no such score, and why if it says so."""
    why = json.loads(fit.get("not_run") or "{}").get(score, "")
    return f"no scores from {_describe(fit)}" + f": {why}" * bool(why)


def _line(fit: dict[Any, Any], score: str) -> str | None:
    text = fit.get("lines")
    lines: dict[str, str] = json.loads(text) if isinstance(text, str) and text else {}
    return lines.get(score)


def _failure(fit: dict[Any, Any]) -> str:
    return f"{_describe(fit)} failed: {fit['reason'] or 'no reason given'}"
