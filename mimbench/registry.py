"""From a name to an object: "name", "package.module:Object" or "file.py:Object".

Code is imported only from paths and modules that the user names; entry points of the group
`mimbench.detectors` are listed by installed packages.
"""

import importlib
import importlib.util
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from mimbench.errors import DetectorError, PluginError, RecipeError, UnknownNameError
from mimbench.plugin_files import files_of, import_file

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
        `score` if the error arose nowhere in it. Empty for detectors that come with mimbench, and
        where the recipe is wrong and not the code.
    """
    name = _spelt_out(name)
    own = set(sources(name))
    if not own or isinstance(error, RecipeError):
        return ""
    if isinstance(error, SyntaxError) and Path(error.filename or "").resolve() in own:
        return f"{Path(error.filename or '').name}, line {error.lineno}: "
    lines = [line for line in _lines(error) if Path(line[0]).resolve() in own]
    if not lines:
        target = resolve(name)
        code = getattr(getattr(target, "score", target), "__code__", None)
        lines = [(code.co_filename, code.co_firstlineno)] if code else []
    return f"{Path(lines[-1][0]).name}, line {lines[-1][1]}: " if lines else ""


def sources(name: str) -> list[Path]:
    """Files of a plug-in's code, sorted; none of mimbench's own.

    Of a package these are all, of a file it and what it imports from its folder.

    Args:
        name: as for `resolve`.
    """
    module = _spelt_out(name).rpartition(":")[0]
    source = _source(module)
    if source is None:
        return []
    if module.endswith(".py"):
        return files_of(source)
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
            return import_file(Path(module))
        return importlib.import_module(module)
    except DetectorError:
        raise
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}."):
            raise DetectorError(f"There is no module '{error.name}' to import here.") from error
        what = error.msg if isinstance(error, SyntaxError) else str(error)
        if isinstance(error, ModuleNotFoundError) and module.endswith(".py"):
            what += "; a file can import what is installed and the modules in its own folder"
        place = where(f"{module}:", error)
        raise PluginError(
            f"'{module}' cannot be imported: {place}{type(error).__name__}: {what}"
        ) from error


def _attribute(module: Any, attribute: str, name: str) -> Any:
    if not hasattr(module, attribute):
        public = [key for key in vars(module) if not key.startswith("_")]
        raise UnknownNameError(f"object in {name.rpartition(':')[0]}", attribute, public)
    return getattr(module, attribute)
