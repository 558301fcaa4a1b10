"""Losses of generator and critic; each a mean over images, a scalar."""

from torch import Tensor
from torch.nn.functional import relu

__all__ = ["hidden_l1", "hinge_critic", "hinge_generator"]


def hidden_l1(inpainted: Tensor, images: Tensor, masks: Tensor) -> Tensor:
    """Mean absolute error over the hidden pixels of a batch (N, 3, H, W)."""
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
