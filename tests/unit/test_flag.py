"""A field of a model is a flag: its name, its type and its help come from the field."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from mimbench.flag import FILE_ONLY, Flag, flags_of


class Light(BaseModel):
    lamp: Annotated[tuple[str, ...], Flag("LAMP")] = Field(default=(), description="A lamp.")
    dim: bool = Field(default=False, description="Half the light.")


class Study(BaseModel):
    rounds: int = Field(default=1, description="How often.")
    levels: tuple[int, ...] = Field(default=(), description="Which levels.")
    kind: Annotated[Literal["a", "b"] | None, Flag(panel="Rest")] = None
    note: Annotated[str, FILE_ONLY] = ""
    detectors: Annotated[
        tuple[str | dict[str, int], ...], Flag(name="detector", adds=True), Flag(name="only")
    ] = ()
    light: Annotated[Light, Flag(panel="Light")]


def test_name_type_help_and_heading_come_from_the_field() -> None:
    flags = {flag.option: flag for flag in flags_of(Study, "Main")}
    assert list(flags) == [
        *("--lamp", "--dim"),
        *("--rounds", "--levels", "--kind", "--detector", "--only"),
    ]
    kinds = {option: flag.kind for option, flag in flags.items()}
    assert (kinds["--rounds"], kinds["--dim"]) == (int, bool)
    assert kinds["--lamp"] == kinds["--detector"] == list[str]
    assert kinds["--levels"] is kinds["--kind"] is str  # numbers are written 1,3,5
    panels = {option: flag.panel for option, flag in flags.items()}
    assert panels["--rounds"] == "Main"
    assert panels["--kind"] == "Rest"
    assert panels["--lamp"] == "Light"
    assert (flags["--dim"].help, flags["--rounds"].help) == ("Half the light.", "How often.")
    assert (flags["--lamp"].metavar, flags["--rounds"].metavar) == ("LAMP", "N")


def test_a_flag_knows_its_place_in_the_file() -> None:
    paths = {flag.option: flag.path for flag in flags_of(Study)}
    assert paths["--lamp"] == ("light", "lamp")
    assert paths["--only"] == paths["--detector"] == ("detectors",)
