"""What anyone who calls `apply` relies on."""

import numpy as np
import pytest
from numpy.typing import NDArray

from mimbench import corruptions
from mimbench.errors import CorruptionError, UnknownNameError

KEYS = [7, 8, 2**64 - 1]
Images = NDArray[np.uint8]


@pytest.mark.parametrize("name", corruptions.names())
def test_pixels_depend_on_the_key_and_not_on_the_batch(name: str, images: Images) -> None:
    together = corruptions.apply(images, name, 3, KEYS)
    reversed_ = corruptions.apply(images[::-1], name, 3, KEYS[::-1])[::-1]
    alone = np.concatenate(
        [corruptions.apply(images[i : i + 1], name, 3, KEYS[i : i + 1]) for i in range(3)]
    )
    assert together.dtype == np.uint8
    assert together.shape == images.shape
    np.testing.assert_array_equal(together, reversed_)
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("name", corruptions.names())
def test_pixels_do_not_depend_on_threads(name: str, images: Images) -> None:
    batch, keys = np.concatenate([images] * 3), range(9)
    np.testing.assert_array_equal(
        corruptions.apply(batch, name, 4, keys, threads=1),
        corruptions.apply(batch, name, 4, keys, threads=3),
    )


def test_the_reference_engine_has_the_same_rules(images: Images) -> None:
    np.random.seed(1)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    for name in ("gaussian_noise", "glass_blur", "impulse_noise", "frost"):
        first = corruptions.apply(images, name, 2, KEYS, engine="reference")
        second = corruptions.apply(images[1:], name, 2, KEYS[1:], engine="reference")
        np.testing.assert_array_equal(first[1:], second)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize("name", corruptions.names())
def test_global_random_state_is_neither_read_nor_changed(name: str, images: Images) -> None:
    np.random.seed(1)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first = corruptions.apply(images, name, 5, KEYS)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002
    np.random.seed(2)  # noqa: NPY002
    np.testing.assert_array_equal(first, corruptions.apply(images, name, 5, KEYS))


@pytest.mark.parametrize("name", ["gaussian_noise", "glass_blur", "frost", "elastic_transform"])
def test_another_key_or_severity_is_another_draw(name: str, images: Images) -> None:
    first = corruptions.apply(images[:1], name, 2, [1])
    assert (first != corruptions.apply(images[:1], name, 2, [2])).any()
    assert (first != corruptions.apply(images[:1], name, 3, [1])).any()


def test_clean_returns_the_images_in_a_new_array(images: Images) -> None:
    clean = corruptions.apply(images, "clean", 0, KEYS)
    np.testing.assert_array_equal(clean, images)
    assert not np.shares_memory(clean, images)
    with pytest.raises(CorruptionError, match="severity 0 only"):
        corruptions.apply(images, "clean", 1, KEYS)


def test_images_may_be_read_only_and_not_contiguous(images: Images) -> None:
    view = images.transpose(0, 3, 1, 2).copy().transpose(0, 2, 3, 1)
    view.flags.writeable = False
    np.testing.assert_array_equal(
        corruptions.apply(view, "brightness", 2, KEYS),
        corruptions.apply(images, "brightness", 2, KEYS),
    )


def test_an_empty_batch_stays_empty() -> None:
    empty = np.empty((0, 40, 50, 3), np.uint8)
    assert corruptions.apply(empty, "fog", 1, []).shape == (0, 40, 50, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"severity": 0}, "1 to 5"),
        ({"severity": 6}, "1 to 5"),
        ({"severity": True}, "1 to 5"),
        ({"severity": 2.0}, "1 to 5"),
        ({"severity": "3"}, "1 to 5"),
        ({"keys": [1, 2]}, "2 keys for 3 images"),
        ({"keys": [1, 2, -3]}, "-3 does not"),
        ({"keys": [1, 2, 2**64]}, "0..2\\*\\*64-1"),
        ({"keys": [1, 2, 3.5]}, "must be integers"),
        ({"images": np.zeros((3, 64, 64, 3))}, "must be uint8"),
        ({"images": np.zeros((3, 3, 64, 64), np.uint8)}, "channels come last"),
        ({"images": np.zeros((64, 64, 3), np.uint8)}, "images\\[None\\]"),
        ({"images": np.zeros((3, 64, 31, 3), np.uint8)}, "64x31"),
        ({"images": [[0]]}, "numpy array, not list"),
    ],
)
def test_wrong_input_is_named(change: dict[str, object], message: str, images: Images) -> None:
    arguments = {"images": images, "name": "contrast", "severity": 1, "keys": KEYS} | change
    with pytest.raises(CorruptionError, match=message):
        corruptions.apply(**arguments)  # type: ignore[arg-type]


def test_a_misspelt_name_brings_the_right_one() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean motion_blur"):
        corruptions.apply(np.zeros((1, 32, 32, 3), np.uint8), "motionblur", 1, [0])
    with pytest.raises(UnknownNameError, match="Did you mean reference"):
        corruptions.apply(np.zeros((1, 32, 32, 3), np.uint8), "fog", 1, [0], engine="refrence")


def test_the_reference_engine_has_only_the_builtin_corruptions() -> None:
    mine = corruptions.Corruption("mine", "fog", {"thickness": (1,) * 5, "decay": (2,) * 5})
    with pytest.raises(CorruptionError, match="cannot compute 'mine'"):
        mine.apply(np.zeros((1, 32, 32, 3), np.uint8), 1, [0], engine="reference")
