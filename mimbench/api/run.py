"""A finished run, asked from a notebook: every number with its interval, from the tables alone."""

import html
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from mimbench import claims as judging
from mimbench.api.columns import SCORES
from mimbench.api.figures import Figures
from mimbench.api.selection import images_among, part_of_each
from mimbench.errors import UnknownNameError
from mimbench.report.cautions import of_table
from mimbench.report.figures.degradation import degradation_curves
from mimbench.report.leaderboard.category_table import category_frame, category_table
from mimbench.report.leaderboard.entries import Leaderboard, build_leaderboard
from mimbench.report.leaderboard.formats import leaderboard_frame
from mimbench.report.leaderboard.groups import Group, primary_group
from mimbench.report.leaderboard.paired_differences import PairedDifferences
from mimbench.report.leaderboard.publication import Choice, Publication, board_table
from mimbench.report.leaderboard.publication_formats import as_html, written
from mimbench.report.subgroups import skin_tone_table
from mimbench.runfolder.reading import RunFolder, read_run
from mimbench.scores.tables import CLEAN, RunTables
from mimbench.statistics.core.estimate import Estimate
from mimbench.statistics.run.comparisons import Quantity, RunAurocs
from mimbench.statistics.run.uncertainty import paired_difference
from mimbench.statistics.tables.metrics import metrics_table
from mimbench.statistics.tables.row_metrics import MEAN_SEVERITY

__all__ = ["Run", "open_run"]

# what `where` says of a group; its other names are columns of the images
GROUP_FIELDS = {"role": "", "relation": "", "question": "detection"}


def open_run(folder: str | Path, *, accept_changed: bool = False) -> "Run":
    """Open the folder of a finished run.

    Args:
        folder: of the run, or with the three tables alone.
        accept_changed: read files that were changed since the run recorded them too; the run's
            representation names them.

    Raises:
        TableError: a table is missing, wrong, or not the one that the run recorded.
    """
    return Run(read_run(Path(folder), accept_changed=accept_changed))


class Run:
    """A finished run. Numbers are computed when they are asked for, and kept.

    Attributes:
        folder: what lies in the run's folder: `tables`, `info`, `detectors`, `doubts` and more.
        figures: figures of the run, drawn on axes of yours.
    """

    def __init__(self, folder: RunFolder) -> None:
        """Take a run folder in memory; `open_run` reads one."""
        self.folder = folder
        self.figures = Figures(self)
        self._boards: dict[bytes, Leaderboard] = {}
        self._metrics: dict[tuple[bytes, bool], pd.DataFrame] = {}

    @property
    def tables(self) -> RunTables:
        """The three tables: scores, fits and images."""
        return self.folder.tables

    @cached_property
    def aurocs(self) -> RunAurocs:
        """AUROCs with what they vary by, from which any two can be compared."""
        return RunAurocs(self.tables)

    def board(self, where: Mapping[str, str] | None = None) -> Leaderboard:
        """The leaderboard as objects; `leaderboard` gives it as a frame."""
        among = images_among(self.folder, where or {})
        key = among.tobytes()
        if key not in self._boards:
            tones = None if where else skin_tone_table(self.folder)
            own = self._measured(where, severities=False)
            self._boards[key] = build_leaderboard(self.folder, own, tones, among=among)
        return self._boards[key]

    def metrics(self, where: Mapping[str, str] | None = None) -> pd.DataFrame:
        """Every number of the run with its interval, as in metrics.parquet.

        `where` is a column of the images = value, to choose a subgroup, see `table`. Columns as
        `mimbench.statistics.tables.metrics.METRIC_COLUMNS`.
        """
        return self._measured(where, severities=True)

    def _measured(self, where: Mapping[str, str] | None, *, severities: bool) -> pd.DataFrame:
        """The metrics; without `severities`, as `metrics_table`, unless all are there anyway."""
        among = images_among(self.folder, where or {})
        for known in (True, severities):
            if (found := self._metrics.get((among.tobytes(), known))) is not None:
                return found
        found = metrics_table(self.tables, among=among, severities=severities)
        self._metrics[among.tobytes(), severities] = found
        return found

    def leaderboard(self) -> pd.DataFrame:
        """One line per score, the best first, as in leaderboard.csv, indexed by `row`.

        It has every column; `table` is short.

        Returns:
            Columns `<role>_<relation>:<column>`, with `_low`, `_high` and `_caution` beside an
            estimate; the reference lists them.
        """
        return leaderboard_frame(self.board()).set_index("row")

    def categories(self) -> pd.DataFrame:
        """Clean AUROC of each score and category; columns as `mimbench.api.columns`."""
        return category_frame(self._measured(None, severities=False))

    def auroc(self, row: str, **where: Any) -> Estimate:
        """AUROC of a score with its 95 % interval over patients, as the leaderboard prints it.

        Args:
            row: name of the score, e.g. "mim/residual".
            where: `role` ("unknown", "known", "abnormal", "external"), `relation` ("same-source",
                "other-source"), `category` (one of them alone), `corruption` ("clean", a
                corruption, "*" for the mean over all), `severity` (1 to 5; by default the mean
                over those of the run), `protocol` ("both", "target-only") and `question`
                ("detection", "open-set"). Without a role, the group that sorts the leaderboard.

        Returns:
            `value` in [0, 1], higher = better; `low` and `high`; `reason` where there is no number.

        Raises:
            UnknownNameError: the run has no such row, group or condition.
        """
        return self.aurocs.influence(self._quantity(row, where)).area_estimates()[0]

    def compare(self, first: str, second: str, **where: Any) -> Estimate:
        """AUROC of one score minus that of another, paired on the same images and patients.

        Args:
            first: name of a score.
            second: what is taken off.
            where: as for `auroc`.

        Returns:
            `value`, higher = `first` is better; its 95 % interval and two-sided `p` contain
            patients and retraining. Where too few trainings tell how much retraining moves a
            score, `p` is NaN and `caution` says so.

        Raises:
            UnknownNameError: the run has no such row, group or condition.
        """
        own, other = (self.aurocs.measured(self._quantity(row, where)) for row in (first, second))
        return paired_difference(own, other)[0]

    def degradation(
        self, row: str, *, role: str = "", relation: str = "", protocol: str = "both"
    ) -> pd.DataFrame:
        """AUROC of a score by corruption and severity; columns as `mimbench.api.columns`.

        Args:
            row: name of the score.
            role: of the other images; by default the group that sorts the leaderboard.
            relation: "same-source" or "other-source".
            protocol: "both" sides corrupted, or "target-only".

        Raises:
            UnknownNameError: the run has no such row or group.
        """
        self._known(row)
        return degradation_curves(self.metrics(), self.group(role, relation), protocol, [row])

    def scores(self, row: str = "", *, corruption: str = "") -> pd.DataFrame:
        """Scores of single images, with what the image is; columns as `mimbench.api.columns`.

        There is one line per trained model, image and condition. Models of the swap test, which
        learned another category, are left out. Validation images are among the lines; AUROCs are of
        those whose `split` is "test", one for each trained model, then their mean.

        Args:
            row: name of a score; empty: all.
            corruption: "clean" or a corruption; empty: all.

        Raises:
            UnknownNameError: the run has no such row or corruption.
        """
        own = self.tables.scores
        if row:
            self._known(row)
            own = own[own["score"] == row]
        if corruption:
            there = own["corruption"].unique().tolist()
            if corruption not in there:
                raise UnknownNameError("corruption of the run", corruption, there)
            own = own[own["corruption"] == corruption]
        told = ["fit_id", "detector", "fold", "seed"]
        fits = self.tables.fits.loc[self.tables.main_fits, told]
        taken = {*fits, *own} - {"image_id"}  # a column of the user's may have such a name
        images = self.tables.images.drop(columns=list(taken), errors="ignore")
        merged = own.merge(fits, on="fit_id").merge(images, on="image_id")
        merged = merged.assign(split=part_of_each(merged)).rename(columns={"score": "row"})
        return merged[list(SCORES)]

    def images(self) -> pd.DataFrame:
        """The images of the run with every column of yours; columns as `mimbench.api.columns`."""
        return self.tables.images.copy()

    def verify(self, claims: str | Path = "mim-paper") -> pd.DataFrame:
        """Judge claims, as `mimbench verify` does; nothing is written into the run's folder.

        Args:
            claims: shipped claims by name, or a claims file.

        Returns:
            One line per claim, row and relation; columns as `mimbench.claims.Verdict`.
        """
        verdicts = judging.verify(self.tables, judging.read_claims(str(claims)))
        fields = list(judging.Verdict.model_fields)
        return pd.DataFrame([own.model_dump() for own in verdicts], columns=fields)

    def table(
        self,
        rows: Sequence[str] = (),
        columns: Sequence[str] = (),
        where: Mapping[str, str] | None = None,
        *,
        by: str = "",
        form: str = "md",
    ) -> str:
        """A table for a publication: best rows in bold, ties by a paired test, footnotes.

        Args:
            rows: names of scores, in this order; by default the headline scores.
            columns: of the leaderboard, by name; by default AUROC and drop.
            where: `role`, `relation` and `question` choose columns; any other name is a column of
                the images, of which those with this value stay. `category`, `source` and `dataset`
                choose among the other images, all else among target images too.
            by: "category" for one line per category.
            form: "latex", "md", "csv" or "html".

        Raises:
            UnknownNameError: the run has no such row, column, group, or column of the images.
            TableError: no target image, or no other image, has the values asked for.
        """
        return written(self.publication(rows, columns, where, by=by), form)

    def publication(
        self,
        rows: Sequence[str] = (),
        columns: Sequence[str] = (),
        where: Mapping[str, str] | None = None,
        *,
        by: str = "",
    ) -> Publication:
        """What `table` writes, as an object; arguments as there."""
        asked = dict(where or {})
        if by not in ("", "category"):
            raise UnknownNameError("lines of a table", by, ["category"])
        groups = {name: asked.pop(name) for name in GROUP_FIELDS if name in asked}
        choice = Choice(rows=tuple(rows), columns=tuple(columns), **groups)
        differences = PairedDifferences(self.tables, images_among(self.folder, asked))
        title = ", ".join([self.folder.name, *(f"{k} = {v}" for k, v in asked.items())])
        board = self.board(asked)
        about = of_table(self.folder, board, rows)
        if by:
            found = self._measured(asked, severities=False)
            return category_table(board, found, choice, differences, title, about)
        return board_table(board, choice, differences, title, about)

    def group(self, role: str = "", relation: str = "", question: str = "detection") -> Group:
        """The group of images of a role and relation; by default the one that sorts.

        Raises:
            UnknownNameError: the run has none.
        """
        groups = [Group(*names) for names in self.aurocs.groups(question)]
        for kind, name, known in (
            ("role", role, [group.role for group in groups]),
            ("relation", relation, [group.relation for group in groups]),
        ):
            if name and name not in known:
                raise UnknownNameError(f"{kind} of images ({question})", name, dict.fromkeys(known))
        fitting = [g for g in groups if role in ("", g.role) and relation in ("", g.relation)]
        found = primary_group(fitting)
        if found is None:
            wanted = f"{role or 'any role'} / {relation or 'any relation'}"
            known = [f"{group.role} / {group.relation}" for group in groups]
            raise UnknownNameError(f"group of images ({question})", wanted, known)
        return found

    def _quantity(self, row: str, where: Mapping[str, Any]) -> Quantity:
        asked = dict(where)
        names = (asked.pop(name, default) for name, default in GROUP_FIELDS.items())
        role, relation, question = names
        group = self.group(role, relation, question)
        asked |= {"role": group.role, "relation": group.relation, "question": question}
        if asked.get("corruption", CLEAN) != CLEAN:
            asked.setdefault("severity", MEAN_SEVERITY)
        try:
            return Quantity(row, **asked)
        except TypeError as error:
            known = [name for name in Quantity.__annotations__ if name != "row"]
            unknown = next(name for name in asked if name not in known)
            raise UnknownNameError("argument", unknown, known) from error

    def _known(self, row: str) -> None:
        if row not in self.aurocs.rows:
            raise UnknownNameError("row", row, self.aurocs.rows)

    def __repr__(self) -> str:
        images, rows = self.tables.images, len(self.aurocs.rows)
        return (
            f"<Run {self.folder.name}: {rows} scores, {len(images)} images of "
            f"{images['patient'].nunique()} patients, target {self.folder.target}>"
        )

    def _repr_html_(self) -> str:
        """What a notebook shows: the run in a line, doubts, and the leaderboard."""
        about = html.escape(f"{self!r}"[1:-1])
        doubts = "".join(f"<p><b>{html.escape(doubt)}</b></p>" for doubt in self.folder.doubts)
        return f"<p>{about}</p>{doubts}{as_html(self.publication())}"
