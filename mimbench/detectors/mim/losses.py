"""What generator and critic minimise."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import l1_loss, relu

from mimbench.detectors.imaging.augmentation import differentiable_augment
from mimbench.detectors.mim.critic import PatchCritic
from mimbench.detectors.mim.generator import Generator
from mimbench.detectors.networks.backbone import Backbone

__all__ = ["Objective", "hidden_l1", "hinge_critic", "hinge_generator"]


def hidden_l1(inpainted: Tensor, images: Tensor, masks: Tensor) -> Tensor:
    """Mean absolute error over the hidden pixels of a batch (N, 3, H, W): a scalar."""
    hidden = masks.expand_as(images).sum().clamp(min=1)
    return ((inpainted - images).abs() * masks).sum() / hidden


def hinge_critic(real: Tensor, inpainted: Tensor) -> Tensor:
    """Hinge loss of a critic that gives real patches more than 1 and inpainted less than -1.

    Source: Lim and Ye 2017, "Geometric GAN".
    """
    return relu(1 - real).mean() + relu(1 + inpainted).mean()


def hinge_generator(inpainted: Tensor) -> Tensor:
    """The generator's side of the hinge loss: the critic's mean judgement, negated."""
    return -inpainted.mean()


@dataclass(frozen=True)
class Objective:
    """One training step's losses, critic first.

    Attributes:
        generator: fills what a mask hides.
        critic: None where nothing adversarial is asked for.
        reconstruction: weight of the L1 loss over hidden pixels.
        adversarial: weight of the generator's hinge loss.
        matching: weight of the L1 distance of the critic's features.
        perceptual: weight of the backbone's feature distance.
        backbone: frozen; None without a perceptual loss.
        augmented: whether the critic sees augmented images only (both real and inpainted).
    """

    generator: Generator
    critic: PatchCritic | None
    reconstruction: float
    adversarial: float
    matching: float
    perceptual: float
    backbone: Backbone | None
    augmented: bool

    def __call__(
        self, images: Tensor, masks: Tensor, level: Tensor, draws: torch.Generator
    ) -> Iterator[tuple[str, Mapping[str, Tensor]]]:
        """Yield the critic's losses and, after its update, the generator's.

        Args:
            images: float (N, 3, H, W), in units of `level`, centred on 0.
            masks: bool (N, 1, H, W), True = hidden.
            level: (N, 1, 1, 1), takes images back to [0, 1].
            draws: generator on the CPU.
        """
        inpainted = torch.where(masks, self.generator(images, masks), images)
        losses = {"l1": self.reconstruction * hidden_l1(inpainted, images, masks)}
        if self.critic is not None:
            shown, beside = self._shown(images, inpainted, masks, draws)
            real, fake = self.critic(shown.detach(), beside)[0].chunk(2)
            yield "critic", {"critic": hinge_critic(real, fake)}
            losses |= self._adversarial(self.critic, shown, beside)
        if self.backbone is not None:
            pair = ((images + 1) * level, (inpainted + 1) * level)
            losses["perceptual"] = self.perceptual * self.backbone.distance(*pair).mean()
        yield "generator", losses

    def _shown(
        self, real: Tensor, inpainted: Tensor, masks: Tensor, draws: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Real, then inpainted images (2N, ...) and their masks, as the critic sees them."""
        if self.augmented:
            return differentiable_augment(real, inpainted, masks, draws)
        return torch.cat([real, inpainted]), torch.cat([masks, masks])

    def _adversarial(
        self, critic: PatchCritic, images: Tensor, masks: Tensor
    ) -> Mapping[str, Tensor]:
        real, inpainted = images.chunk(2)
        beside = masks.chunk(2)[0]
        judged, features = critic(inpainted, beside)
        losses = {"adversarial": self.adversarial * hinge_generator(judged)}
        if self.matching:
            with torch.no_grad():
                _, wanted = critic(real, beside)
            gaps = [l1_loss(one, other) for one, other in zip(features, wanted, strict=True)]
            losses["matching"] = self.matching * torch.stack(gaps).mean()
        return losses
