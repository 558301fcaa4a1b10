"""A linear classifier on the features of a frozen backbone."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from mimbench.detectors.classifier.classifier import Classifier, balance
from mimbench.detectors.classifier.posthoc.logits import logit_scores
from mimbench.detectors.classifier.posthoc.outputs import Outputs
from mimbench.detectors.graph import ScoreGraph
from mimbench.detectors.networks.network import Network
from mimbench.detectors.networks.shared_features import pooled_name
from mimbench.detectors.parameters import Side
from mimbench.detectors.protocol import Batch, Detector, TrainingSet
from mimbench.errors import RecipeError, TrainingError, WeightsError

__all__ = ["LinearProbe", "logistic_regression"]

BATCH = 32
# of the squared weights, in units of the cross-entropy; the one that validation likes best is kept
PENALTIES = (3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003)


class LinearProbe(Classifier):
    """Logistic regression on features that are computed once; two fits on the same images agree.

    Features are standardised. Categories weigh alike, whatever their numbers of images. The penalty
    on the weights is the one with the least cross-entropy on the validation images.

    Source: Kornblith et al. 2019, "Do better ImageNet models transfer better?", section 3.
    """

    random = False

    def __init__(
        self,
        architecture: str,
        weights: str = "none",
        side: Side = "input",
        views: Annotated[int, Field(ge=1, le=4)] = 4,
        scores: Sequence[str] = (),
    ) -> None:
        """Describe the classifier.

        Args:
            architecture: as for `Classifier`; its head must be a linear layer.
            weights: as for `Classifier`; with "none" the row is a control.
            side: as for `Classifier`.
            views: orientations in which each training image is seen: as it is, flipped left to
                right, upside down, both.
            scores: as for `Classifier`.

        Raises:
            UnknownNameError: no such score.
        """
        super().__init__(architecture, weights, scores=scores, side=side)
        self.views = views
        self.blind = weights == "none"
        # random weights are drawn after the number of categories, and a feature map is not shared
        shared = not self.blind and "rankfeat" not in scores
        self.needs = (pooled_name(architecture, weights, side),) if shared else ()

    def fit(self, train: TrainingSet) -> None:
        """Fit the head on target and known images; the first category is the target."""
        images, labels = self._training_images(train)
        network = self._build(0).to(train.device).eval().requires_grad_(False)
        head, validation = network.head, train.validation
        if not isinstance(head, nn.Linear):
            raise RecipeError(
                f"The head of {self.architecture} is a {type(head).__name__}; a linear probe needs "
                "a network whose head is a linear layer, such as resnet18."
            )
        held_out = self._labels(validation.categories)
        features = [_features(network, view, train) for view in _views(images, self.views)]
        weight, bias = _best_head(
            torch.cat(features),
            labels.repeat(self.views),
            _features(network, validation.images, train),
            held_out,
        )
        with torch.no_grad():
            head.weight.copy_(weight)
            head.bias = nn.Parameter(bias.to(head.weight), requires_grad=False)  # it may have none
        self._look(
            network, images, labels, validation.images, held_out, validation.patients, train.device
        )

    def _outputs(self, network: Network, batch: Batch) -> Outputs:
        """Those of the head on the features that other rows of the same network read, too."""
        for name in self.needs if batch.provider is not None else ():
            with contextlib.suppress(WeightsError):  # they are gone; the state has the network
                features = batch[name]
                logits = network.head(features)
                return Outputs(batch.images, logits.float().cpu(), features.cpu(), None)
        return super()._outputs(network, batch)

    def graph(self) -> nn.Module:
        """For export; trained models of several folds then have one copy of the backbone.

        See `Detector.graph`.
        """
        if self.network is not None and self.needs:
            with contextlib.suppress(WeightsError):  # as in `_outputs`
                self.require()
                return ScoreGraph(_Head(self.network.head, self.needs[0]))
        return super().graph()


class _Head(Detector):
    """A fitted head alone, on shared features."""

    def __init__(self, head: nn.Module, features: str) -> None:
        self.head, self.needs = head, (features,)

    def score(self, batch: Batch) -> Mapping[str, Tensor]:
        """The scores that logits give without a fit."""
        return logit_scores(self.head(batch[self.needs[0]]).float())


def _views(images: Tensor, count: int) -> list[Tensor]:
    flips: list[list[int]] = [[], [3], [2], [2, 3]]
    return [images.flip(dims) for dims in flips[:count]]


@torch.no_grad()
def _features(network: Network, images: Tensor, train: TrainingSet) -> Tensor:
    """Penultimate features float64 (N, D) of uint8 images (N, 3, H, W), on the CPU."""
    parts = [network.outputs(part.to(train.device))[1] for part in torch.split(images, BATCH)]
    return torch.cat(parts).double().cpu()


def _best_head(
    features: Tensor, labels: Tensor, held_out: Tensor, held_out_labels: Tensor
) -> tuple[Tensor, Tensor]:
    """Weights (K, D) and biases (K,) for features as they are.

    Raises:
        TrainingError: the features are not finite.
    """
    if not (features.isfinite().all() and held_out.isfinite().all()):
        raise TrainingError("Features of the backbone are not finite.")
    mean, spread = features.mean(0), features.std(0, correction=0)
    spread = spread.clamp(min=1e-3 * float(spread.mean()) + 1e-12)  # a dead channel stays silent
    points, others = (features - mean) / spread, (held_out - mean) / spread
    classes = int(labels.max()) + 1
    least, best = torch.inf, torch.zeros(classes, points.shape[1] + 1, dtype=torch.float64)
    head = best.clone()
    for penalty in PENALTIES:  # each starts from the one before
        head = logistic_regression(points, labels, head, penalty)
        logits = others @ head[:, :-1].T + head[:, -1]
        share = balance(held_out_labels, classes).double()
        loss = float(cross_entropy(logits, held_out_labels, share))
        if loss < least:
            least, best = loss, head
    weight = best[:, :-1] / spread
    return weight.float(), (best[:, -1] - weight @ mean).float()


def logistic_regression(points: Tensor, labels: Tensor, start: Tensor, penalty: float) -> Tensor:
    """Multinomial logistic regression in which categories count alike.

    Args:
        points: float64 (N, D).
        labels: (N,), integers in 0..K-1.
        start: weights and, in the last column, biases (K, D + 1) to start from.
        penalty: of the weights' squares, above 0; the mean cross-entropy has weight 1.

    Returns:
        Weights and biases (K, D + 1) with the least penalised loss.
    """
    head = start.clone().requires_grad_(True)
    share = balance(labels, len(head)).double()
    optimiser = torch.optim.LBFGS(
        [head], max_iter=100, tolerance_grad=1e-6, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimiser.zero_grad()
        logits = points @ head[:, :-1].T + head[:, -1]
        value = cross_entropy(logits, labels, share) + penalty * head[:, :-1].square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    with torch.enable_grad():
        optimiser.step(loss)  # type: ignore[no-untyped-call]
    return head.detach()
