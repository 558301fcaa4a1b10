"""All post-hoc scores by name, and those of one classifier."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from mimbench.detectors.classifier.posthoc import features, head, images, logits
from mimbench.detectors.classifier.posthoc.outputs import Outputs, Score, Scorer, TrainingOutputs
from mimbench.errors import DetectorError, UnknownNameError

__all__ = ["OPEN_SET", "SCORES", "UNFITTED", "PostHoc", "require_known"]

# what makers and pytorch-ood raise on training sets that they cannot use
FAILURES = (DetectorError, ValueError, RuntimeError, AssertionError)

SCORES: Mapping[str, Score] = {
    **logits.ALWAYS,
    **logits.SCORES,
    **features.SCORES,
    **head.SCORES,
    **images.SCORES,
}
UNFITTED = tuple(name for name, score in SCORES.items() if score.fitted_on == "nothing")
OPEN_SET = tuple(name for name, score in SCORES.items() if score.asks == "open-set")


class PostHoc:
    """The post-hoc scores that a recipe names, fitted on its classifier's training outputs.

    Attributes:
        not_run: score -> reason, for those that this release, network or training set cannot give.
    """

    def __init__(
        self, names: Sequence[str], training: TrainingOutputs, not_run: Mapping[str, str]
    ) -> None:
        """Fit them.

        Args:
            names: of `SCORES`; those from logits alone come without being named.
            training: the classifier's outputs on its training and validation images.
            not_run: scores that are known not to run, with the reason.
        """
        self.not_run = dict(not_run)
        self.scorers: dict[str, Scorer] = {}
        for name in names:
            make = SCORES[name].make
            if make is None or name in not_run:
                continue
            try:
                self.scorers[name] = make(training)
            except FAILURES as error:
                self._give_up(name, error)

    def try_on(self, outputs: Outputs) -> None:
        """Give up the scores that raise or are not finite on these outputs of training images."""
        for name, scorer in list(self.scorers.items()):
            try:
                if not scorer(outputs).isfinite().all():
                    raise DetectorError("it is not finite on training images")
            except FAILURES as error:
                del self.scorers[name]
                self._give_up(name, error)

    def __call__(self, outputs: Outputs) -> dict[str, Tensor | DetectorError]:
        """Every score (N,), higher = more OOD; a `DetectorError` for one that is not run."""
        scored: dict[str, Tensor | DetectorError] = {**logits.logit_scores(outputs.logits)}
        scored |= {name: scorer(outputs).detach() for name, scorer in self.scorers.items()}
        return scored | {name: DetectorError(why) for name, why in self.not_run.items()}

    def _give_up(self, name: str, error: Exception) -> None:
        self.not_run[name] = str(error) or type(error).__name__


def require_known(names: Sequence[str]) -> None:
    """Raise UnknownNameError for a score that does not exist."""
    for name in names:
        if name not in SCORES:
            raise UnknownNameError("score of a classifier", name, SCORES)
