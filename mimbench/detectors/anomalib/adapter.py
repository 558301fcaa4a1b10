"""A detector made of one of anomalib's torch models."""

import contextlib
import random
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from types import MappingProxyType
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from mimbench.detectors.anomalib.common import Settings
from mimbench.detectors.anomalib.models import MODELS, NOT_HERE
from mimbench.detectors.networks.devices import seeded
from mimbench.detectors.networks.network import build_network
from mimbench.detectors.networks.weights import require_weights
from mimbench.detectors.parameters import BatchSize, Steps
from mimbench.detectors.protocol import Batch, Detector, State, TrainingSet
from mimbench.detectors.statefile import add_prefix, strip_prefix
from mimbench.errors import (
    DetectorError,
    MissingPartError,
    RecipeError,
    TrainingError,
    UnknownNameError,
)

__all__ = ["Anomalib"]

INSTALL = "pip install anomalib"


class Anomalib(Detector):
    """One of anomalib's models, trained on the target; its raw image score.

    anomalib's engine is not used: it normalises scores with images that are no part of the target,
    and downloads what a model needs. Here weights are named by the recipe, and nothing is
    downloaded that it does not name.

    Source: Akcay et al. 2022, "Anomalib: a deep learning library for anomaly detection".
    """

    trains_on = "target"
    libraries: ClassVar[tuple[str, ...]] = ("anomalib",)

    def __init__(
        self,
        model: str,
        backbone: str = "",
        weights: str = "",
        steps: Steps = 500,
        batch_size: BatchSize = 16,
        learning_rate: Annotated[float, Field(ge=0, le=10)] = 0.0,
        options: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """Describe the detector; the model is built by `fit`, which knows the images' size.

        Args:
            model: a folder of `anomalib.models.image` that is in `MODELS`.
            backbone: of the model; by default resnet18. padim, patchcore and stfpm take any
                "timm/NAME" (name its stages in `options.layers`), the others those that anomalib
                knows.
            weights: the backbone's: path of a file, name of an installed package
                ("efficientnet_lite0"), "imagenet" (downloaded), or "none" for random ones, which
                make the row a control. Models without a backbone take none.
            steps: batches of the training; models with a memory read every image once instead.
            batch_size: images per batch.
            learning_rate: of the optimiser that anomalib uses; 0: anomalib's.
            options: further arguments of anomalib's torch model.

        Raises:
            UnknownNameError: no such model, or none that this adapter can train.
            MissingPartError: a model of `NOT_HERE`.
            RecipeError: a backbone or weights for a model that has none.
        """
        if model in NOT_HERE:
            raise MissingPartError(f"anomalib's {model} {NOT_HERE[model]}.")
        if model not in MODELS:
            raise UnknownNameError("model of anomalib", model, MODELS)
        self.model = MODELS[model]
        if not self.model.backbone and (backbone or weights):
            raise RecipeError(
                f"anomalib's {model} has no backbone; leave out backbone and weights."
            )
        self.name, self.backbone, self.weights = model, backbone or self.model.backbone, weights
        self.settings = Settings(steps, batch_size, learning_rate, dict(options))
        self.blind = bool(self.model.backbone) and weights == "none"
        self.size = 0
        self.history = []
        self.network: nn.Module | None = None
        self.preprocess: nn.Module | None = None

    def require(self) -> None:
        """Make sure that there are anomalib and, if the model needs any, weights.

        Raises:
            MissingPartError: anomalib is not installed.
            NoWeightsError: as for `require_weights`.
        """
        if find_spec("anomalib") is None:
            raise MissingPartError(f"anomalib is not installed; {INSTALL}.")
        if self.model.backbone:
            require_weights(self.backbone, self.weights)

    def fit(self, train: TrainingSet) -> None:
        """Train on the target.

        Raises:
            TrainingError: there is no image, or a loss is not finite.
            MissingPartError, WeightsError: anomalib or weights are missing.
            DetectorError: the images are too small for the model.
            RecipeError: an option that the model does not take.
        """
        if not len(train.target):
            raise TrainingError("There is no image of the target to train on.")
        self.size = train.input_size
        with reproducible(train.seed, train.device):
            network = self._built(train.seed)
            self.to(train.device)
            self.history = self.model.fit(network, train, self._prepared, self.settings)
        network.eval()

    @torch.no_grad()
    def score(self, batch: Batch) -> Tensor:
        """The model's raw image score (N,): in most models the largest value of its anomaly map.

        DRAEM's is the largest difference of its two logits, since its own probability is 1 for many
        images at once.
        """
        if self.network is None:
            raise TrainingError("This detector has not been fitted.")
        device = next(self.network.parameters()).device
        images = self._prepared(batch.images.to(device))
        found: Tensor
        if self.model.score is not None:
            found = self.model.score(self.network, images)
        else:
            found = self.network(images).pred_score
        return found.flatten().float()

    def state(self) -> State:
        """What was learned; a frozen backbone comes from the recipe's weights again."""
        tensors = {} if self.network is None else self.network.state_dict()
        learned = {
            name: tensor.detach().clone()
            for name, tensor in tensors.items()
            if not name.startswith(self.model.frozen)
        }
        return {"size": self.size, "history": self.history, **add_prefix("network", learned)}

    def load(self, state: State) -> None:
        """Build the model for the state's image size and restore what was learned."""
        self.size, self.history = int(state["size"]), list(state["history"])
        with reproducible(0, torch.device("cpu")):
            network = self._built(0)
        found = network.load_state_dict(strip_prefix("network", state), strict=False)
        missing = [name for name in found.missing_keys if not name.startswith(self.model.frozen)]
        if missing or found.unexpected_keys:
            raise DetectorError(
                f"This state is not one of anomalib's {self.name} with this recipe: "
                f"{', '.join([*missing, *found.unexpected_keys][:3])}."
            )
        network.eval()

    def to(self, device: torch.device) -> None:
        """Move the model."""
        for module in (self.network, self.preprocess):
            if module is not None:
                module.to(device)

    def _built(self, seed: int) -> nn.Module:
        """Build the model; its backbone is the same for every seed."""
        self.require()
        if self.size < self.model.smallest:
            raise DetectorError(
                f"anomalib's {self.name} needs images of {self.model.smallest} px or "
                f"more, not {self.size} px; set input_size."
            )
        trunk = None
        if self.model.backbone:
            trunk = build_network(self.backbone, 2, self.weights, seed=0).eval()
        self.preprocess = None if trunk is None else trunk.preprocess
        with seeded(seed):
            try:
                self.network = self.model.build(self.size, self.backbone, trunk, self.settings)
            except (TypeError, ValueError) as error:
                raise RecipeError(f"anomalib's {self.name}: {error}.") from error
        return self.network

    def _prepared(self, images: Tensor) -> Tensor:
        """What the model takes, from uint8 images (N, 3, H, W)."""
        return images.float() / 255 if self.preprocess is None else self.preprocess(images)


@contextlib.contextmanager
def reproducible(seed: int, device: torch.device) -> Iterator[None]:
    """Seed the global generators of torch, NumPy and Python for a block; all three are in use."""
    before, python = np.random.get_state(), random.getstate()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    random.seed(seed)
    try:
        with seeded(seed, device):
            yield
    finally:
        np.random.set_state(before)  # noqa: NPY002
        random.setstate(python)
