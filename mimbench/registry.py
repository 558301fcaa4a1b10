"""From a name to an object: "name", "package.module:Object" or "file.py:Object".

Code is imported only from paths and modules that the user names; entry points of the group
`mimbench.detectors` are listed by installed packages.
"""

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from mimbench.errors import DetectorError, PluginError, UnknownNameError

__all__ = [
    "DETECTOR_GROUP",
    "entry_point_names",
    "is_installed",
    "resolve",
    "sources",
    "where",
]

DETECTOR_GROUP = "mimbench.detectors"

BUILT_IN: Mapping[str, str] = {
    "mim": "mimbench.detectors.mim:MIM",
    "mim-features": "mimbench.detectors.mim:MIMFeatures",
    "pca-ratio": "mimbench.detectors.mim:PCARatio",
    "feature-roughness": "mimbench.detectors.mim:FeatureRoughness",
    "classifier": "mimbench.detectors.classifier.classifier:Classifier",
    "linear-probe": "mimbench.detectors.classifier.linear_probe:LinearProbe",
    "trained-classifier": "mimbench.detectors.classifier.trained:TrainedClassifier",
    "feature-neighbours": "mimbench.detectors.oneclass:FeatureNeighbours",
    "feature-mahalanobis": "mimbench.detectors.oneclass:FeatureMahalanobis",
    "feature-forest": "mimbench.detectors.oneclass:FeatureForest",
    "feature-svm": "mimbench.detectors.oneclass:FeatureSVM",
    "patchcore": "mimbench.detectors.oneclass:PatchCore",
    "padim": "mimbench.detectors.oneclass:PaDiM",
    "anomalib": "mimbench.detectors.anomalib:Anomalib",
    "autoencoder": "mimbench.detectors.oneclass:Autoencoder",
    "deep-svdd": "mimbench.detectors.oneclass:DeepSVDD",
    "harmonic": "mimbench.detectors.controls:UntrainedInpainter",
    "complexity": "mimbench.detectors.controls:Complexity",
    "file-statistics": "mimbench.detectors.controls:FileStatistics",
    "histogram": "mimbench.detectors.controls:ColourHistogram",
    "ensemble": "mimbench.detectors.ensemble:Ensemble",
}


def resolve(name: str) -> Any:
    """Return the object that `name` stands for.

    Args:
        name: a built-in name, the name of an entry point in the group `mimbench.detectors`,
            "package.module:Object" or "path/to/file.py:Object".

    Raises:
        UnknownNameError: no such name or object; the message proposes the nearest.
        DetectorError: there is no such module or file.
        PluginError: its code fails when it is imported.
    """
    if ":" in name:
        module, _, attribute = name.rpartition(":")
        return _attribute(_import(module), attribute, name)
    if name in BUILT_IN:
        return resolve(BUILT_IN[name])
    plugins = {point.name: point for point in entry_points(group=DETECTOR_GROUP)}
    if name not in plugins:
        raise UnknownNameError("detector", name, [*BUILT_IN, *plugins])
    return resolve(plugins[name].value)


def entry_point_names() -> tuple[str, ...]:
    """Names of the detectors that installed packages provide."""
    return tuple(sorted(point.name for point in entry_points(group=DETECTOR_GROUP)))


def is_installed(name: str) -> bool:
    """Whether `name` is built in or an installed plug-in, so that no file or module is named."""
    return name in BUILT_IN or name in entry_point_names()


def where(name: str, error: BaseException) -> str:
    """Where in a plug-in's own code an error arose.

    Args:
        name: as for `resolve`.
        error: what came out of the plug-in, or of a check of what it returned.

    Returns:
        For example "mine.py, line 7: ", the innermost line of the plug-in's file or package; its
        `score` if the error arose nowhere in it. Empty for detectors that come with mimbench.
    """
    name = _spelt_out(name)
    source = _source(name.rpartition(":")[0])
    if source is None:
        return ""
    if isinstance(error, SyntaxError) and _within(error.filename or "", source):
        return f"{Path(error.filename or '').name}, line {error.lineno}: "
    lines = [line for line in _lines(error) if _within(line[0], source)]
    if not lines:
        target = resolve(name)
        code = getattr(getattr(target, "score", target), "__code__", None)
        lines = [(code.co_filename, code.co_firstlineno)] if code else []
    return f"{Path(lines[-1][0]).name}, line {lines[-1][1]}: " if lines else ""


def sources(name: str) -> list[Path]:
    """Files of a plug-in's code, sorted: its own, or all of its package; none of mimbench's own.

    Args:
        name: as for `resolve`.
    """
    source = _source(_spelt_out(name).rpartition(":")[0])
    if source is None:
        return []
    return sorted(source.rglob("*.py")) if source.is_dir() else [source]


def _spelt_out(name: str) -> str:
    """The name with module and object; empty for a built-in one."""
    if ":" in name:
        return name
    values = {point.name: point.value for point in entry_points(group=DETECTOR_GROUP)}
    return values.get(name, "") if name not in BUILT_IN else ""


def _source(module: str) -> Path | None:
    """File or package folder of a plug-in; None for none and for mimbench itself."""
    if module.endswith(".py"):
        return Path(module).resolve()
    top = module.partition(".")[0]
    spec = importlib.util.find_spec(top) if top not in ("", "mimbench") else None
    if spec is None or spec.origin is None:
        return None
    origin = Path(spec.origin).resolve()
    return origin.parent if origin.name == "__init__.py" else origin


def _within(file: str, source: Path) -> bool:
    return Path(file).resolve().is_relative_to(source)


def _lines(error: BaseException) -> Iterator[tuple[str, int]]:
    """File and line of every frame of an error and of those that caused it, outermost first."""
    trace = error.__traceback__
    while trace is not None:
        yield trace.tb_frame.f_code.co_filename, trace.tb_lineno
        trace = trace.tb_next
    if error.__cause__ is not None:
        yield from _lines(error.__cause__)


def _import(module: str) -> Any:
    try:
        if module.endswith(".py"):
            return _import_file(Path(module))
        return importlib.import_module(module)
    except DetectorError:
        raise
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}."):
            raise DetectorError(f"There is no module '{error.name}' to import here.") from error
        what = error.msg if isinstance(error, SyntaxError) else str(error)
        place = where(f"{module}:", error)
        raise PluginError(
            f"'{module}' cannot be imported: {place}{type(error).__name__}: {what}"
        ) from error


def _import_file(path: Path) -> Any:
    if not path.is_file():
        raise DetectorError(f"There is no file {path} to take a detector from.")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    name = f"mimbench_plugin_{path.stem}_{digest}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise DetectorError(f"{path} is not a Python file that can be imported.")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]


def _attribute(module: Any, attribute: str, name: str) -> Any:
    if not hasattr(module, attribute):
        public = [key for key in vars(module) if not key.startswith("_")]
        raise UnknownNameError(f"object in {name.rpartition(':')[0]}", attribute, public)
    return getattr(module, attribute)
