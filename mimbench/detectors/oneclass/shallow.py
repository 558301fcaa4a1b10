"""Classic one-class models of scikit-learn on the features of a frozen backbone.

The state is the features that a model was fitted on; it is fitted again, with the same seed, when
the state is loaded, so that no pickle is needed.
"""

from abc import abstractmethod
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest
from sklearn.svm import OneClassSVM
from torch import Tensor

from mimbench.detectors.oneclass.frozen import FrozenFeatures
from mimbench.detectors.parameters import Side
from mimbench.detectors.protocol import Batch, State, TrainingSet
from mimbench.errors import TrainingError

__all__ = ["FeatureForest", "FeatureSVM"]

Normality = Callable[[NDArray[np.float64]], NDArray[np.float64]]


class _Shallow(FrozenFeatures):
    """Standardises the features, then asks a model how normal they are."""

    def __init__(self, backbone: str, weights: str = "none", side: Side = "input") -> None:
        """Parameters as for `FeatureNeighbours`."""
        super().__init__(backbone, weights, side)
        self.seen = torch.zeros(0, 0)
        self.seed = torch.zeros((), dtype=torch.long)
        self._normality: Normality | None = None

    def fit(self, train: TrainingSet) -> None:
        """Fit the model on the target's features."""
        self.to(train.device)
        self.seen, self.seed = self._seen(train.target.images), torch.tensor(train.seed)
        self._learn()

    def load(self, state: State) -> None:
        """Restore the features and fit the model on them again."""
        super().load(state)
        self._learn()

    def score(self, batch: Batch) -> Tensor:
        """Minus the model's normality (N,)."""
        if self._normality is None:
            raise TrainingError("This detector has not been fitted.")
        return torch.from_numpy(-self._normality(self._standard(self._features(batch))))

    def _learn(self) -> None:
        self._normality = self._fitted(self._standard(self.seen), int(self.seed))

    def _standard(self, features: Tensor) -> NDArray[np.float64]:
        centred = features.double() - self.seen.double().mean(0)
        spread = self.seen.double().std(0, correction=0)
        return (centred / spread.clamp(min=1e-3 * float(spread.mean()) + 1e-12)).numpy()

    @abstractmethod
    def _fitted(self, points: NDArray[np.float64], seed: int) -> Normality:
        """How normal points (n, D) are, by a model fitted on `points`: (n,), higher = more so."""


class FeatureForest(_Shallow):
    """How few random cuts isolate an image.

    Source: Liu, Ting and Zhou 2008, "Isolation forest".
    """

    def _fitted(self, points: NDArray[np.float64], seed: int) -> Normality:
        forest = IsolationForest(n_estimators=200, random_state=seed).fit(points)
        normality: Normality = forest.score_samples
        return normality


class FeatureSVM(_Shallow):
    """Signed distance to the boundary of a one-class SVM with a Gaussian kernel.

    Source: Schölkopf et al. 2001, "Estimating the support of a high-dimensional distribution".
    """

    random = False

    def _fitted(self, points: NDArray[np.float64], seed: int) -> Normality:
        machine = OneClassSVM(nu=0.1, gamma="scale")
        machine.random_state = seed  # no argument of this class, but libsvm draws from it
        machine.fit(points)
        normality: Normality = machine.decision_function
        return normality
