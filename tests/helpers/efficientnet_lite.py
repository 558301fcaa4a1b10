"""EfficientNet-Lite0 written out, to compare with: from the names in the package's own file."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, batch_norm, conv2d, linear, pad, relu6

HALVING = (1, 3, 5, 11)  # blocks that halve the map


def lite0_logits(weights: Mapping[str, Tensor], images: Tensor) -> Tensor:
    """Logits (N, 1000) of uint8 images (N, 3, H, W).

    Source: Tan and Le 2019; `tensorflow/tpu/models/official/efficientnet/lite`.
    """
    x = (images.float() - 127) / 128
    x = relu6(_norm(weights, "_bn0", _same(x, weights["_conv_stem.weight"], 2)))
    for block in range(16):
        x = _block(weights, f"_blocks.{block}.", x, 2 if block in HALVING else 1)
    x = relu6(_norm(weights, "_bn1", conv2d(x, weights["_conv_head.weight"])))
    return linear(adaptive_avg_pool2d(x, 1).flatten(1), weights["_fc.weight"], weights["_fc.bias"])


def _block(weights: Mapping[str, Tensor], at: str, x: Tensor, stride: int) -> Tensor:
    y = x
    if f"{at}_expand_conv.weight" in weights:
        y = relu6(_norm(weights, f"{at}_bn0", conv2d(y, weights[f"{at}_expand_conv.weight"])))
    y = _same(y, weights[f"{at}_depthwise_conv.weight"], stride, groups=y.shape[1])
    y = relu6(_norm(weights, f"{at}_bn1", y))
    y = _norm(weights, f"{at}_bn2", conv2d(y, weights[f"{at}_project_conv.weight"]))
    return y + x if y.shape == x.shape else y


def _same(x: Tensor, kernel: Tensor, stride: int, groups: int = 1) -> Tensor:
    """TensorFlow's padding: as many pixels as needed, the odd one at the lower right."""
    size, width = x.shape[-1], kernel.shape[-1]
    missing = max((-(-size // stride) - 1) * stride + width - size, 0)
    before, after = missing // 2, missing - missing // 2
    padded = pad(x, (before, after, before, after))
    return conv2d(padded, kernel, stride=stride, groups=groups)


def _norm(weights: Mapping[str, Tensor], name: str, x: Tensor) -> Tensor:
    mean, variance, scale, shift = (
        weights[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
    )
    return batch_norm(x, mean, variance, scale, shift, training=False, eps=1e-3)


def random_pictures(count: int, side: int) -> Tensor:
    """Smooth coloured pictures: uint8 (count, 3, side, side)."""
    draws = torch.Generator().manual_seed(0)
    coarse = torch.rand(count, 3, 8, 8, generator=draws)
    smooth = torch.nn.functional.interpolate(coarse, side, mode="bicubic").clamp(0, 1)
    return (255 * smooth).to(torch.uint8)
