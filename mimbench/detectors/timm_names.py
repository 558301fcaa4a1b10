"""State dicts with timm's parameter names, as torchvision's models want them.

timm and torchvision compute the same function under other names in EfficientNet, MobileNetV3,
ConvNeXt and VGG; ResNet and DenseNet have the same names in both. Checked against timm 1.0.31.

Warning: some of timm's variants share every name and shape with a model of torchvision and compute
something else: `tf_efficientnet_*` and `tf_mobilenetv3_*` (other padding), `resnetaa*`,
`resnetblur*` and `efficientnet_blur_*` (other pooling). No state dict shows which it comes from; do
not load these. timm's VGG is torchvision's for images of at most 255 px.
"""

import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torchvision.models import VGG, ConvNeXt, EfficientNet, MobileNetV3

__all__ = ["as_torchvision", "has_timm_names"]

# what begins timm's name of a parameter -> what begins torchvision's
Rules = list[tuple[str, str]]

# of timm's batch normalisation; torchvision's MobileNetV3 and EfficientNet-B5 to B7 have another
EPSILON = 1e-5

# found in every file of timm's for the family, in none of torchvision's
MARKERS: dict[type[nn.Module], str] = {
    EfficientNet: "conv_stem.weight",
    MobileNetV3: "conv_stem.weight",
    ConvNeXt: "stages.0.blocks.0.gamma",
    VGG: "pre_logits.fc1.weight",
}

STEM: Rules = [(r"conv_stem\.", "features.0.0."), (r"bn1\.", "features.0.1.")]
RULES: dict[type[nn.Module], Rules] = {
    EfficientNet: [
        *STEM,
        (r"conv_head\.", "features.8.0."),
        (r"bn2\.", "features.8.1."),
        (r"classifier\.", "classifier.1."),
    ],
    MobileNetV3: [
        *STEM,
        (r"conv_head\.", "classifier.0."),
        (r"classifier\.", "classifier.3."),
    ],
    ConvNeXt: [
        (r"stem\.", "features.0."),
        *[(rf"stages\.{n}\.downsample\.", f"features.{2 * n}.") for n in (1, 2, 3)],
        *[
            (rf"stages\.{n}\.blocks\.(\d+)\.{timm}", rf"features.{2 * n + 1}.\1.{torchvision}")
            for n in range(4)
            for timm, torchvision in (
                ("gamma$", "layer_scale"),
                (r"conv_dw\.", "block.0."),
                (r"norm\.", "block.2."),
                (r"mlp\.fc1\.", "block.3."),
                (r"mlp\.fc2\.", "block.5."),
            )
        ],
        (r"head\.norm\.", "classifier.0."),
        (r"head\.fc\.", "classifier.2."),
    ],
    VGG: [
        (r"pre_logits\.fc1\.", "classifier.0."),
        (r"pre_logits\.fc2\.", "classifier.3."),
        (r"head\.fc\.", "classifier.6."),
    ],
}

# the layers of timm's mobile blocks in the order in which they compute; torchvision numbers them
SQUEEZE = {r"se\.conv_reduce": "fc1", r"se\.conv_expand": "fc2"}
SEPARABLE = [{"conv_dw": "0", "bn1": "1"}, SQUEEZE, {"conv_pw": "0", "bn2": "1"}]
INVERTED = [
    {"conv_pw": "0", "bn1": "1"},
    {"conv_dw": "0", "bn2": "1"},
    SQUEEZE,
    {"conv_pwl": "0", "bn3": "1"},
]
LAST = [{"conv": "0", "bn1": "1"}]


def has_timm_names(found: Mapping[str, Tensor]) -> bool:
    """Whether a state dict is timm's, of a family where its names are not torchvision's too."""
    return any(marker in found for marker in MARKERS.values())


def as_torchvision(found: Mapping[str, Tensor], model: nn.Module) -> Mapping[str, Tensor]:
    """Translate a state dict with timm's names into one for a torchvision model.

    Args:
        found: a state dict; timm's are recognised by their names, others are returned as they are.
        model: the torchvision model that is to be filled.

    Returns:
        The same function under torchvision's names: 1×1 and full-size convolutions as the linear
        layers they equal, and batch normalisation scaled for the model's epsilon. Names that have
        no counterpart stay, for the reader's report.
    """
    family = next((one for one in MARKERS if isinstance(model, one)), None)
    if family is None or MARKERS[family] not in found:
        return found
    rules = [*RULES[family], *_mobile_blocks(found, model)]
    renamed = {_renamed(name, rules): tensor for name, tensor in found.items()}
    if len(renamed) < len(found):  # names of both libraries for one parameter
        return found
    return _with_epsilon(_reshaped(renamed, model.state_dict()), model)


def _renamed(name: str, rules: Rules) -> str:
    for pattern, replacement in rules:
        if match := re.match(pattern, name):
            return match.expand(replacement) + name[match.end() :]
    return name


def _mobile_blocks(found: Mapping[str, Tensor], model: nn.Module) -> Rules:
    """Rules for the blocks of EfficientNet, numbered by stage, and of MobileNetV3, all in a row."""
    matches = [re.match(r"blocks\.(\d+)\.(\d+)\.(\w+)\.", name) for name in found]
    blocks: dict[tuple[int, int], set[str]] = {}
    for match in filter(None, matches):
        blocks.setdefault((int(match[1]), int(match[2])), set()).add(match[3])
    in_a_row = isinstance(model, MobileNetV3)
    rules: Rules = []
    for number, ((stage, index), present) in enumerate(sorted(blocks.items()), 1):
        place = f"features.{number}." if in_a_row else f"features.{stage + 1}.{index}."
        if in_a_row and "conv" in present:  # the last convolution, which is not a block
            layers, inside = LAST, ""
        else:
            layers, inside = INVERTED if "conv_pwl" in present else SEPARABLE, "block.{}."
        layers = [layer for layer in layers if layer is not SQUEEZE or "se" in present]
        rules += [
            (rf"blocks\.{stage}\.{index}\.{timm}\.", f"{place}{inside.format(n)}{torchvision}.")
            for n, layer in enumerate(layers)
            for timm, torchvision in layer.items()
        ]
    return rules


def _reshaped(found: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Equal numbers in another number of axes; the order in memory is the same for all of them."""
    return {
        name: tensor.reshape(own[name].shape)
        if name in own and tensor.ndim != own[name].ndim and tensor.numel() == own[name].numel()
        else tensor
        for name, tensor in found.items()
    }


def _with_epsilon(found: dict[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """Scale batch normalisation so that the model's epsilon gives what timm's gave."""
    scaled = dict(found)
    for name, module in model.named_modules():
        weight, variance = f"{name}.weight", f"{name}.running_var"
        if not isinstance(module, nn.BatchNorm2d) or not {weight, variance} <= found.keys():
            continue
        if module.eps != EPSILON and found[weight].shape == found[variance].shape:
            spread = found[variance].double()
            ratio = torch.sqrt((spread + module.eps) / (spread + EPSILON))
            scaled[weight] = (found[weight].double() * ratio).float()
    return scaled
