"""The guard knows a picture that is no photo like those it was fitted on."""

import numpy as np
import pytest
import torch
from torch import Tensor

from mimbench.app.export.guard import (
    MARGINS,
    REASONS,
    Guard,
    _together,
    colours,
    fit_guard,
    look,
)
from mimbench.data.generated import abnormal, phantom
from mimbench.detectors.controls import Complexity
from mimbench.detectors.protocol import Batch


def photos(patients: int = 30) -> Tensor:
    table = phantom.table(3, target_patients=patients, patients_per_category=1)
    drawn = phantom.render(table[table["category"] == table["category"].iloc[0]], 32)
    return torch.from_numpy(drawn).permute(0, 3, 1, 2).contiguous()


def fitted() -> tuple[Guard, np.ndarray, Tensor]:
    images = photos()
    every = np.ones(len(images), dtype=bool)
    guard, held_out = fit_guard(images, [str(k // 2) for k in range(len(images))], every)
    return guard, held_out, images


def test_few_photos_of_the_kind_it_was_fitted_on_are_refused() -> None:
    _, held_out, images = fitted()
    assert held_out.shape == (len(images), len(REASONS))
    assert held_out.any(1).mean() <= 0.05


def test_all_limits_together_refuse_few_validation_images_however_few_there_are() -> None:
    images = photos(120)
    patients = [str(k) for k in range(len(images))]
    alone, refused = fit_guard(images, patients, np.ones(len(images), dtype=bool))
    validation = refused.any(1)  # those that the limits refuse one by one
    assert validation.sum() > 1
    validation[np.flatnonzero(~validation)[:4]] = True
    guard, refused = fit_guard(images, patients, validation)
    assert not refused[validation].any()
    assert guard.most >= alone.most
    assert guard.blurriest <= alone.blurriest


def test_no_limit_is_loosened_in_vain() -> None:
    """Validation images that are unlike the others are accepted by that limit alone."""
    tried = np.zeros((len(MARGINS), 50, len(REASONS)), dtype=bool)
    tried[:7, :5, REASONS.index("unlike")] = True
    tried[:3, 5, REASONS.index("dark")] = True
    alone = np.array([1, 2, 3, 4])
    validation = np.arange(50) < 20
    margins = dict(zip(REASONS, _together(tried, alone, validation), strict=True))
    assert margins == {"dark": 3, "bright": 2, "blurred": 3, "unlike": 7}
    assert list(_together(tried, alone, ~validation)) == list(alone)


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


def test_pages_screenshots_and_program_code_are_unlike_photos_of_varied_colours() -> None:
    """Half of these photos are tinted, so that their colours alone tell little."""
    images = photos()
    tints = torch.linspace(0.6, 1.0, len(images))[:, None, None]
    images[:, 0] = (images[:, 0] * tints).byte()
    images[:, 2] = (images[:, 2] * tints.flip(0)).byte()
    every = np.ones(len(images), dtype=bool)
    guard, held_out = fit_guard(images, [str(k // 2) for k in range(len(images))], every)
    assert held_out.any(1).mean() <= 0.05
    table = abnormal.table(4)
    for kind in ("text_page", "screenshot", "code"):
        drawn = abnormal.render(table[table["category"] == kind], 32)
        others = torch.from_numpy(drawn).permute(0, 3, 1, 2).contiguous()
        found = guard.reasons(look(others, guard.histogram))
        assert found[:, REASONS.index("unlike")].all(), kind


def test_the_guard_score_is_the_distance_in_uncorrelated_deviations() -> None:
    images = photos()
    patients = [str(k) for k in range(len(images))]
    guard, _ = fit_guard(images, patients, np.ones(len(images), dtype=bool))
    measured = look(images, guard.histogram)[:, 1:].double()
    scores = guard.score(look(images, guard.histogram)).double()
    apart = measured - guard.centre.double()
    spread = measured.std(dim=0, correction=0)
    correlation = torch.corrcoef((apart / spread).T) + 0.05 * torch.eye(measured.shape[1])
    inverse = torch.linalg.inv(correlation)
    expected = torch.einsum("ni,ij,nj->n", apart / spread, inverse, apart / spread).sqrt()
    assert torch.allclose(scores, expected, rtol=0.05)  # no image is in the mean of its patient


def test_light_does_not_change_the_histogram_of_colours() -> None:
    image = photos(2)[0]
    even = image // 2 * 2
    assert torch.equal(colours(even), colours(even // 2))
    assert colours(image).sum() == pytest.approx(1)


def test_sharpness_is_that_of_the_control() -> None:
    images = photos(6)
    seen = look(images, colours(images[0]))
    assert torch.allclose(seen[:, 1], Complexity().score(Batch(images))["rough"], atol=1e-5)
    flat = look(torch.full((1, 3, 32, 32), 128, dtype=torch.uint8), colours(images[0]))
    assert flat.isfinite().all()
