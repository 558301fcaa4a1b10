"""Any value in any field of any TOML file: it is read, or refused in one sentence that names it."""

import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mimbench.claims import read_claims
from mimbench.errors import MimbenchError
from mimbench.evaluation.planning import plan, run_recipes
from mimbench.evaluation.planning.flags import resolve_run
from mimbench.evaluation.planning.suites import read_suite
from mimbench.gate import read_gate_file

VALUES = (
    *("nan", "inf", "-1", "0", "1e300", "2.5", "9223372036854775807", "18446744073709551616"),
    *("true", '""', '"x"', '"../x/y"', '"a\\u001bb"', "[]", '[1, "a"]', "[[1]]", "{}", "{a = 1}"),
    *("1979-05-27", "[" * 30 + "]" * 30, "'''\n'''"),
)
RUN = """
name = "r"
description = "text"
detectors = ["mim", {extends = "harmonic", name = "t", parameters = {cell = 4}}]
suites = ["quick"]
severities = [1, 3]
folds = 2
seeds = 1
plan_seed = 0
given_fold = 1
swap = ["a"]
known_curve = [1, 2]
known_orders = 3
leave_out_groups = 2
corruption_engine = "own"
device = "cpu"
gallery = false
data.data = ["phantom"]
data.target = "a"
data.known = ["b"]
data.unknown = ["u"]
data.unknown_categories = ["c"]
data.abnormal = ["generated"]
data.external = ["e"]
data.canonical_size = 64
data.harmonise = false
data.layout = "folders"
data.seed = 0
"""
GATE = """
rows = ["mim/l1"]
role = "unknown"
relation = "same-source"
margin = 0.01
alpha = 0.05
retraining.mim.sd = 0.1
retraining.mim.seeds = 3
require_evidence = false
allow = ["nan"]
"""
CLAIMS = """
name = "c"
description = "text"
alpha = 0.05
[[claim]]
id = "a"
statement = "s"
source = "p"
kind = "at_least"
rows = ["mim/l1"]
bound = 0.8
metric = "auroc"
question = "detection"
role = "unknown"
relation = ""
category = "a"
sources = ["x"]
where = {skin_tone = "I"}
corruptions = ["*"]
protocol = "both"
"""
SUITE = """
name = "s"
description = "text"
severities = [1, 3]
corruptions = ["fog"]
[[corruption]]
name = "own"
kernel = "gaussian_noise"
sigma = 0.1
"""
RECIPE = """
name = "m"
detector = "mim"
description = "text"
reference = "text"
family = "inpainting"
control = false
input_size = 64
scores = ["l1"]
headline = ["l1"]
parameters.steps = 5
parameters.mask = "centre"
parameters.patches = [4]
parameters.gain = true
"""


def planned(path: str) -> None:
    """All that a run decides before it reads an image."""
    run = resolve_run(path, {})
    run_recipes.run_recipes(run)
    plan._conditions(run)


def planned_with(path: str) -> None:
    planned_run = resolve_run("default", {"only": [path]})
    run_recipes.run_recipes(planned_run)


FILES: dict[str, tuple[str, Callable[[str], object]]] = {
    "run": (RUN, planned),
    "recipe": (RECIPE, planned_with),
    "gate": (GATE, lambda path: read_gate_file(Path(path))),
    "claims": (CLAIMS, read_claims),
    "suite": (SUITE, read_suite),
}


def changed(text: str) -> Iterator[tuple[str, str, str]]:
    """Field, value, and the file with that value in that field."""
    lines = text.strip().splitlines()
    for number, line in enumerate(lines):
        if line.startswith("[["):
            field = line.strip("[]")
            for value in VALUES:
                yield field, value, "\n".join([*lines[:number], f"{field} = {value}"])
    for number, line in enumerate(lines):
        field, found, _ = line.partition(" = ")
        for value in VALUES if found else ():
            yield (
                field,
                value,
                "\n".join([*lines[:number], f"{field} = {value}", *lines[number + 1 :]]),
            )


@pytest.mark.parametrize("kind", FILES)
def test_any_value_in_any_field_is_read_or_refused_in_one_sentence(
    kind: str, tmp_path: Path
) -> None:
    text, read = FILES[kind]
    path = tmp_path / "file.toml"
    path.write_text(text)
    read(str(path))
    refused = 0
    for field, value, content in changed(text):
        path.write_text(content)
        try:
            read(str(path))
        except MimbenchError as error:
            said = str(error)
            assert said.isprintable(), (field, value, said)
            assert len(said) < 600, (field, value, said)
            refused += 1
        except tomllib.TOMLDecodeError:
            pytest.fail(f"{field} = {value}")
    assert refused > 100


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("folds = 2.5", "folds must be a whole number, not 2.5"),
        ("folds = true", "folds must be a whole number, not true"),
        ('seeds = "3"', "seeds must be a whole number, not '3'"),
        ("severities = [1.5]", "severities.0 must be a whole number"),
        ("plan_seed = -1", "plan_seed must be 0 or more"),
        ("data.canonical_size = 64.0", "data.canonical_size must be a whole number"),
        ("data.colour = 1", "unknown field data.colour; allowed: data, target"),
        ("detectors = [1]", "detectors.0"),
    ],
)
def test_what_is_wrong_with_a_run_file_is_said(text: str, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    field = text.partition(" = ")[0]
    kept = [line for line in RUN.strip().splitlines() if not line.startswith(f"{field} =")]
    path.write_text("\n".join([text, *kept]))
    with pytest.raises(MimbenchError) as error:
        planned(str(path))
    assert expected in str(error.value)
    assert str(path) in str(error.value)
