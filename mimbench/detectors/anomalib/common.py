"""What building and training anomalib's torch models have in common."""

import contextlib
import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from mimbench.detectors.networks.network import Network
from mimbench.detectors.protocol import TrainingSet
from mimbench.detectors.training import History, Options, Trainer
from mimbench.errors import RecipeError, WeightsError

__all__ = [
    "RESNET_LAYERS",
    "Model",
    "Prepare",
    "Settings",
    "batches",
    "fill",
    "loss_of",
    "replaced",
    "silent",
    "timm_name",
    "torch_model",
    "train_by_steps",
]

TIMM = "timm/"  # before a name of timm's in a recipe
RESNET_LAYERS = ("layer1", "layer2", "layer3")
BATCH = 32  # images at once where nothing is trained by steps


@dataclass(frozen=True)
class Settings:
    """What a recipe says of a model: steps, images per batch, learning rate, its own arguments."""

    steps: int
    batch_size: int
    learning_rate: float
    options: Mapping[str, Any] = field(default_factory=dict)

    def rate(self, default: float) -> float:
        """The learning rate, or anomalib's."""
        return self.learning_rate or default


Prepare = Callable[[Tensor], Tensor]
Build = Callable[[int, str, Network | None, Settings], nn.Module]
Fit = Callable[[nn.Module, TrainingSet, Prepare, Settings], History]


@dataclass(frozen=True)
class Model:
    """One of anomalib's models.

    Attributes:
        build: from side of the images, backbone's name, backbone and settings to the module.
        fit: trains the module and returns loss curves.
        backbone: the usual one; empty: the model has none.
        frozen: prefixes of parameters that are never trained.
        smallest: side of the images that it needs, pixels.
        score: from network and prepared images to scores (N,), higher = more anomalous; None:
            the network's own `pred_score`.
    """

    build: Build
    fit: Fit
    backbone: str = "resnet18"
    frozen: tuple[str, ...] = ()
    smallest: int = 32
    score: Callable[[nn.Module, Tensor], Tensor] | None = None


def timm_name(backbone: str) -> str:
    """What timm, and so anomalib, calls a backbone of a recipe."""
    return backbone.removeprefix(TIMM)


def torch_model(name: str) -> Any:
    """The module of a model's network."""
    return importlib.import_module(f"anomalib.models.image.{name}.torch_model")


def loss_of(name: str) -> Any:
    """The module of a model's loss."""
    return importlib.import_module(f"anomalib.models.image.{name}.loss")


@contextlib.contextmanager
def replaced(module: Any, name: str, value: Any) -> Iterator[None]:
    """A block in which a name of one of anomalib's modules means something else."""
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


def silent(items: Any, **options: Any) -> Any:
    """In place of a progress bar."""
    return items


def batches(train: TrainingSet, prepare: Prepare) -> Iterator[Tensor]:
    """The target's training images, prepared, each once."""
    for part in torch.split(train.target.images, BATCH):
        yield prepare(part.to(train.device))


def train_by_steps(
    network: nn.Module,
    train: TrainingSet,
    prepare: Prepare,
    settings: Settings,
    optimiser: Optimizer,
    loss: Callable[[Tensor], Tensor],
) -> History:
    """Train in float32, as anomalib does; `loss` is of prepared images."""

    def step(indices: Tensor) -> Iterator[tuple[str, Mapping[str, Tensor]]]:
        images = prepare(train.target.images[indices].to(train.device))
        yield "network", {"loss": loss(images)}

    options = Options(settings.steps, settings.batch_size)
    trainer = Trainer(train, {"network": network}, {"network": optimiser}, step, options)
    trainer.dtype = torch.float32
    return trainer.run()


def fill(extractor: Any, trunk: Network | None, layers: Iterable[str] = ()) -> None:
    """Give an extractor of timm the backbone's weights, by the names of its parameters.

    Raises:
        RecipeError: it has not got these layers; anomalib leaves out what it does not find.
        WeightsError: its parameters have other names than the backbone's.
    """
    assert trunk is not None
    missing = [layer for layer in layers if layer not in extractor.layers]
    if missing:
        raise RecipeError(
            f"anomalib's backbone has no layer '{missing[0]}'; name its stages in options.layers, "
            "as timm's feature_info calls them."
        )
    network = extractor.feature_extractor
    found, own = trunk.body.state_dict(), network.state_dict()
    lacking = [name for name in own if name not in found or found[name].shape != own[name].shape]
    if lacking:
        raise WeightsError(f"The backbone has no parameter {lacking[0]}, and anomalib's has.")
    network.load_state_dict({name: found[name] for name in own})
    network.requires_grad_(False)
