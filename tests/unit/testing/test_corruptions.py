"""What the contract of corruptions finds: one fault each, and the test that names it."""

from collections.abc import Iterator
from importlib.metadata import EntryPoint

import numpy as np
import pytest

from mimbench import corruptions
from mimbench.corruptions import Family, Parameter, plugins, uniform
from mimbench.corruptions.suites import parse
from mimbench.errors import CorruptionError, MimbenchError, UnknownNameError
from mimbench.testing import check

STRENGTH = {"strength": Parameter(0, 1, "share of light that is lost")}
LEVELS = {"strength": (0.1, 0.2, 0.3, 0.4, 0.5)}


def darken(images, draws, result, *, strength):
    for image, out, words in zip(images, result, draws.each(1), strict=True):
        out[:] = image * (1 - strength * (0.5 + 0.5 * uniform(words)))


def returns(images, draws, result, *, strength):
    return (images * (1 - strength)).astype(np.uint8)


def draws_elsewhere(images, draws, result, *, strength):
    result[:] = images * (1 - strength * np.random.random())  # noqa: NPY002


def of_the_batch(images, draws, result, *, strength):
    result[:] = images * (1 - strength) + strength * images.mean(0)


def square(images, draws, result, *, strength):
    side = images.shape[1]
    result[:, :side, :side] = images[:, :side, :side] * (1 - strength)


def in_place(images, draws, result, *, strength):
    images[:] = images * (1 - strength)
    result[:] = images


def breaks(images, draws, result, *, strength):
    raise ZeroDivisionError("no light")


FAULTS = {
    "returns": (Family(returns, STRENGTH, LEVELS), "pixel", "fill `result`"),
    "elsewhere": (Family(draws_elsewhere, STRENGTH, LEVELS), "key alone", "from `draws`"),
    "batch": (Family(of_the_batch, STRENGTH, LEVELS), "batch", "than alone"),
    "square": (Family(square, STRENGTH, LEVELS), "pixel", "48 x 80"),
    "in-place": (Family(in_place, STRENGTH, LEVELS), "nothing outside", "changed the images"),
    "falls": (
        Family(darken, STRENGTH, {"strength": (0.1, 0.3, 0.2, 0.4, 0.5)}),
        "higher severity",
        "Severity 3 changes pixels less than severity 2",
    ),
    "idle": (
        Family(darken, STRENGTH, {"strength": (0, 0.1, 0.2, 0.3, 0.4)}),
        "higher severity",
        "Severity 1 changes nothing",
    ),
    "breaks": (Family(breaks, STRENGTH, LEVELS), "key alone", "ZeroDivisionError: no light"),
}
SOUND = Family(darken, STRENGTH, LEVELS)
WRONG = {
    "four": (Family(darken, STRENGTH, {"strength": (0.1, 0.2, 0.3, 0.4)}), "five values"),
    "beyond": (Family(darken, STRENGTH, {"strength": (0, 0.2, 0.3, 0.4, 1.5)}), "from 0 to 1"),
    "nameless": (Family(darken, STRENGTH, {}), "severities for none"),
    "function": (darken, "mimbench.corruptions.Family"),
    "frost": (SOUND, "built-in"),
}


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Families of this file as if packages had brought them."""
    families = {name: found for name, (found, *_) in (FAULTS | WRONG).items()} | {"darken": SOUND}
    points = {name: EntryPoint(name, f"somewhere:{name}", "") for name in families}
    monkeypatch.setattr(plugins, "_entry_points", lambda: points)
    monkeypatch.setattr(plugins, "resolve", lambda value: families[value.partition(":")[2]])
    monkeypatch.setattr(plugins, "sources", lambda value: [])
    monkeypatch.setattr(plugins, "where", lambda value, error: f"{value}, line 7: ")
    for cached in (plugins.family, plugins.source_digest):
        cached.cache_clear()
    yield
    for cached in (plugins.family, plugins.source_digest):
        cached.cache_clear()


def test_a_sound_family_passes(install: None) -> None:
    found = list(check("darken"))
    assert len(found) == 5
    assert [outcome.problem for outcome in found if outcome.problem] == []


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_by_the_test_that_is_for_it(install: None, name: str) -> None:
    _, test, words = FAULTS[name]
    problems = {outcome.test: outcome.problem for outcome in check(name) if outcome.problem}
    assert any(test in title and words in problem for title, problem in problems.items()), problems


@pytest.mark.parametrize("name", ["gaussian_noise", "fog", "contrast", "pixelate"])
def test_built_in_corruptions_pass(name: str) -> None:
    assert [outcome.problem for outcome in check(name) if outcome.problem] == []


def test_a_family_is_a_corruption_and_a_kernel(install: None) -> None:
    assert "darken" in corruptions.names()
    suite = {"name": "s", "description": "d", "corruptions": ["darken"]}
    dusk = {"name": "dusk", "kernel": "darken", "strength": 0.9}
    made = parse(suite | {"corruption": [dusk]}, "s.toml").corruptions
    images = np.full((2, 40, 40, 3), 200, np.uint8)
    first, second = (own.apply(images, 5, [1, 2]) for own in made)
    assert second.mean() < first.mean() < 200
    assert made[0].describe()["parameters"] == {"strength": [0.1, 0.2, 0.3, 0.4, 0.5]}
    with pytest.raises(CorruptionError, match=r"dusk.*strength.*from 0 to 1"):
        parse(suite | {"corruption": [dusk | {"strength": 2}]}, "s.toml")
    with pytest.raises(CorruptionError, match=r"'darken' is built in"):
        parse(suite | {"corruption": [dusk | {"name": "darken"}]}, "s.toml")


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_with_a_family_is_one_sentence(install: None, name: str) -> None:
    with pytest.raises(CorruptionError, match=f"'{name}'.*{WRONG[name][1]}"):
        plugins.family(name)


def test_an_error_in_a_package_names_its_line(install: None) -> None:
    images = np.zeros((1, 40, 40, 3), np.uint8)
    with pytest.raises(MimbenchError, match=r"line 7: ZeroDivisionError: no light"):
        corruptions.apply(images, "breaks", 1, [1])


def test_other_code_of_a_package_is_another_corruption(
    install: None, monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    code = tmp_path / "haze.py"
    monkeypatch.setattr(plugins, "sources", lambda value: [code])
    digests = []
    for text in ("a = 1", "a = 2"):
        code.write_text(text)
        plugins.source_digest.cache_clear()
        digests.append(corruptions.builtin("darken").describe()["source"])
    assert digests[0] != digests[1]
    assert "source" not in corruptions.builtin("fog").describe()


@pytest.mark.parametrize(
    ("name", "meant"), [("gausian_noise", "gaussian_noise"), ("darkn", "darken"), ("padm", "padim")]
)
def test_check_proposes_the_nearest_corruption_or_detector(
    name: str, meant: str, install: None
) -> None:
    with pytest.raises(UnknownNameError, match=rf"corruption '{name}'.*\b{meant}\b"):
        list(check(name))


def test_an_unknown_corruption_is_told_from_those_of_packages_too(install: None) -> None:
    with pytest.raises(UnknownNameError, match="darken"):
        corruptions.builtin("darkn")
