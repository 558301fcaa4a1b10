"""Inpainters of feature maps: each predicts every cell of a map, float (N, C, G, G), from others.

A predicted cell was hidden when it was predicted, except by `Projection`, the control.
"""

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, relu, unfold
from torch.optim import AdamW

from mimbench.detectors.imaging.masks import checkerboards, random_patches
from mimbench.detectors.protocol import TrainingSet
from mimbench.detectors.training import History, Options, Trainer
from mimbench.errors import UnknownNameError

__all__ = [
    "FeatureInpainter",
    "build_inpainter",
    "mean_squared_error",
    "neighbour_average",
]

QUERIES = 1024  # contexts that are looked up at once


def neighbour_average(maps: Tensor) -> Tensor:
    """Predict each cell (N, C, G, G) as the mean of the two to four cells beside it."""
    cross = maps.new_tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]).expand(1, 1, 3, 3)
    count = conv2d(maps.new_ones(1, 1, *maps.shape[2:]), cross, padding=1)
    flat = maps.flatten(0, 1).unsqueeze(1)
    return conv2d(flat, cross, padding=1).view_as(maps) / count


def mean_squared_error(maps: Tensor, predicted: Tensor) -> Tensor:
    """Squared distance of cells, mean over the map: (N,), at least 0."""
    return (maps - predicted).square().sum(1).mean((1, 2))


class FeatureInpainter(nn.Module):
    """Base: learn from the target's maps, then predict each cell from those that are visible."""

    def learn(self, maps: Tensor, held_out: Tensor, train: TrainingSet) -> History:
        """Learn from maps (N, C, G, G) and return the loss curves, if there are any."""
        raise TypeError(f"{type(self).__name__} does not define learn.")

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take over the `state_dict` of an inpainter that has learned."""
        self.load_state_dict(state)


class Convolution(FeatureInpainter):
    """Dilated residual convolutions; hidden cells are random patches in training.

    At test two complementary checkerboards of single cells.
    """

    width = 96
    dilations = (1, 2, 4, 1)
    patches = (1, 2, 3)  # cells
    batch_size = 32
    learning_rate = 1e-3

    def __init__(self, channels: int, steps: int) -> None:
        """`channels` C of the maps; `steps` to train, at most."""
        super().__init__()
        self.steps = steps
        self.enter = nn.Conv2d(channels + 1, self.width, 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(self.width, self.width, 3, padding=step, dilation=step),
                nn.ReLU(),
                nn.Conv2d(self.width, self.width, 1),
            )
            for step in self.dilations
        )
        self.leave = nn.Conv2d(self.width, channels, 1)

    def learn(self, maps: Tensor, held_out: Tensor, train: TrainingSet) -> History:
        """Train by the mean squared error of hidden cells; stop early on held-out maps."""

        def step(indices: Tensor) -> Iterator[tuple[str, Mapping[str, Tensor]]]:
            batch = maps[indices.to(maps.device)]
            hidden = random_patches(
                len(batch), maps.shape[-1], train.generator, self.patches, (0.5, 0.5)
            ).to(maps.device)
            gap = (self.predict(batch, hidden) - batch).square().sum(1, keepdim=True)
            yield "inpainter", {"l2": (gap * hidden).sum() / hidden.sum()}

        optimiser = AdamW(self.parameters(), lr=self.learning_rate)
        return Trainer(
            train,
            {"inpainter": self},
            {"inpainter": optimiser},
            step,
            Options(self.steps, self.batch_size, validate_every=25),
            validate=lambda: float(mean_squared_error(held_out, self(held_out)).mean()),
            weights=torch.ones(len(maps)),
        ).run()

    def predict(self, maps: Tensor, hidden: Tensor) -> Tensor:
        """Predict all cells from those that `hidden`, bool (N, 1, G, G), leaves visible."""
        visible = torch.cat([maps.masked_fill(hidden, 0.0), hidden.to(maps.dtype)], dim=1)
        features = relu(self.enter(visible))
        for block in self.blocks:
            features = features + block(features)
        predicted: Tensor = self.leave(relu(features)).float()
        return predicted

    def forward(self, maps: Tensor) -> Tensor:
        """Predict each cell once, in two passes."""
        first, second = checkerboards(maps.shape[-1], 1).to(maps.device).unsqueeze(1)
        count = len(maps)
        one = self.predict(maps, first.expand(count, -1, -1, -1))
        other = self.predict(maps, second.expand(count, -1, -1, -1))
        return torch.where(first, one, other)


class ContextMemory(FeatureInpainter):
    """What stood in the most similar surroundings that the target's images have: no training.

    The surroundings of a cell are the four cells beside it, which a checkerboard of single cells
    leaves visible when it hides the cell.
    """

    def __init__(self, channels: int) -> None:
        """`channels` C of the maps."""
        super().__init__()
        self.channels = channels
        self.memory: Tensor
        self.contexts: Tensor
        self.register_buffer("memory", torch.zeros(1, channels, 1, 1))
        self.register_buffer("contexts", torch.zeros(0), persistent=False)

    def learn(self, maps: Tensor, held_out: Tensor, train: TrainingSet) -> History:
        """Remember all maps."""
        self.restore({"memory": maps.clone()})
        return []

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take over the maps that another one remembered, however many they are."""
        self.memory = state["memory"]
        self.contexts = self._contexts(self.memory)

    def forward(self, maps: Tensor) -> Tensor:
        """The remembered cell whose surroundings are nearest, for each cell."""
        cells = self.memory.permute(0, 2, 3, 1).flatten(0, 2)
        squares = self.contexts.square().sum(1)
        found = [
            cells[(squares - 2 * part @ self.contexts.T).argmin(1)]
            for part in torch.split(self._contexts(maps), QUERIES)
        ]
        side = maps.shape[-1]
        return torch.cat(found).view(len(maps), side, side, -1).permute(0, 3, 1, 2)

    def _contexts(self, maps: Tensor) -> Tensor:
        """(N · G · G, 4 · C); cells beyond the border count as 0."""
        windows = unfold(maps, 3, padding=1).view(len(maps), self.channels, 9, -1)
        visible = windows[:, :, 1::2]
        return visible.permute(0, 3, 1, 2).flatten(0, 1).flatten(1)


class Projection(FeatureInpainter):
    """Control: the few directions in which the target's cells vary most; nothing is hidden."""

    rank = 8

    def __init__(self, channels: int) -> None:
        """`channels` C of the maps."""
        super().__init__()
        self.mean: Tensor
        self.basis: Tensor
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("basis", torch.zeros(channels, min(self.rank, channels)))

    def learn(self, maps: Tensor, held_out: Tensor, train: TrainingSet) -> History:
        """Principal components of the cells."""
        self.mean, self.basis = principal_components(
            maps.permute(0, 2, 3, 1).flatten(0, 2), self.basis.shape[1]
        )
        return []

    def forward(self, maps: Tensor) -> Tensor:
        """Each cell's projection on the components."""
        centred = maps.permute(0, 2, 3, 1) - self.mean
        return (centred @ self.basis @ self.basis.T + self.mean).permute(0, 3, 1, 2)


def principal_components(rows: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """Mean (C,) and the directions (C, rank) of largest variance of rows (N, C)."""
    mean = rows.double().mean(0)
    centred = rows.double() - mean
    directions = torch.linalg.eigh(centred.T @ centred).eigenvectors.flip(1)[:, :rank]
    return mean.float(), directions.float()


INPAINTERS: Mapping[str, Callable[[int, int], FeatureInpainter]] = {
    "convolution": Convolution,
    "memory": lambda channels, steps: ContextMemory(channels),
    "projection": lambda channels, steps: Projection(channels),
}


def build_inpainter(name: str, channels: int, steps: int) -> FeatureInpainter:
    """The inpainter of that name with freshly drawn weights.

    Args:
        name: "memory", "convolution" or "projection".
        channels: of the maps.
        steps: batches that the convolution trains, at most.

    Raises:
        UnknownNameError: no such inpainter.
    """
    if name not in INPAINTERS:
        raise UnknownNameError("feature inpainter", name, INPAINTERS)
    return INPAINTERS[name](channels, steps)
