"""A plug-in that is a Python file, imported with the modules that lie beside it.

Such a file is part of no package. Its folder is made one for it, under a name that has the content
of its files: what it imports from its own folder is found there, two plug-ins whose folders have
modules of the same name do not disturb each other, and a changed file is imported anew.
"""

import ast
import builtins
import hashlib
import importlib
import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from mimbench.errors import DetectorError

__all__ = ["files_of", "import_file"]

PREFIX = "mimbench_plugin_"
CONTENTS = "contents"  # of the made package: path -> bytes of its files when it was made
NEVER_BESIDE = sys.stdlib_module_names | {"mimbench"}  # whatever a folder holds under these names


def import_file(path: Path) -> ModuleType:
    """Import a Python file, once for each content that it and the modules beside it have.

    Raises:
        DetectorError: there is no such file.
    """
    if not path.is_file():
        raise DetectorError(f"There is no file {path} to take a detector from.")
    path = path.resolve()
    contents = {str(file): file.read_bytes() for file in files_of(path)}
    digest = hashlib.sha256()
    for file, content in contents.items():
        digest.update(f"{Path(file).relative_to(path.parent)}\0".encode() + content + b"\0")
    package = f"{PREFIX}{digest.hexdigest()[:12]}"
    if package not in sys.modules:
        folder = ModuleType(package)
        folder.__path__ = [str(path.parent)]
        vars(folder)[CONTENTS] = contents
        sys.modules[package] = folder
        importlib.invalidate_caches()  # a module may have been written a moment ago
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    name = f"{package}.{path.stem.replace('.', '_')}"
    return sys.modules[name] if name in sys.modules else _executed(name, path)


def _executed(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path, loader=_Loader(name, str(path)))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def files_of(path: Path) -> list[Path]:
    """A plug-in's file and those of its folder that it imports, directly or not, sorted.

    Of a package in the folder all files count. Only statements are seen, wherever they stand; what
    a program imports by a name that it computes is not found beside it.
    """
    path = path.resolve()
    found: set[Path] = set()
    waiting = [path]
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            waiting += _imported(file, path.parent)
    return sorted(found)


def _imported(file: Path, folder: Path) -> Iterator[Path]:
    """Files of the folder that a file's import statements name."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):  # importing it will say so
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        elif isinstance(node, ast.ImportFrom) and node.level == 1 and file.parent == folder:
            names = [node.module] if node.module else [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            yield from _beside(name.partition(".")[0], folder, relative=_is_relative(node))


def _is_relative(node: ast.AST) -> bool:
    return isinstance(node, ast.ImportFrom) and node.level > 0


def _beside(name: str, folder: Path, *, relative: bool = False) -> Sequence[Path]:
    """Files of the module or package of that name in a folder; none if there is none."""
    if not name or (name in NEVER_BESIDE and not relative):
        return ()
    package, module = folder / name, folder / f"{name}.py"
    if (package / "__init__.py").is_file():
        return tuple(file.resolve() for file in package.rglob("*.py"))
    if module.is_file():
        return (module.resolve(),)
    # a folder without __init__.py is a package, too, if it has code
    return tuple(file.resolve() for file in package.rglob("*.py")) if package.is_dir() else ()


class _Finder:
    """Finds the modules of plug-ins' folders, under the folders' own names alone."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """As of `importlib.abc.MetaPathFinder`."""
        if not name.startswith(PREFIX) or path is None:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is not None and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = _Loader(name, spec.loader.path)
        return spec


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads a module whose import statements look into its plug-in's folder first."""

    def get_code(self, fullname: str) -> CodeType | None:
        """The code that the package's name stands for, whatever the file has become since."""
        path = self.get_filename(fullname)
        contents = vars(sys.modules[fullname.partition(".")[0]])[CONTENTS]
        if path not in contents:
            raise ImportError(
                f"{path} is imported by a name that was computed, so that nothing would notice if "
                "it changed; name it in an import statement"
            )
        return self.source_to_code(contents[path], path)

    def exec_module(self, module: ModuleType) -> None:
        """Run the module."""
        package = module.__name__.partition(".")[0]
        vars(module)["__builtins__"] = {**vars(builtins), "__import__": _importer(package)}
        super().exec_module(module)


def _importer(package: str) -> Any:
    """An `__import__` that takes what lies in the folder of a package from there."""
    folder = Path(sys.modules[package].__path__[0])
    is_beside = cache(lambda top: bool(_beside(top, folder)))

    def import_beside(
        name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0
    ) -> ModuleType:
        top, _, _ = name.partition(".")
        if level or not is_beside(top):
            return builtins.__import__(name, globals, locals, fromlist, level)
        module = importlib.import_module(f"{package}.{name}")
        if not fromlist:
            return sys.modules[f"{package}.{top}"]
        for part in fromlist:
            if part != "*" and not hasattr(module, part) and hasattr(module, "__path__"):
                importlib.import_module(f"{package}.{name}.{part}")
        return module

    return import_beside
