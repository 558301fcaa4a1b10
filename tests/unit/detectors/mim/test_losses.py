"""MIM's losses: the values on a few numbers, and what a step down each of them does."""

import torch
from stripes import SIZE, stripes
from torch import Tensor, nn
from torch.optim import SGD

from mimbench.detectors.imaging.exposure import level
from mimbench.detectors.imaging.masks import checkerboards
from mimbench.detectors.mim.critic import PatchCritic
from mimbench.detectors.mim.generator import build_generator
from mimbench.detectors.mim.losses import Objective, hidden_l1, hinge_critic, hinge_generator
from mimbench.detectors.networks.devices import seeded


def test_hinge_losses_have_the_published_values() -> None:
    real, inpainted = torch.tensor([3.0, 0.5]), torch.tensor([-4.0, 0.25])
    assert hinge_critic(real, inpainted) == (0 + 0.5) / 2 + (0 + 1.25) / 2
    assert hinge_critic(-real, -inpainted) == (4 + 1.5) / 2 + (5 + 0.75) / 2
    assert hinge_generator(inpainted) == (4 - 0.25) / 2


def test_the_l1_loss_is_the_mean_over_hidden_pixels_and_channels_alone() -> None:
    images = torch.zeros(2, 3, 2, 2)
    masks = torch.tensor([[[1, 0], [0, 0]], [[1, 1], [1, 0]]], dtype=torch.bool)[:, None]
    inpainted = torch.full_like(images, 100.0)
    inpainted[0, :, 0, 0] = torch.tensor([1.0, -2.0, 3.0])
    inpainted[1].masked_fill_(masks[1], 6.0)
    assert hidden_l1(inpainted, images, masks) == (1 + 2 + 3 + 9 * 6) / 12
    assert hidden_l1(inpainted, images, torch.zeros_like(masks)) == 0


def test_a_critics_step_tells_inpaintings_apart_and_a_generators_makes_them_look_real() -> None:
    with seeded(0):
        generator, critic = build_generator("gated-unet", 8).eval(), PatchCritic(8).eval()
    weights = {"reconstruction": 0.0, "adversarial": 1.0, "matching": 0.0, "perceptual": 0.0}
    objective = Objective(generator, critic, **weights, backbone=None, augmented=False)
    pixels = stripes(4, 0, upright=True).float() / 255
    masks = checkerboards(SIZE, 8)[:1].expand(4, -1, -1, -1)
    unit = level(pixels, ~masks)
    images = pixels / unit - 1

    def judged() -> tuple[Tensor, Tensor]:
        inpainted = torch.where(masks, generator(images, masks), images)
        return critic(images, masks)[0].mean(), critic(inpainted, masks)[0].mean()

    def judged_after_a_step_of(name: str, network: nn.Module) -> tuple[Tensor, Tensor]:
        losses = dict(objective(images, masks, unit, torch.Generator()))[name]
        torch.stack(list(losses.values())).sum().backward()
        SGD(network.parameters(), lr=0.1).step()
        critic.zero_grad()
        return judged()

    real, fake = judged()
    real_told, fake_told = judged_after_a_step_of("critic", critic)
    assert real_told - fake_told > real - fake
    real_after, fake_after = judged_after_a_step_of("generator", generator)
    assert fake_after > fake_told
    assert real_after == real_told
