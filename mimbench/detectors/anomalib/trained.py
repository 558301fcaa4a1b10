"""anomalib's models that are trained by steps, as its Lightning modules train them.

Optimisers, learning rates and losses are those of anomalib 2.7. Its schedules in epochs, its early
stopping on anomalous images and its augmentation do not exist here.
"""

import importlib
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW

from mimbench.detectors.anomalib.common import (
    RESNET_LAYERS,
    Model,
    Prepare,
    Settings,
    batches,
    fill,
    loss_of,
    replaced,
    silent,
    timm_name,
    torch_model,
    train_by_steps,
)
from mimbench.detectors.networks.network import Network
from mimbench.detectors.protocol import TrainingSet
from mimbench.detectors.training import History

__all__ = ["TRAINED"]


def _stfpm(size: int, backbone: str, trunk: Network | None, settings: Settings) -> nn.Module:
    layers = list(settings.options.get("layers", RESNET_LAYERS))
    arguments = {**settings.options, "layers": list(layers)}
    module = torch_model("stfpm")
    extractor = module.TimmFeatureExtractor

    def random_weights(**options: Any) -> Any:
        return extractor(**{**options, "pre_trained": False})

    with replaced(module, "TimmFeatureExtractor", random_weights):  # anomalib's downloads weights
        model: Any = module.STFPMModel(backbone=timm_name(backbone), **arguments)
    fill(model.teacher_model, trunk, layers)
    return model  # type: ignore[no-any-return]


def _fit_stfpm(
    network: nn.Module, train: TrainingSet, prepare: Prepare, settings: Settings
) -> History:
    model: Any = network
    rate, criterion = settings.rate(0.4), loss_of("stfpm").STFPMLoss()
    optimiser = SGD(model.student_model.parameters(), lr=rate, momentum=0.9, weight_decay=1e-3)
    return train_by_steps(
        network, train, prepare, settings, optimiser, lambda images: criterion(*model(images))
    )


def _fastflow(size: int, backbone: str, trunk: Network | None, settings: Settings) -> nn.Module:
    model: Any = torch_model("fastflow").FastflowModel(
        input_size=(size, size), backbone=backbone, pre_trained=False, **settings.options
    )
    fill(SimpleNamespace(feature_extractor=model.feature_extractor), trunk)
    return model  # type: ignore[no-any-return]


def _fit_fastflow(
    network: nn.Module, train: TrainingSet, prepare: Prepare, settings: Settings
) -> History:
    criterion = loss_of("fastflow").FastflowLoss()
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimiser = Adam(trained, lr=settings.rate(1e-3), weight_decay=1e-5)
    return train_by_steps(
        network, train, prepare, settings, optimiser, lambda images: criterion(*network(images))
    )


def _reverse(size: int, backbone: str, trunk: Network | None, settings: Settings) -> nn.Module:
    layers = list(settings.options.get("layers", RESNET_LAYERS))
    arguments = {"anomaly_map_mode": "add", **settings.options, "layers": list(layers)}
    model: Any = torch_model("reverse_distillation").ReverseDistillationModel(
        backbone=backbone, input_size=(size, size), pre_trained=False, **arguments
    )
    fill(model.encoder, trunk, layers)
    return model  # type: ignore[no-any-return]


def _fit_reverse(
    network: nn.Module, train: TrainingSet, prepare: Prepare, settings: Settings
) -> History:
    model: Any = network
    criterion = loss_of("reverse_distillation").ReverseDistillationLoss()
    trained = [*model.decoder.parameters(), *model.bottleneck.parameters()]
    optimiser = Adam(trained, lr=settings.rate(0.005), betas=(0.5, 0.99))
    return train_by_steps(
        network, train, prepare, settings, optimiser, lambda images: criterion(*model(images))
    )


def _cfa(size: int, backbone: str, trunk: Network | None, settings: Settings) -> nn.Module:
    assert trunk is not None
    module = torch_model("cfa")

    def extractor(name: str, layers: list[str]) -> Any:
        return module.create_feature_extractor(model=trunk.body, return_nodes=layers).eval()

    arguments = {
        "gamma_c": 1,
        "gamma_d": 1,
        "num_nearest_neighbors": 3,
        "num_hard_negative_features": 3,
        "radius": 1e-5,
        **settings.options,
    }
    with replaced(module, "get_feature_extractor", extractor):  # anomalib's downloads weights
        model: nn.Module = module.CfaModel(backbone=backbone, **arguments)
    return model


def _fit_cfa(
    network: nn.Module, train: TrainingSet, prepare: Prepare, settings: Settings
) -> History:
    model: Any = network.eval()
    with replaced(torch_model("cfa"), "tqdm", silent):
        model.initialize_centroid([SimpleNamespace(image=i) for i in batches(train, prepare)])
    criterion = (
        loss_of("cfa")
        .CfaLoss(
            num_nearest_neighbors=model.num_nearest_neighbors,
            num_hard_negative_features=model.num_hard_negative_features,
            radius=settings.options.get("radius", 1e-5),
        )
        .to(train.device)
    )
    rate = settings.rate(1e-3)
    optimiser = AdamW(model.descriptor.parameters(), lr=rate, weight_decay=5e-4, amsgrad=True)
    return train_by_steps(
        network, train, prepare, settings, optimiser, lambda images: criterion(model(images))
    )


def _draem(size: int, backbone: str, trunk: Network | None, settings: Settings) -> nn.Module:
    model: nn.Module = torch_model("draem").DraemModel(**settings.options)
    return model


def _fit_draem(
    network: nn.Module, train: TrainingSet, prepare: Prepare, settings: Settings
) -> History:
    """Anomalies are Perlin noise: the describable textures that anomalib downloads are not here."""
    perlin = importlib.import_module("anomalib.data.utils.generators.perlin")
    anomalies = perlin.PerlinAnomalyGenerator(anomaly_source_path=None, blend_factor=(0.1, 1.0))
    criterion = loss_of("draem").DraemLoss()

    def loss(images: Tensor) -> Tensor:
        changed, masks = anomalies(images)
        reconstruction, prediction = network(changed)
        found: Tensor = criterion(images, reconstruction, masks, prediction)
        return found

    optimiser = Adam(network.parameters(), lr=settings.rate(1e-4))
    return train_by_steps(network, train, prepare, settings, optimiser, loss)


def _draem_margin(network: nn.Module, images: Tensor) -> Tensor:
    """The largest difference of anomalous and normal logit: anomalib's score before its softmax."""
    model: Any = network
    seen = torch.cat([images, model.reconstructive_subnetwork(images)], dim=1)
    logits: Tensor = model.discriminative_subnetwork(seen)
    return (logits[:, 1] - logits[:, 0]).amax((-2, -1))


TRAINED: Mapping[str, Model] = {
    "cfa": Model(_cfa, _fit_cfa, frozen=("feature_extractor.",)),
    "draem": Model(_draem, _fit_draem, backbone="", score=_draem_margin),
    "fastflow": Model(_fastflow, _fit_fastflow, frozen=("feature_extractor.",)),
    "reverse_distillation": Model(_reverse, _fit_reverse, frozen=("encoder.",)),
    "stfpm": Model(_stfpm, _fit_stfpm, frozen=("teacher_model.",)),
}
