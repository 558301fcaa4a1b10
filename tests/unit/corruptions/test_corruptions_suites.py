"""Suites say what they contain, and what is wrong with them."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from mimbench import corruptions
from mimbench.corruptions.suites import parse
from mimbench.errors import CorruptionError, UnknownNameError

FOLDER = Path(__file__).parents[3] / "corruptions"
GOOD: dict[str, Any] = {"name": "mine", "description": "Two.", "corruptions": ["fog", "snow"]}


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
        ({"description": None}, "'description' must be a text"),
        ({"corruption_names": []}, "no field 'corruption_names'"),
        ({"corruptions": []}, "at least one name"),
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
