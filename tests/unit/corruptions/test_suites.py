"""Suites say what they contain, and what is wrong with them."""

import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage.metrics import structural_similarity

from mimbench import corruptions
from mimbench.corruptions.suites import parse
from mimbench.data.generated.phantom import render, table
from mimbench.errors import CorruptionError, UnknownNameError

FOLDER = Path(__file__).parents[3] / "corruptions"
GOOD: dict[str, Any] = {"name": "mine", "description": "Two.", "corruptions": ["fog", "snow"]}
HAZE: dict[str, Any] = {"name": "haze", "kernel": "fog", "thickness": [0, 1, 2, 3, 4], "decay": 2}


def shipped(name: str) -> corruptions.Suite:
    path = FOLDER / f"{name}.toml"
    return parse(tomllib.loads(path.read_text(encoding="utf-8")), path.name)


def test_imagenet_c_suites_partition_the_nineteen() -> None:
    suites = [shipped("imagenet-c"), shipped("imagenet-c-extra")]
    assert [len(suite.conditions) for suite in suites] == [75, 20]
    listed = [name for suite in suites for name, severity in suite.conditions if severity == 1]
    assert tuple(listed) == corruptions.names()


def test_quick_has_four_corruptions_at_three_severities() -> None:
    conditions = shipped("quick").conditions
    assert len(conditions) == 12
    assert {severity for _, severity in conditions} == {1, 3, 5}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda path: path.stem)
def test_a_suite_is_named_as_its_file(path: Path) -> None:
    assert shipped(path.stem).name == path.stem


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": ""}, "'name' must be a text"),
        ({"description": 3}, "'description' must be a text"),
        ({"corruption_names": []}, "no field 'corruption_names'"),
        ({"corruptions": []}, "at least one name"),
        ({"corruptions": "fog"}, "list of names"),
        ({"corruption": {"name": "haze"}}, "under \\[\\[corruption\\]\\]"),
        ({"corruption": [HAZE, HAZE]}, "'haze' is listed twice"),
        ({"corruption": [HAZE | {"name": None}]}, "needs a 'name'"),
        ({"corruption": [HAZE | {"name": "fog"}]}, "'fog' is built in"),
        ({"corruption": [HAZE | {"name": "a/../../b"}]}, "leave out /"),
        ({"corruption": [HAZE | {"kernel": 3}]}, "'haze': 'kernel' must name a kernel"),
        ({"corruption": [HAZE | {"size": 1}]}, "no parameter 'size'; it has thickness, decay"),
        ({"corruption": [HAZE | {"decay": None}]}, "'decay' must be a list of five numbers"),
        ({"corruption": [HAZE | {"decay": [1, 2]}]}, "'decay' must be a list of five numbers"),
        ({"corruption": [HAZE | {"decay": 0.5}]}, "a number from 1 to 10 .*, not 0.5"),
        ({"corruption": [HAZE | {"decay": [1, 2, 3, 4, True]}]}, "not True"),
        ({"corruption": [HAZE | {"decay": float("nan")}]}, "not nan"),
        ({"corruption": [{"name": "j", "kernel": "jpeg_compression", "quality": 9.5}]}, "whole"),
        ({"corruptions": ["fog", "fog"]}, "'fog' is listed twice"),
        ({"severities": [0, 1]}, "from 1 to 5"),
        ({"severities": [3, 1]}, "ascending"),
        ({"severities": 3}, "ascending list"),
    ],
)
def test_a_wrong_field_is_named_with_its_file(change: dict[str, Any], message: str) -> None:
    with pytest.raises(CorruptionError, match=message) as caught:
        parse(GOOD | change, "mine.toml")
    assert str(caught.value).startswith("mine.toml")


def test_an_unknown_corruption_brings_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean brightness"):
        parse(GOOD | {"corruptions": ["brigthness"]}, "mine.toml")
    with pytest.raises(UnknownNameError, match="in suite 'mine'"):
        parse(GOOD, "mine.toml").corruption("frog")
    with pytest.raises(UnknownNameError, match="Did you mean fog"):
        parse(GOOD | {"corruption": [HAZE | {"kernel": "fogg"}]}, "mine.toml")


def test_a_file_alone_redefines_a_corruption() -> None:
    suite = parse(GOOD | {"corruption": [HAZE]}, "mine.toml")
    assert suite.conditions[-1] == ("haze", 5)
    images = np.random.default_rng(0).integers(0, 256, (1, 40, 40, 3), dtype=np.uint8)
    weak, strong = (suite.corruption("haze").apply(images, severity, [3]) for severity in (1, 5))
    np.testing.assert_array_equal(weak, (images / 255.0 * 255).astype(np.uint8))  # no fog at all
    assert strong.std() < 0.8 * images.std()


def test_caches_can_tell_corruptions_apart() -> None:
    suite = parse(GOOD | {"corruption": [HAZE]}, "mine.toml")
    other = parse(GOOD | {"corruption": [HAZE | {"decay": 3}]}, "mine.toml")
    assert json.loads(json.dumps(suite.describe())) == suite.describe()
    assert suite.describe() != other.describe()


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda path: path.stem)
def test_every_shipped_corruption_follows_the_rules(path: Path) -> None:
    images = np.random.default_rng(1).integers(0, 256, (3, 33, 47, 3), dtype=np.uint8)
    before, keys = images.copy(), np.array([5, 6, 2**63], np.uint64)
    for corruption in shipped(path.stem).corruptions:
        for severity in (1, 5):
            together = corruption.apply(images, severity, keys)
            alone = corruption.apply(images[2:], severity, keys[2:])
            assert together.dtype == np.uint8
            assert together.shape == images.shape
            np.testing.assert_array_equal(together[2:], alone, err_msg=corruption.name)
            np.testing.assert_array_equal(images, before, err_msg=corruption.name)
        small = np.full((1, 32, 32, 3), 90, np.uint8)
        assert corruption.apply(small, 5, [0]).shape == small.shape


def test_names_mean_the_same_in_all_shipped_suites() -> None:
    found: dict[str, Any] = {}
    for path in FOLDER.glob("*.toml"):
        for corruption in shipped(path.stem).corruptions:
            assert found.setdefault(corruption.name, corruption.describe()) == corruption.describe()


@pytest.mark.parametrize("source", ["phantom", "photos"])
def test_phone_corruptions_do_more_harm_at_higher_severity(
    source: str, request: pytest.FixtureRequest
) -> None:
    clean = request.getfixturevalue(source)
    for corruption in shipped("phone").corruptions:
        harm = [0.0]
        for severity in (1, 2, 3, 4, 5):
            changed = corruption.apply(clean, severity, range(len(clean)))
            pairs = zip(clean, changed, strict=True)
            harm.append(np.mean([1 - structural_similarity(*p, channel_axis=-1) for p in pairs]))
        assert (np.diff(harm) > 0).all(), (corruption.name, harm)


@pytest.fixture
def phantom() -> NDArray[np.uint8]:
    rows = table(3)
    return np.asarray(render(rows.iloc[:: len(rows) // 24][:24], 64))


@pytest.fixture
def photos(real_images: Path) -> NDArray[np.uint8]:
    paths = [
        path
        for name in ("msld", "skin18")
        for path in sorted((real_images / name).rglob("*.jpg"))[::30][:12]
    ]
    opened = [Image.open(path).convert("RGB").resize((112, 112)) for path in paths]
    return np.stack([np.asarray(picture) for picture in opened])
