"""Deep SVDD: a network that maps the target into a small sphere."""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor
from torch.optim import AdamW

from mimbench.detectors.imaging.augmentation import augment
from mimbench.detectors.networks.devices import seeded
from mimbench.detectors.oneclass.autoencoder import encoder
from mimbench.detectors.parameters import (
    BatchSize,
    Channels,
    LearningRate,
    LossWeight,
    Steps,
)
from mimbench.detectors.protocol import Batch, Detector, TrainingSet
from mimbench.detectors.training import Options, Trainer
from mimbench.errors import TrainingError

__all__ = ["DeepSVDD"]

LEAST = 0.1  # of each coordinate of the centre, so that a network of zeros is no solution


class DeepSVDD(Detector):
    """Squared distance to a fixed centre, in the features of a network trained to shrink it.

    The network has no bias, as the method demands. It is not pretrained as an autoencoder.

    Source: Ruff et al. 2018, "Deep one-class classification", the one-class objective.
    """

    trains_on = "target"

    def __init__(
        self,
        width: Channels = 16,
        features: Channels = 64,
        steps: Steps = 300,
        batch_size: BatchSize = 16,
        learning_rate: LearningRate = 1e-4,
        weight_decay: LossWeight = 1e-2,
    ) -> None:
        """Describe the detector.

        Args:
            width: channels of the first layer.
            features: dimensions of the sphere.
            steps: batches to train.
            batch_size: images per batch.
            learning_rate: of AdamW.
            weight_decay: of AdamW.
        """
        self.width, self.features, self.steps, self.batch_size = width, features, steps, batch_size
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        self.centre = torch.zeros(features)
        self._draw_weights(0)

    def fit(self, train: TrainingSet) -> None:
        """Put the centre where the untrained network maps the target, then shrink the distances.

        Raises:
            TrainingError: no image, or a loss that is not finite.
        """
        if not len(train.target):
            raise TrainingError("There is no image of the target to train on.")
        self._draw_weights(train.seed)
        self.to(train.device)
        pixels, draws = train.target.images, train.generator
        with torch.no_grad():
            mean = self._map(pixels.to(train.device).float() / 255).mean(0)
        self.centre = torch.where(mean < 0, mean.clamp(max=-LEAST), mean.clamp(min=LEAST))

        def step(indices: Tensor) -> Iterator[tuple[str, Mapping[str, Tensor]]]:
            images = augment(pixels[indices].float() / 255, draws).to(train.device)
            yield "encoder", {"distance": self._distance(images).mean()}

        optimiser = AdamW(
            self.encoder.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay
        )
        self.history = Trainer(
            train,
            {"encoder": self.encoder},
            {"encoder": optimiser},
            step,
            Options(self.steps, self.batch_size),
        ).run()

    def score(self, batch: Batch) -> Tensor:
        """Squared distance (N,), at least 0."""
        return self._distance(batch.images.float() / 255)

    def _draw_weights(self, seed: int) -> None:
        with seeded(seed):
            self.encoder = encoder(self.width, self.features, bias=False).eval()

    def _map(self, images: Tensor) -> Tensor:
        found: Tensor = self.encoder(images).mean((2, 3))
        return found

    def _distance(self, images: Tensor) -> Tensor:
        return (self._map(images) - self.centre).square().sum(1)
