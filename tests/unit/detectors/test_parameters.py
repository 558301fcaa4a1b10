"""A recipe's parameters are checked by the detector's own declaration, before any image is read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mimbench.detectors.build import build, identity
from mimbench.detectors.parameters import parameters_of
from mimbench.errors import MimbenchError, RecipeError
from mimbench.evaluation.planning.plan import RunFile, make_plan
from mimbench.recipes import Recipe, derive, names, read_recipe
from mimbench.registry import BUILT_IN, resolve

PLUGIN = """
from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from mimbench import Detector

if TYPE_CHECKING:
    from somewhere import Something


class Plain(Detector):
    def __init__(
        self,
        count: int = 3,
        rate: float = 0.1,
        kind: Literal["a", "b"] = "a",
        names: list[str] | None = None,
        share: Annotated[float, Field(ge=0, le=1)] = 0.5,
        odd: Something | None = None,
        copy: bool = False,
        untold=None,
        **more: int,
    ) -> None:
        self.given = count, rate, kind, names, share, odd, copy, untold, more

    def score(self, batch):
        raise NotImplementedError
"""


@pytest.fixture
def plain(tmp_path: Path) -> Callable[..., Any]:
    path = tmp_path / "plain.py"
    path.write_text(f"# {path}\n{PLUGIN}")

    def made(**parameters: Any) -> Any:
        return build(Recipe(name="p", detector=f"{path}:Plain", parameters=parameters))

    return made


def wrong(detector: str, **parameters: Any) -> str:
    recipe = Recipe(name="r", detector=detector, parameters=parameters)
    with pytest.raises(RecipeError) as error:
        build(recipe)
    return str(error.value)


def test_every_shipped_recipe_keeps_to_the_declarations() -> None:
    for name in names("baselines"):
        recipe = read_recipe(name)
        parameters_of(recipe, resolve(recipe.detector))


def test_what_is_wrong_with_a_parameter_is_said_with_its_rule_and_its_value() -> None:
    cases: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
        ("mim", {"steps": 45.5}, ("steps", "whole number", "45.5")),
        ("mim", {"steps": 45.0}, ("steps", "whole number")),
        ("mim", {"steps": True}, ("steps", "whole number", "true")),
        ("mim", {"steps": "45"}, ("steps", "whole number", "'45'")),
        ("mim", {"steps": 10**12}, ("steps", "10000000 or less")),
        ("mim", {"width": 0}, ("width", "above 0")),
        ("mim", {"batch_size": -1, "steps": 0}, ("batch_size", "steps", "above 0")),
        ("mim", {"learning_rate": 0}, ("learning_rate", "above 0")),
        ("mim", {"learning_rate": float("nan")}, ("learning_rate", "finite", "nan")),
        ("mim", {"learning_rate": float("inf")}, ("learning_rate", "finite", "inf")),
        ("mim", {"adversarial": -1.0}, ("adversarial", "0 or more")),
        ("mim", {"average": 1}, ("average", "below 1")),
        ("mim", {"patches": []}, ("patches", "1 or more entries")),
        ("mim", {"patches": [4, 0]}, ("patches.1", "above 0")),
        ("mim", {"patches": 4}, ("patches", "list")),
        ("mim", {"gain": 1}, ("gain", "true or false")),
        ("mim", {"mask": 8}, ("mask", "text")),
        ("mim", {"step": 4}, ("'step'", "parameters: mask, patches")),
        ("mim-features", {"backbone": "resnet18", "penalty": 0}, ("penalty", "above 0")),
        ("pca-ratio", {"backbone": "resnet18", "components": 0}, ("components", "above 0")),
        ("autoencoder", {"kind": "denoising"}, ("kind", "'plain', 'variational' or 'context'")),
        ("classifier", {}, ("architecture",)),
        ("classifier", {"architecture": "resnet18", "side": "x"}, ("side", "'input', 'own' or")),
        ("classifier", {"architecture": "resnet18", "side": 3}, ("side", "from 16 to 4096")),
        ("linear-probe", {"architecture": "resnet18", "views": 5}, ("views", "4 or less")),
        ("patchcore", {"backbone": "resnet18", "memory": 0}, ("memory", "above 0")),
        ("patchcore", {"backbone": "resnet18", "layers": "layer1"}, ("layers", "list")),
        ("padim", {"backbone": "resnet18", "dimensions": 1.5}, ("dimensions", "whole")),
        ("feature-neighbours", {"backbone": "resnet18", "neighbours": 0}, ("neighbours",)),
        ("histogram", {"bins": 10**6}, ("bins", "64 or less")),
        ("harmonic", {"cell": -8}, ("cell", "above 0")),
        ("deep-svdd", {"features": 2.5}, ("features", "whole number")),
        ("ensemble", {"rows": "mim/residual"}, ("rows", "list")),
        ("trained-classifier", {"architecture": "a", "weights": "b", "categories": [1]}, ("text",)),
    ]
    for detector, parameters, expected in cases:
        said = wrong(detector, **parameters)
        for text in ("Recipe 'r'", *expected):
            assert text in said, (detector, parameters, said)


def test_every_number_of_every_built_in_detector_has_a_range() -> None:
    """Nothing but a range refuses a billion: whoever adds a parameter has to say what is sound."""
    for name in BUILT_IN:
        target = resolve(name)
        declared = getattr(target.__init__, "__annotations__", {})
        for parameter, annotation in declared.items():
            if annotation in (int, float):
                pytest.fail(f"{name}: {parameter} is a plain {annotation.__name__}")


def test_the_annotations_of_a_plug_in_count(plain: Callable[..., Any]) -> None:
    given = plain(
        count=4, rate=2, kind="b", names=["x"], share=0, odd="?", copy=True, untold=[1], other=9
    ).given
    assert given == (4, 2.0, "b", ["x"], 0.0, "?", True, [1], {"other": 9})
    assert isinstance(given[1], float)
    for parameters, text in (
        ({"count": 4.5}, "count must be a whole number, not 4.5"),
        ({"rate": "x"}, "rate must be a number"),
        ({"kind": "c"}, "kind must be 'a' or 'b'"),
        ({"names": [1]}, "names.0 must be a text"),
        ({"share": 2}, r"share must be 1\.0 or less"),
        ({"copy": "yes"}, "copy must be true or false"),
    ):
        with pytest.raises(RecipeError, match=text):
            plain(**parameters)


def test_an_integer_for_a_float_is_the_same_fit() -> None:
    one, other = (
        Recipe(name="r", detector="mim", parameters={"reconstruction": value})
        for value in (10, 10.0)
    )
    assert identity(one) == identity(other)


def test_a_wrong_parameter_is_found_before_an_image_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def load(*_: object) -> None:
        pytest.fail("images were read")

    monkeypatch.setattr("mimbench.evaluation.planning.plan.load", load)
    detectors = ({"extends": "mim", "parameters": {"steps": 45.5}},)
    run = RunFile.model_validate({"detectors": detectors, "data": {"data": ("phantom",)}})
    with pytest.raises(RecipeError, match=r"steps must be a whole number, not 45\.5"):
        make_plan(run)


def test_values_that_nothing_can_hold_are_refused_where_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    deep = "[" * 60 + "]" * 60
    cases = {
        "parameters.steps = nan": "steps is nan",
        "parameters.steps = -inf": "finite",
        f"parameters.steps = {2**64}": "64 bits",
        f"parameters.steps = {'9' * 5000}": "not valid TOML",
        'parameters.weights = "a\\u0000b"': r"weights has control characters: a\x00b",
        'parameters."a\\u001b" = 1': "control characters",
        f"parameters.patches = {deep}": "nested too deeply",
        "parameters.patches = " + "[" * 9000 + "]" * 9000: "not valid TOML",
        "input_size = 64.0": "input_size must be a whole number, not 64.0",
        'input_size = "64"': "input_size must be a whole number",
        "input_size = true": "input_size must be a whole number, not true",
        "input_size = 5000": "input_size must be 1024 or less",
        "colour = 1": "unknown field colour; allowed: name, detector,",
        "scores = 3": "scores must be a list",
    }
    for text, expected in cases.items():
        path.write_text(f'name = "r"\ndetector = "mim"\n{text}\n')
        with pytest.raises(MimbenchError) as error:
            derive(*_read(path))
        said = str(error.value)
        assert expected in said, (text[:60], said)
        assert str(path) in said
        assert len(said) < 400
        assert said.isprintable()


def _read(path: Path) -> tuple[dict[str, Any], Path]:
    from mimbench.recipes import read_toml

    return read_toml("baselines", str(path))
