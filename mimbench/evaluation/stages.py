"""The two stages of a run: an executor fits and scores, then what it left in the store is read."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from mimbench.errors import DetectorError, OutputError
from mimbench.evaluation.execution.executor import Executor
from mimbench.evaluation.execution.failure import reason_of
from mimbench.evaluation.execution.performing import KeptFits
from mimbench.evaluation.execution.tasks import (
    Task,
    TaskContext,
    WantedBlock,
    fit_tasks,
    score_tasks,
    wanted_blocks,
)
from mimbench.evaluation.fitting import Fit
from mimbench.evaluation.outcome import Outcome, ScoredBlock
from mimbench.evaluation.scoring import other_scores
from mimbench.progress import Progress
from mimbench.runfolder.merged_blocks import MergedBlocks, merge_blocks
from mimbench.runfolder.score_blocks import Block, read_block

__all__ = ["fit_all", "score_all"]

UNREADABLE = "it was computed and cannot be read back from the store"


def fit_all(
    context: TaskContext, executor: Executor, fits: KeptFits, progress: Progress, outcome: Outcome
) -> None:
    """Fit what the store lacks, and read all fits.

    Args:
        context: of the run.
        executor: that fits.
        fits: that this process keeps in memory.
        progress: is told of each fit.
        outcome: gets the fits, and the failed ones.
    """
    lost = dict(context.addresses.failed)
    for position, reason in lost.items():
        progress.message(f"{context.plan.fits[position]} failed. {reason}")
    lost |= _perform(executor, "Fitting", fit_tasks(context), progress)
    progress.stage("Reading trained models", len(context.plan.fits))
    for position, spec in enumerate(context.plan.fits):
        progress.update(position, str(spec))
        if position not in lost:
            try:
                fit = fits.read(position)
                if fit is None:
                    raise DetectorError(UNREADABLE)
            except OutputError:
                raise
            except Exception as error:
                lost[position] = f"fit: {reason_of(spec, error)}"
                progress.message(f"{spec} failed. {lost[position]}")
            else:
                outcome.fits.append(fit)
                continue
        outcome.fail(spec, lost[position])
    progress.update(len(context.plan.fits))


def score_all(
    context: TaskContext, executor: Executor, progress: Progress, outcome: Outcome
) -> None:
    """Score what the store lacks, and read all scores; damaged ones are computed again.

    Args:
        context: of the run.
        executor: that scores.
        progress: is told of each unit.
        outcome: has the fits; gets the scores, and the fits that failed.
    """
    positions = {id(spec): position for position, spec in enumerate(context.plan.fits)}
    fits = {positions[id(fit.spec)]: fit for fit in outcome.fits}
    wanted = wanted_blocks(context.plan, context.store, list(fits.items()))
    merged = MergedBlocks(dict.fromkeys(block.path.parent for block in wanted))
    reader = _ScoreReader(context.plan.images["image_id"], fits, merged, progress, outcome)
    unread = list(enumerate(wanted))
    missing = [block for block in wanted if not (block.path in merged or block.path.is_file())]
    for _ in range(2):
        tasks = score_tasks(missing)
        for position, reason in _perform(executor, "Scoring", tasks, progress).items():
            outcome.failed[fits[position].fit_id] = (fits[position].spec, reason)
        unread = reader.read(unread)
        missing = [block for _, block in unread]
        if not missing:
            break
    for block in missing:
        reader.fail(block, DetectorError(UNREADABLE))
    outcome.blocks += [reader.found[number] for number in sorted(reader.found)]


class _ScoreReader:
    """Reads blocks of scores, and sees whether a fit yields the same scores everywhere."""

    def __init__(
        self,
        images: pd.Series,
        fits: Mapping[int, Fit],
        merged: MergedBlocks,
        progress: Progress,
        outcome: Outcome,
    ) -> None:
        self.fits, self.merged = fits, merged
        self.progress, self.outcome = progress, outcome
        self.names: dict[int, list[str]] = {}
        self.told: set[str] = set()
        self.found: dict[int, ScoredBlock] = {}
        self.positions = {image: position for position, image in enumerate(images)}

    def read(self, blocks: Sequence[tuple[int, WantedBlock]]) -> list[tuple[int, WantedBlock]]:
        """Read numbered blocks of fits that have not failed; returns those that are damaged.

        Blocks of one fit and condition are read one after another, and merged into one file.
        """
        self.progress.stage("Reading scores", sum(block.images for _, block in blocks))
        together: dict[tuple[str, int], list[tuple[int, WantedBlock]]] = {}
        for number, block in blocks:
            together.setdefault((str(block.condition), block.fit), []).append((number, block))
        damaged, done = [], 0
        for (condition, fit), own in together.items():
            self.progress.update(done, condition)
            done += sum(block.images for _, block in own)
            if self.fits[fit].fit_id not in self.outcome.failed:
                damaged += self._read_together(own)
        self.progress.update(done)
        return sorted(damaged, key=lambda entry: entry[0])

    def _read_together(
        self, blocks: Sequence[tuple[int, WantedBlock]]
    ) -> list[tuple[int, WantedBlock]]:
        """Read blocks of one fit and condition; returns those that are damaged."""
        damaged, loose = [], []
        for number, block in blocks:
            kept = self.merged.read(block.path)
            if kept is not None and self._add(number, block, kept):
                block.path.unlink(missing_ok=True)  # a run was killed after it had merged it
                continue
            kept = read_block(block.path)
            if kept is not None and self._add(number, block, kept):
                loose.append((block.path, kept))
            else:
                damaged.append((number, block))
        failed = any(self.fits[block.fit].fit_id in self.outcome.failed for _, block in blocks)
        if len(loose) > 1 and not failed:  # what it failed of is to be seen again
            merge_blocks(loose)
        return damaged

    def _add(self, number: int, wanted: WantedBlock, block: Block) -> bool:
        """Take the scores of a block; False if they are of other images."""
        found = [self.positions.get(image, -1) for image in block.scores["image_id"].tolist()]
        images = np.asarray(found, dtype=np.int32)
        if len(images) == 0 or images.min() < 0:
            return False
        own = list(block.scores.columns[1:])
        before = self.names.setdefault(wanted.fit, own)
        if own != before:
            self.fail(wanted, DetectorError(other_scores(before, own)))
            return True
        fit_id = self.fits[wanted.fit].fit_id
        values = block.scores.iloc[:, 1:].to_numpy(dtype=np.float64).T
        self.found[number] = ScoredBlock(fit_id, wanted.condition, tuple(own), images, values)
        for row, kind in block.about.get("converted", {}).items():
            if row not in self.told:
                self.told.add(row)
                self.progress.message(f"Scores of {row} are {kind}; they are converted to float64.")
        return True

    def fail(self, block: WantedBlock, error: Exception) -> None:
        """The scores of a fit cannot be used."""
        fit = self.fits[block.fit]
        why = f"score, {block.condition}: {reason_of(fit.spec, error)}"
        if fit.fit_id not in self.outcome.failed:
            self.outcome.failed[fit.fit_id] = (fit.spec, why)
            self.progress.message(f"{fit.spec} failed. {why}")


def _perform(
    executor: Executor, title: str, tasks: Sequence[Task], progress: Progress
) -> Mapping[int, str]:
    if not tasks:
        return {}
    progress.stage(f"{title}{executor.where}", sum(task.size for task in tasks))
    return executor.perform(tasks, progress)
