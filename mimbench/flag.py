"""The flags that the fields of a model are: name, type, help text and place in the help."""

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

__all__ = ["FILE_ONLY", "Flag", "flags_of"]


@dataclass(frozen=True)
class Flag:
    """How a field of a run file is given on the command line; each part has a default.

    A field without this annotation is a flag of its own name and description.

    Attributes:
        metavar: what stands for the value in the help; default by type.
        name: of the parameter; default the field's. The flag is `--name` with hyphens.
        help: default the field's description.
        panel: heading in the help; default that of the model around it.
        adds: whether the values are added to those of the file instead of replacing them.
        empty: word that stands for no value at all.
        separated: whether one value may be several, separated by commas.
        redefines: whether a description of the run no longer fits when the flag is given.
        kind: of a value: `bool`, `int`, `float`, `str` or `list[str]`; from the field.
        path: of the field in the run file, such as ("data", "target"); from the field.
    """

    metavar: str = ""
    name: str = ""
    help: str = ""
    panel: str | None = None
    adds: bool = False
    empty: str | None = None
    separated: bool = False
    redefines: bool = False
    kind: Any = field(default=None, kw_only=True)
    path: tuple[str, ...] = field(default=(), kw_only=True)

    @property
    def option(self) -> str:
        """As the user types it."""
        return f"--{self.name.replace('_', '-')}"

    def given_in(self, given: Mapping[str, Any]) -> bool:
        """Whether the user gave the flag."""
        return given.get(self.name) not in (None, [])


FILE_ONLY = Flag(name="-")  # a field that only a file can give

METAVARS = {bool: "", int: "N", float: "X"}


def flags_of(model: type[BaseModel], panel: str | None = None) -> Iterator[Flag]:
    """The flags of a model and of the models inside it, those first, in order of the fields.

    Args:
        model: what the flags are put together to.
        panel: heading in the help for fields that name none.
    """
    fields = sorted(model.model_fields.items(), key=lambda item: _model(item[1]) is None)
    for name, info in fields:
        own = [part for part in info.metadata if isinstance(part, Flag)] or [Flag()]
        if (held := _model(info)) is not None:
            for inner in flags_of(held, own[0].panel or panel):
                yield replace(inner, path=(name, *inner.path))
            continue
        for flag in own:
            if flag is not FILE_ONLY:
                yield _completed(flag, name, info, panel)


def _completed(flag: Flag, name: str, info: FieldInfo, panel: str | None) -> Flag:
    kind = _kind(info.annotation)
    return replace(
        flag,
        name=flag.name or name,
        help=flag.help or info.description or "",
        panel=flag.panel or panel,
        metavar=flag.metavar or METAVARS.get(kind, "NAME"),
        kind=kind,
        path=(name,),
    )


def _model(info: FieldInfo) -> type[BaseModel] | None:
    """The model that a field holds, if it holds one."""
    found = info.annotation
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


def _kind(annotation: Any) -> Any:
    """What a flag for a field of that type takes; numbers in a list are written "1,2,4"."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _kind(parts[0])
    if origin in (Union, types.UnionType):
        return _kind(next(part for part in parts if part is not types.NoneType))
    if origin is tuple:
        return list[str] if _kind(parts[0]) is str else str
    return annotation if annotation in (bool, int, float) else str
