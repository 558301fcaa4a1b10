"""anomalib's models that remember what they have seen: PaDiM and PatchCore."""

import importlib
from typing import Any

from torch import nn

from mimbench.detectors.anomalib.common import (
    RESNET_LAYERS,
    Model,
    Prepare,
    Settings,
    batches,
    fill,
    replaced,
    silent,
    timm_name,
    torch_model,
)
from mimbench.detectors.networks.network import Network
from mimbench.detectors.protocol import TrainingSet
from mimbench.detectors.training import History

__all__ = ["PADIM", "PATCHCORE"]


def _padim(size: int, backbone: str, trunk: Network | None, settings: Settings) -> nn.Module:
    layers = list(settings.options.get("layers", RESNET_LAYERS))
    arguments = {"n_features": 100, **settings.options, "layers": list(layers)}
    model: Any = torch_model("padim").PadimModel(
        backbone=timm_name(backbone), pre_trained=False, **arguments
    )
    fill(model.feature_extractor, trunk, layers)
    return model  # type: ignore[no-any-return]


def _fit_padim(
    network: nn.Module, train: TrainingSet, prepare: Prepare, settings: Settings
) -> History:
    model: Any = network.train()
    for images in batches(train, prepare):
        model(images)
    model.fit()
    return []


def _patchcore(size: int, backbone: str, trunk: Network | None, settings: Settings) -> nn.Module:
    layers = list(settings.options.get("layers", RESNET_LAYERS[1:]))
    arguments = {**settings.options, "layers": list(layers)}
    arguments.pop("coreset_sampling_ratio", None)  # of the Lightning module
    model: Any = torch_model("patchcore").PatchcoreModel(
        backbone=timm_name(backbone), pre_trained=False, **arguments
    )
    fill(model.feature_extractor, trunk, layers)
    return model  # type: ignore[no-any-return]


def _fit_patchcore(
    network: nn.Module, train: TrainingSet, prepare: Prepare, settings: Settings
) -> History:
    model: Any = network.train()
    for images in batches(train, prepare):
        model(images)
    sampling = importlib.import_module("anomalib.models.components.sampling.k_center_greedy")
    with replaced(sampling, "tqdm", silent):
        model.subsample_embedding(settings.options.get("coreset_sampling_ratio", 0.1))
    return []


PADIM = Model(_padim, _fit_padim, frozen=("feature_extractor.",))
PATCHCORE = Model(_patchcore, _fit_patchcore, frozen=("feature_extractor.",))
