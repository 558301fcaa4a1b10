"""A small network that learns the phantom's morphologies, and a detector that stands on it."""

import contextlib
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from mimbench import Batch, Detector, TrainingSet


def small_network(classes: int) -> nn.Sequential:
    """Logits (N, classes) of standardised images (N, 3, 64, 64); its last layer is the head."""
    layers: list[nn.Module] = [nn.Conv2d(3, 20, 5, 2, 2), nn.BatchNorm2d(20), nn.ReLU()]
    for before, after in ((20, 40), (40, 60), (60, 80)):
        layers += [nn.Conv2d(before, after, 3, 1, 1), nn.BatchNorm2d(after), nn.ReLU()]
        layers += [nn.MaxPool2d(2)] if after < 80 else []
    return nn.Sequential(*layers, nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(80, classes))


def standardised(images: NDArray[np.uint8] | Tensor) -> Tensor:
    """Each image without its mean and deviation: float (N, 3, H, W)."""
    pixels = torch.as_tensor(images)
    pixels = (pixels.permute(0, 3, 1, 2) if pixels.shape[-1] == 3 else pixels).float()
    pixels = pixels - pixels.mean((1, 2, 3), keepdim=True)
    return pixels / pixels.std((1, 2, 3), keepdim=True)


def train(network: nn.Module, pixels: Tensor, labels: Tensor, epochs: int = 12) -> None:
    """Fit by AdamW on a one-cycle schedule, with quarter turns, mirror images, equal classes."""
    batches = range(0, len(pixels), 48)
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, 4e-3, total_steps=epochs * len(batches)
    )
    weight = 1.0 / torch.bincount(labels).float()
    network.train()
    for _ in range(epochs):
        order = torch.randperm(len(pixels))
        for start in batches:
            chosen = order[start : start + 48]
            turned = torch.rot90(pixels[chosen], int(torch.randint(4, ())), (2, 3))
            turned = turned.flip(3) if torch.rand(()) < 0.5 else turned
            optimiser.zero_grad()
            cross_entropy(network(turned), labels[chosen], weight=weight).backward()
            optimiser.step()
            schedule.step()
    network.eval()


@contextlib.contextmanager
def one_thread(seed: int = 0) -> Iterator[None]:
    """Repeatable training, and no waiting for a busy core."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
    torch.set_num_threads(before)


class Knows(Detector):
    """Distance to the third nearest target image among the logits of a trained `small_network`."""

    trains_on = "target"
    random = False

    def __init__(self, weights: str, classes: int) -> None:
        self.network = small_network(classes)
        self.network.load_state_dict(load_file(weights))
        self.network.eval().requires_grad_(False)
        self.seen = torch.zeros(0, classes)

    def fit(self, train: TrainingSet) -> None:
        self.seen = self.network(standardised(train.target.images))

    def score(self, batch: Batch) -> Tensor:
        logits = self.network(standardised(batch.images))
        return torch.cdist(logits, self.seen).sort(dim=1).values[:, 2]
