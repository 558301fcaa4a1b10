"""The guard knows a picture that is no photo like those it was fitted on."""

import numpy as np
import torch
from torch import Tensor

from mimbench.app.export.guard import REASONS, Guard, colour_histogram, fit_guard, look
from mimbench.data.generated import abnormal, phantom
from mimbench.detectors.controls import ColourHistogram, Complexity
from mimbench.detectors.protocol import Batch


def photos(patients: int = 30) -> Tensor:
    table = phantom.table(3, target_patients=patients, patients_per_category=1)
    drawn = phantom.render(table[table["category"] == table["category"].iloc[0]], 32)
    return torch.from_numpy(drawn).permute(0, 3, 1, 2).contiguous()


def fitted() -> tuple[Guard, np.ndarray, Tensor]:
    images = photos()
    guard, held_out = fit_guard(images, [str(k // 2) for k in range(len(images))])
    return guard, held_out, images


def test_few_photos_of_the_kind_it_was_fitted_on_are_refused() -> None:
    _, held_out, images = fitted()
    assert held_out.shape == (len(images), len(REASONS))
    assert held_out.any(1).mean() <= 0.05


def test_dark_bright_blurred_and_other_pictures_have_their_reason() -> None:
    guard, _, images = fitted()
    flat = images.float().mean((2, 3), keepdim=True).expand_as(images).byte()
    page = abnormal.render(abnormal.table(2).query("category == 'uniform_noise'"), 32)
    noise = torch.from_numpy(page).permute(0, 3, 1, 2).contiguous()
    for others, reason in (
        (images // 12, "dark"),
        (255 - (255 - images) // 12, "bright"),
        (flat, "blurred"),
        (noise, "unlike"),
    ):
        found = guard.reasons(look(others, guard.histogram))
        assert found[:, REASONS.index(reason)].all(), reason


def test_colours_and_sharpness_are_those_of_the_controls() -> None:
    images = photos(6)
    control = ColourHistogram()
    histogram = control.histogram(images).mean(0)
    control.mean = histogram
    seen = look(images, histogram)
    assert torch.allclose(seen[:, 2], control.score(Batch(images)), atol=1e-6)
    assert torch.allclose(seen[:, 1], Complexity().score(Batch(images))["rough"], atol=1e-5)
    assert torch.allclose(colour_histogram(images[0]), control.histogram(images[:1])[0])
