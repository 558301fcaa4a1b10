"""Every field of a run file is explained, and its flag is one of `mimbench run`."""

import inspect

import pytest
from pydantic import BaseModel

from mimbench.cli.run import run
from mimbench.data.options import ImageOptions
from mimbench.evaluation.planning.flags import FLAGS
from mimbench.evaluation.planning.run_file import RunFile


@pytest.mark.parametrize("model", [RunFile, ImageOptions])
def test_every_field_is_explained(model: type[BaseModel]) -> None:
    assert not [name for name, field in model.model_fields.items() if not field.description]


def test_every_flag_is_an_option_of_the_command_once() -> None:
    names = [flag.name for flag in FLAGS]
    assert len(names) == len(set(names))
    assert set(names) < set(inspect.signature(run).parameters)


def test_every_field_has_a_flag_but_those_that_only_a_file_gives() -> None:
    fields = {(name,) for name in RunFile.model_fields if name != "data"}
    fields |= {("data", name) for name in ImageOptions.model_fields}
    assert fields - {flag.path for flag in FLAGS} == {
        *(("name",), ("description",), ("known_orders",)),
        *(("data", "unknown_categories"), ("data", "seed")),
    }
