"""A frozen torchvision backbone: what it sees in an image, and how far apart two images are."""

import warnings
from collections.abc import Mapping, Sequence

import lpips
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torchvision.models.feature_extraction import create_feature_extractor

from mimbench.detectors.networks.devices import seeded
from mimbench.detectors.networks.network import Network, build_network
from mimbench.errors import RecipeError, WeightsError

__all__ = ["Backbone", "Lpips"]

PROBE = 64  # side of the image that shows which layers there are, pixels
LPIPS_TRUNKS: Mapping[str, str] = {
    "alexnet": "alex",
    "squeezenet1_1": "squeeze",
    "vgg16": "vgg",
}


class Backbone(nn.Module):
    """Feature maps of some layers of a torchvision model whose weights never change."""

    def __init__(self, architecture: str, weights: str, layers: Sequence[str] = ()) -> None:
        """Load the model.

        Args:
            architecture: any classification model of `torchvision.models`, or "timm/NAME".
            weights: "imagenet" (downloaded once), "none" (random, for controls), or the path of a
                .safetensors or .pth file.
            layers: names of modules; by default the last one at each resolution above 1×1.

        Raises:
            UnknownNameError: no such architecture.
            WeightsError: no weights given, or they are missing or do not fit.
            RecipeError: the model has no such layer.
        """
        super().__init__()
        if not weights:
            raise WeightsError(
                f"not run: no weights for {architecture}; give weights = 'path' or 'imagenet'."
            )
        network = build_network(architecture, 2, weights, seed=0).eval()
        self.normalise = network.normalise
        self.layers = list(layers) or _stages(network)
        missing = [name for name in self.layers if name not in dict(network.body.named_modules())]
        if missing:
            raise RecipeError(f"{architecture} has no layer '{missing[0]}'.")
        self.extract = create_feature_extractor(network.body, self.layers)
        self.requires_grad_(False)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Feature maps (N, C, H', W') of each layer, of images float (N, 3, H, W) in [0, 1]."""
        maps: dict[str, Tensor] = self.extract(self.normalise(255 * images))
        return [maps[name] for name in self.layers]

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


def _stages(network: Network) -> list[str]:
    """The last module at each resolution above 1×1, from fine to coarse, without the head."""
    last: dict[int, str] = {}
    head = network.head_name.split(".")[0]

    def record(name: str, output: object) -> None:
        if isinstance(output, Tensor) and output.ndim == 4 and name.split(".")[0] != head:
            side = output.shape[-1]
            if 1 < side == output.shape[-2] and side <= min(last, default=PROBE):
                last[side] = name

    handles = [
        module.register_forward_hook(lambda _, __, output, name=name: record(name, output))
        for name, module in network.body.named_modules()
        if name
    ]
    try:
        with torch.no_grad():
            network.body(torch.zeros(1, 3, PROBE, PROBE))
    finally:
        for handle in handles:
            handle.remove()
    return list(last.values())
