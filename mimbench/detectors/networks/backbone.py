"""A frozen backbone: what it sees in an image, and how far apart two images are."""

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import lpips
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from mimbench.detectors.networks.devices import seeded
from mimbench.detectors.networks.network import Network, build_network
from mimbench.detectors.parameters import Side
from mimbench.errors import RecipeError

__all__ = ["Backbone", "Lpips", "default_layers", "layer_outputs"]

PROBE = 64  # side of the image that shows which layers there are, pixels
LPIPS_TRUNKS: Mapping[str, str] = {
    "alexnet": "alex",
    "squeezenet1_1": "squeeze",
    "vgg16": "vgg",
}


class Backbone(nn.Module):
    """Feature maps of some layers of a model of torchvision or timm whose weights never change.

    The tokens of a transformer are laid out as a map, without those that stand for no place.
    """

    def __init__(
        self,
        architecture: str,
        weights: str,
        layers: Sequence[str] = (),
        side: Side = "input",
    ) -> None:
        """Load the model.

        Args:
            architecture: any classification model of `torchvision.models`, or "timm/NAME".
            weights: "imagenet" (downloaded once), the name of weights that install as a package
                ("efficientnet_lite0"), "none" (random, for controls), or the path of a
                .safetensors or .pth file.
            layers: names of modules, e.g. "blocks.6", the last block of
                "timm/tf_efficientnet_lite0", whose map is 320 x 7 x 7 for images of 224 px; by
                default the last one at each resolution above 1×1, or for a transformer the blocks
                at each quarter of its depth.
            side: of the images that the network sees: "input", "own" or pixels, see
                `preprocessing_of`.

        Raises:
            UnknownNameError: no such architecture.
            NoWeightsError: no weights given, or their package is not installed.
            WeightsError: the weights cannot be downloaded or do not fit.
            RecipeError: the model has no such layer, or takes no images of this size.
        """
        super().__init__()
        network = build_network(architecture, 2, weights, seed=0, side=side).eval()
        self.preprocess, self.body = network.preprocess, network.body
        self.layers = list(layers) or default_layers(network)
        missing = [name for name in self.layers if name not in dict(self.body.named_modules())]
        if missing:
            raise RecipeError(f"{architecture} has no layer '{missing[0]}'.")
        self.requires_grad_(False)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Feature maps (N, C, H', W') of each layer, of images float (N, 3, H, W) in [0, 1].

        Raises:
            RecipeError: what a layer gives is no map.
        """
        with layer_outputs(self.body, self.layers) as given:
            self.body(self.preprocess(255 * images))
        return [given[name] for name in self.layers]

    def train(self, mode: bool = True) -> "Backbone":
        """Stay in evaluation mode: a frozen network has nothing to train."""
        return super().train(False)

    def distance(self, images: Tensor, others: Tensor) -> Tensor:
        """Squared distance of unit feature vectors, mean over positions, sum over layers: (N,).

        Images are float (N, 3, H, W) in [0, 1]; at least 0, higher = further.

        Source: Zhang et al. 2018, "The unreasonable effectiveness of deep features", equation 1,
        without learned channel weights.
        """
        pairs = [normalize(maps, dim=1).chunk(2) for maps in self(torch.cat([images, others]))]
        gaps = [(one - other).square().sum(1).mean((1, 2)) for one, other in pairs]
        return torch.stack(gaps).sum(0)


class Lpips(nn.Module):
    """LPIPS 0.1 with the heads of its authors and a trunk from a file or torchvision."""

    def __init__(self, architecture: str, weights: str) -> None:
        """`architecture`: alexnet, squeezenet1_1 or vgg16; `weights` as for `Backbone`."""
        super().__init__()
        trunk = build_network(architecture, 2, weights, seed=0).body.state_dict()
        with seeded(0), warnings.catch_warnings():
            # lpips 0.1.4 builds its trunk through an argument that torchvision deprecates
            warnings.simplefilter("ignore", UserWarning)
            self.model = lpips.LPIPS(net=LPIPS_TRUNKS[architecture], pnet_rand=True, verbose=False)
        self.model.net.load_state_dict(
            {name: trunk[_in_torchvision(name)] for name in self.model.net.state_dict()}
        )
        self.requires_grad_(False)

    @staticmethod
    def knows(architecture: str) -> bool:
        """Whether there are heads for this architecture."""
        return architecture in LPIPS_TRUNKS

    def forward(self, images: Tensor, others: Tensor) -> Tensor:
        """Distance (N,) of images float (N, 3, H, W) in [0, 1]; higher = further."""
        distance: Tensor = self.model(images, others, normalize=True)
        return distance.flatten()


def _in_torchvision(name: str) -> str:
    """From "slice2.3.weight" to "features.3.weight"."""
    return "features." + name.partition(".")[2]


def default_layers(network: Network) -> list[str]:
    """The last layer at each resolution above 1×1, or blocks of a transformer; see `Backbone`."""
    return _blocks(network.body) or _stages(network)


@contextmanager
def layer_outputs(
    body: nn.Module, layers: Sequence[str], *, to_the_end: bool = False
) -> Iterator[dict[str, Tensor]]:
    """Keep the maps (N, C, H', W') of some layers in the forward pass that is made meanwhile.

    Args:
        body: a model of torchvision or timm.
        layers: names of its modules.
        to_the_end: False: the pass ends with the last of these layers.

    Yields:
        Layer -> its map, once the pass is made.

    Raises:
        RecipeError: what a layer gives is no map.
    """
    given: dict[str, Tensor] = {}

    def keep(name: str, output: object) -> None:
        given[name] = _map(body, output, name)
        if len(given) == len(layers) and not to_the_end:
            raise _StopForward  # the rest of the network would be computed for nothing

    handles = [
        body.get_submodule(name).register_forward_hook(
            lambda _, __, output, name=name: keep(name, output)
        )
        for name in layers
    ]
    try:
        yield given
    except _StopForward:
        pass
    finally:
        for handle in handles:
            handle.remove()


class _StopForward(Exception):  # noqa: N818 - nothing is wrong
    """Ends a forward pass once the layers that were asked for have been computed."""


def _map(body: Any, output: object, name: str) -> Tensor:
    """The output of a layer as a map (N, C, H', W').

    Raises:
        RecipeError: it is none.
    """
    if isinstance(output, Tensor) and output.ndim == 4:
        last = getattr(body, "output_fmt", "NCHW") == "NHWC"
        return output.permute(0, 3, 1, 2) if last else output
    if isinstance(output, Tensor) and output.ndim == 3:
        extra = getattr(body, "num_prefix_tokens", int(hasattr(body, "class_token")))
        places = output[:, extra:].transpose(1, 2)
        side = math.isqrt(places.shape[2])
        if side**2 == places.shape[2]:
            return places.reshape(*places.shape[:2], side, side)
    raise RecipeError(f"What the layer '{name}' gives is no map; choose another layer.")


def _blocks(body: Any) -> list[str]:
    """Blocks of a transformer at each quarter of its depth; none of other networks."""
    if isinstance(getattr(body, "blocks", None), nn.Module) and hasattr(body, "num_prefix_tokens"):
        names = [f"blocks.{name}" for name, _ in body.blocks.named_children()]
    elif hasattr(body, "class_token"):  # torchvision's
        names = [f"encoder.layers.{name}" for name, _ in body.encoder.layers.named_children()]
    else:
        return []
    return list(dict.fromkeys(names[(len(names) * k + 3) // 4 - 1] for k in (1, 2, 3, 4)))


def _stages(network: Network) -> list[str]:
    """The last module at each resolution above 1×1, from fine to coarse, without the head."""
    last: dict[int, str] = {}
    head = network.head_name.split(".")[0]

    def record(name: str, output: object) -> None:
        if isinstance(output, Tensor) and output.ndim == 4 and name.split(".")[0] != head:
            height, side = _map(network.body, output, name).shape[-2:]
            if 1 < side == height and side <= min(last, default=side):
                last[side] = name

    handles = [
        module.register_forward_hook(lambda _, __, output, name=name: record(name, output))
        for name, module in network.body.named_modules()
        if name
    ]
    try:
        with torch.no_grad():
            network(torch.zeros(1, 3, PROBE, PROBE))
    finally:
        for handle in handles:
            handle.remove()
    return list(last.values())
