"""Small images corrupted as the larger photos that they could be made from."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from mimbench.corruptions import builtin
from mimbench.corruptions.enlarged import apply_enlarged, enlarge, shrink
from mimbench.detectors.imaging.shared import resize
from mimbench.errors import CorruptionError

Images = NDArray[np.uint8]
KEYS = np.arange(8)


def photos(side: int, amplitude: float = 25.0) -> Images:
    """Eight photos with detail at all scales, far from black and white."""
    rng = np.random.default_rng(0)
    spectrum = np.fft.rfft2(rng.normal(size=(8, side, side, 3)), axes=(1, 2))
    down, across = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None]
    falling = 1 / np.hypot(down, across).clip(1 / side)
    planes = np.fft.irfft2(spectrum * falling[None, :, :, None], (side, side), axes=(1, 2))
    return (128 + amplitude * planes / planes.std()).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("side", [96, 224, 300])
def test_an_image_that_is_enlarged_and_resized_is_the_same_bit_for_bit(side: int) -> None:
    images = photos(64, amplitude=15)  # enlarged, they do not reach black or white
    np.testing.assert_array_equal(shrink(enlarge(images, side), 64), images)


def test_resizing_is_that_of_detectors_inputs() -> None:
    images = photos(224)
    tensor = torch.from_numpy(images).permute(0, 3, 1, 2)
    theirs = resize(tensor, 64).permute(0, 2, 3, 1).numpy()
    apart = np.abs(shrink(images, 64).astype(int) - theirs)
    assert apart.max() <= 1  # of a level that lies between two, either is right
    assert (apart > 0).mean() < 1e-3


def strength(name: str, severity: int, large: Images, small: Images) -> tuple[float, ...]:
    """Mean change: corrupted and resized, resized and enlarged to be corrupted, as it is."""
    corruption = builtin(name)
    done = (
        shrink(corruption.apply(large, severity, KEYS), 64),
        apply_enlarged(corruption, small, severity, KEYS, 224),
        corruption.apply(small, severity, KEYS),
    )
    return tuple(float(np.abs(one.astype(float) - small).mean()) for one in done)


@pytest.mark.parametrize("name", ["gaussian_noise", "defocus_blur", "jpeg_compression", "fog"])
def test_it_is_as_strong_as_on_the_large_photo(name: str) -> None:
    large = photos(224)
    photo, enlarged, as_is = strength(name, 3, large, shrink(large, 64))
    assert enlarged == pytest.approx(photo, rel=0.25)
    assert abs(enlarged - photo) < abs(as_is - photo)


def test_noise_of_small_images_is_three_times_as_strong_when_corrupted_as_they_are() -> None:
    large = photos(224)
    photo, _, as_is = strength("gaussian_noise", 1, large, shrink(large, 64))
    assert as_is > 2 * photo


def test_an_image_is_corrupted_alike_alone_and_among_others() -> None:
    images, corruption = photos(64), builtin("glass_blur")
    together = apply_enlarged(corruption, images, 3, KEYS, 224)
    alone = apply_enlarged(corruption, images[5:6], 3, KEYS[5:6], 224)
    np.testing.assert_array_equal(alone[0], together[5])


def test_what_cannot_be_enlarged_is_an_error_that_names_the_sizes() -> None:
    wide = np.zeros((1, 64, 80, 3), np.uint8)
    for images in (wide, photos(300)[:1]):
        with pytest.raises(CorruptionError, match="224 pixels"):
            apply_enlarged(builtin("fog"), images, 1, KEYS[:1], 224)
