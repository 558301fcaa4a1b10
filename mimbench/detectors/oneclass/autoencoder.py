"""Autoencoders of the target: what they cannot draw again is something else."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from torch.optim import Adam

from mimbench.detectors.graph import ScoreGraph
from mimbench.detectors.imaging.augmentation import augment
from mimbench.detectors.imaging.similarity import ssim
from mimbench.detectors.networks.devices import seeded
from mimbench.detectors.parameters import (
    BatchSize,
    Channels,
    LearningRate,
    LossWeight,
    Steps,
)
from mimbench.detectors.protocol import Batch, Detector, TrainingSet
from mimbench.detectors.training import Options, Trainer
from mimbench.errors import DetectorError

__all__ = ["Autoencoder", "encoder"]

Kind = Literal["plain", "variational", "context"]
STRIDE = 16  # pixels for one cell of the code


def encoder(width: int, code: int, *, bias: bool = True) -> nn.Sequential:
    """Four convolutions of stride 2: (N, 3, H, W) to a code (N, code, H / 16, W / 16)."""
    channels = [3, width, 2 * width, 4 * width]
    layers: list[nn.Module] = []
    for before, after in pairwise(channels):
        layers += [nn.Conv2d(before, after, 4, 2, 1, bias=bias), nn.LeakyReLU(0.1)]
    return nn.Sequential(*layers, nn.Conv2d(channels[-1], code, 4, 2, 1, bias=bias))


def _decoder(width: int, code: int) -> nn.Sequential:
    channels = [code, 4 * width, 2 * width, width]
    layers: list[nn.Module] = []
    for before, after in pairwise(channels):
        layers += [nn.ConvTranspose2d(before, after, 4, 2, 1), nn.LeakyReLU(0.1)]
    return nn.Sequential(*layers, nn.ConvTranspose2d(channels[-1], 3, 4, 2, 1))


class Autoencoder(Detector):
    """Convolutional autoencoder; with another `kind` a VAE, or one that paints a hidden centre.

    Scores: `l2`, mean squared error in units where the grey levels span 2; `ssim`, one minus the
    structural similarity; a VAE also `elbo`, its bound on the negative log likelihood.

    Source: Bergmann et al. 2019, "Improving unsupervised defect segmentation by applying structural
    similarity to autoencoders"; Kingma and Welling 2014; Pathak et al. 2016, "Context encoders",
    without the critic.
    """

    trains_on = "target"

    def __init__(
        self,
        kind: Kind = "plain",
        width: Channels = 16,
        code: Channels = 16,
        steps: Steps = 600,
        batch_size: BatchSize = 16,
        learning_rate: LearningRate = 1e-3,
        divergence: LossWeight = 1e-3,
    ) -> None:
        """Describe the detector.

        Args:
            kind: "plain", "variational" or "context".
            width: channels of the first layer.
            code: channels of the code, of which there is one cell for 16 x 16 pixels.
            steps: batches to train, at most; held-out target images may end it earlier.
            batch_size: images per batch.
            learning_rate: of Adam.
            divergence: weight of a VAE's divergence per pixel value, beside the squared error.
        """
        self.kind, self.width, self.code = kind, width, code
        self.steps, self.batch_size = steps, batch_size
        self.learning_rate, self.divergence = learning_rate, divergence
        self._draw_weights(0)

    def fit(self, train: TrainingSet) -> None:
        """Learn to reconstruct the target.

        Raises:
            DetectorError: the images' side is not a multiple of 16.
            TrainingError: no image, or a loss that is not finite.
        """
        self._draw_weights(train.seed)
        self.to(train.device)
        pixels, draws = train.target.images, train.generator
        held_out = train.validation.images.to(train.device)

        def step(indices: Tensor) -> Iterator[tuple[str, Mapping[str, Tensor]]]:
            images = augment(pixels[indices].float() / 255, draws).to(train.device) * 2 - 1
            mean, spread = self._encode(images)
            noise = torch.randn(mean.shape, generator=draws).to(mean)
            drawn = mean + noise * (spread / 2).exp() if self.kind == "variational" else mean
            found, wanted = self._scored_part(self.decoder(drawn)), self._scored_part(images)
            losses = {"error": mse_loss(found, wanted)}
            if self.kind == "variational":
                losses["divergence"] = self.divergence * _divergence(mean, spread).mean()
            yield "autoencoder", losses

        def validate() -> float:
            return float(self._errors(held_out)["l2"].mean())

        parameters = [*self.encoder.parameters(), *self.decoder.parameters()]
        self.history = Trainer(
            train,
            {"encoder": self.encoder, "decoder": self.decoder},
            {"autoencoder": Adam(parameters, lr=self.learning_rate)},
            step,
            Options(self.steps, self.batch_size, average=0.99),
            validate=validate if len(held_out) else None,
        ).run()

    def score(self, batch: Batch) -> Mapping[str, Tensor]:
        """Errors of reconstruction (N,), at least 0."""
        return self._errors(batch.images)

    def reconstruct(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """What was hidden (nothing but for the context encoder) and the reconstruction."""
        images = _unit(batch.images)
        n, _, height, width = images.shape
        mask = torch.zeros(n, height, width, dtype=torch.bool, device=images.device)
        drawn = self.decoder(self._encode(images)[0])
        if self.kind == "context":
            mask[:, height // 4 : height - height // 4, width // 4 : width - width // 4] = True
            drawn = torch.where(mask[:, None], drawn, images)
        return mask, ((drawn + 1) * 127.5).round().clamp(0, 255).byte()

    def graph(self) -> ScoreGraph:
        """The fitted detector for export, see `Detector.graph`."""
        return ScoreGraph(self)

    def _draw_weights(self, seed: int) -> None:
        codes = 2 * self.code if self.kind == "variational" else self.code
        with seeded(seed):
            self.encoder = encoder(self.width, codes).eval()
            self.decoder = _decoder(self.width, self.code).eval()

    def _encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Code and, for a VAE, the logarithm of its variance; for others zeros."""
        if images.shape[-1] % STRIDE or images.shape[-2] % STRIDE:
            raise DetectorError(
                f"An autoencoder needs sides that are multiples of {STRIDE}, not "
                f"{images.shape[-1]}; set input_size in the recipe."
            )
        if self.kind == "context":
            images = images - self._centred(self._scored_part(images), images)
        codes = self.encoder(images)
        if self.kind != "variational":
            return codes, torch.zeros_like(codes)
        mean, spread = codes.chunk(2, 1)
        return mean, spread.clamp(-10, 10)

    def _scored_part(self, images: Tensor) -> Tensor:
        """The centre, half as wide and high, for a context encoder; else everything."""
        if self.kind != "context":
            return images
        top, left = images.shape[-2] // 4, images.shape[-1] // 4
        return images[..., top:-top, left:-left]

    @staticmethod
    def _centred(part: Tensor, images: Tensor) -> Tensor:
        top, left = images.shape[-2] // 4, images.shape[-1] // 4
        return nn.functional.pad(part, (left, left, top, top))

    def _errors(self, images: Tensor) -> dict[str, Tensor]:
        wanted = _unit(images)
        mean, spread = self._encode(wanted)
        drawn, shown = self._scored_part(self.decoder(mean)), self._scored_part(wanted)
        squared = (drawn - shown).square().mean((1, 2, 3))
        errors = {"l2": squared, "ssim": ssim(shown, drawn)}
        if self.kind == "variational":
            errors["elbo"] = squared + self.divergence * _divergence(mean, spread)
        return errors


def _unit(images: Tensor) -> Tensor:
    """From uint8 to float in [-1, 1]."""
    return images.float() / 127.5 - 1


def _divergence(mean: Tensor, spread: Tensor) -> Tensor:
    """Kullback-Leibler divergence to the standard normal, mean over the code: (N,)."""
    return 0.5 * (mean.square() + spread.exp() - 1 - spread).mean((1, 2, 3))
