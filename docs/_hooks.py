"""Pages that say what the code says; `_generated.py` tells how a page asks for it."""

import ast
import json
import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import typer.main
from _generated import fill
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mimbench.api.columns import COLUMNS
from mimbench.claims import Claim, ClaimsFile
from mimbench.cli import app
from mimbench.cli.terminal.exit_codes import MEANINGS
from mimbench.evaluation.planning.flags import FLAGS
from mimbench.evaluation.planning.run_file import RunFile
from mimbench.recipes import names, read_recipe

ROOT = Path(__file__).parent.parent
FAMILIES = ("inpainting", "one-class", "classifier", "ensemble", "control")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add a link to the repository, whose address `MIMBENCH_REPOSITORY` says.

    It is an entry of the navigation: for `repo_url` the theme would ask the repository's host for
    numbers, and no request leaves these pages.
    """
    address = os.environ.get("MIMBENCH_REPOSITORY", "")
    if address and config.nav is not None:
        config.nav.append({"Repository": address})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Show the committed figures of the default run, which are of the phantom."""
    for picture in sorted((ROOT / "results" / "default").glob("*.png")):
        target = f"pictures/{picture.name}"
        files.append(File.generated(config, target, abs_src_path=str(picture)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Fill in what is generated; pictures lie elsewhere than in the repository."""
    markdown = markdown.replace("../results/default/", "pictures/")
    for name, make in GENERATED.items():
        markdown = fill(markdown, name, make)
    return markdown


def _commands() -> Iterator[str]:
    yield from _command(typer.main.get_command(app), "mimbench")


def _command(command: Any, name: str) -> Iterator[str]:
    if hasattr(command, "commands"):
        for sub, inner in command.commands.items():
            yield from _command(inner, f"{name} {sub}")
        return
    arguments = [part for part in command.params if part.param_type_name == "argument"]
    options = [part for part in command.params if part.param_type_name == "option"]
    usage = " ".join([name, *(part.metavar or part.name.upper() for part in arguments)])
    yield from (f"## {name}", "", command.help or "", "", f"```text\n{usage}\n```", "")
    if options:
        yield from ("| option | | default | |", "| --- | --- | --- | --- |")
        for part in options:
            flags = ", ".join(f"`{flag}`" for flag in part.opts)
            value = (
                ""
                if getattr(part, "is_flag", False)
                else f"`{part.metavar or ''}`".replace("``", "")
            )
            yield f"| {flags} | {value} | {_default(part, name)} | {part.help or ''} |"
        yield ""


def _default(part: Any, command: str) -> str:
    """The default of an option: its own, or that of the run file's field behind it."""
    own = part.default() if callable(part.default) else part.default
    if own in (None, ()) and command == "mimbench run":
        own = next((_field_default(f.path) for f in FLAGS if f.option in part.opts), None)
    if own in (None, "", (), []):
        return ""
    if isinstance(own, bool):
        return "on" if own else "off"
    return f"`{json.dumps(own, default=str)}`" if isinstance(own, list | tuple) else f"`{own}`"


def _field_default(path: tuple[str, ...]) -> Any:
    """Default of a field of a run file."""
    model: Any = RunFile
    for name in path[:-1]:
        model = model.model_fields[name].annotation
    field = model.model_fields[path[-1]]
    return None if field.is_required() else field.get_default(call_default_factory=True)


def _packages() -> Iterator[str]:
    yield from ("| package | what it is for |", "| --- | --- |")
    for path in sorted((ROOT / "mimbench").rglob("__init__.py")):
        first = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n")[
            0
        ]
        name = ".".join(path.parent.relative_to(ROOT).parts)
        yield f"| `{name}` | {first} |"


def _layers() -> Iterator[str]:
    contracts = _read(ROOT / "pyproject.toml")["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    yield from ("```text", *(layer.replace("mimbench.", "") for layer in layers), "```")


def _run_file() -> Iterator[str]:
    yield from ("| field | flag | default | meaning |", "| --- | --- | --- | --- |")
    yield from _fields(RunFile)


def _fields(model: type[BaseModel], *above: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        path = (*above, name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _fields(field.annotation, *path)
            continue
        options = " ".join(f"`{flag.option}`" for flag in FLAGS if flag.path == path)
        empty = field.is_required() or field.default in (None, "", ())
        default = "" if empty else f"`{json.dumps(field.default)}`"
        yield f"| `{'.'.join(path)}` | {options} | {default} | {field.description} |"


def _recipes() -> Iterator[str]:
    found = [read_recipe(name) for name in names("baselines")]
    for family in FAMILIES:
        rows = [recipe for recipe in found if recipe.family == family]
        if not rows:
            continue
        yield from (f"## {family.capitalize()}", "", "| recipe | what it is | scores | source |")
        yield "| --- | --- | --- | --- |"
        for recipe in rows:
            scores = ", ".join(f"`{score}`" for score in recipe.scores) or "one"
            yield f"| `{recipe.name}` | {recipe.description} | {scores} | {recipe.reference} |"
        yield ""


def _suites() -> Iterator[str]:
    for path in sorted((ROOT / "corruptions").glob("*.toml")):
        suite = _read(path)
        names = suite.get("corruptions") or [one["name"] for one in suite.get("corruption", ())]
        yield from (f"## `{path.stem}`", "", suite.get("description", ""), "")
        yield from (", ".join(f"`{name}`" for name in names) + ".", "")


def _claims_file() -> Iterator[str]:
    for title, model in (("The file", ClaimsFile), ("`[[claim]]`", Claim)):
        yield from (f"## {title}", "", "| field | values | default | meaning |")
        yield "| --- | --- | --- | --- |"
        for name, field in model.model_fields.items():
            values = _values(field)
            empty = field.is_required() or field.get_default(call_default_factory=True) in (
                None, "", (), {},
            )  # fmt: skip
            default = "" if empty else f"`{json.dumps(field.default, default=str)}`"
            needed = "**required**. " * field.is_required()
            yield f"| `{name}` | {values} | {default} | {needed}{field.description} |"
        yield ""


def _values(field: FieldInfo) -> str:
    """What a field may hold: its choices, or its kind and limits."""
    choices = [one for one in get_args(field.annotation) if isinstance(one, str)]
    if choices:
        return ", ".join(f"`{one}`" if one else "empty" for one in choices)
    kind = str(field.annotation)
    if "Claim" in kind:
        return "tables"
    if "dict" in kind:
        return "table of texts"
    if "tuple" in kind:
        return "list of texts"
    if "float" not in kind:
        return "text"
    above = next(limit.gt for limit in field.metadata if hasattr(limit, "gt"))
    below = next(limit.lt for limit in field.metadata if hasattr(limit, "lt"))
    return f"number above {above} and below {below}"


def _run_columns() -> Iterator[str]:
    for name, columns in COLUMNS.items():
        yield from (f"### `{name}()`", "", "| column | meaning |", "| --- | --- |")
        yield from (f"| `{column}` | {meaning} |" for column, meaning in columns.items())
        yield ""


def _read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _exit_codes() -> Iterator[str]:
    yield from ("| exit code | meaning |", "| --- | --- |")
    yield from (f"| {code} | {meaning} |" for code, meaning in MEANINGS.items())


GENERATED = {
    "claims_file": _claims_file,
    "commands": _commands,
    "exit_codes": _exit_codes,
    "layers": _layers,
    "packages": _packages,
    "recipes": _recipes,
    "run_columns": _run_columns,
    "run_file": _run_file,
    "suites": _suites,
}
