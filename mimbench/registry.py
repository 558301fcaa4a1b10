"""From a name to an object: "name", "package.module:Object" or "file.py:Object".

Code is imported only from paths and modules that the user names; entry points of the group
`mimbench.detectors` are listed by installed packages.
"""

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from mimbench.errors import DetectorError, UnknownNameError

__all__ = ["DETECTOR_GROUP", "entry_point_names", "resolve"]

DETECTOR_GROUP = "mimbench.detectors"

BUILT_IN: Mapping[str, str] = {
    "mim": "mimbench.detectors.mim:MIM",
    "classifier": "mimbench.detectors.classifier:Classifier",
    "feature-neighbours": "mimbench.detectors.oneclass:FeatureNeighbours",
    "feature-mahalanobis": "mimbench.detectors.oneclass:FeatureMahalanobis",
    "feature-forest": "mimbench.detectors.oneclass:FeatureForest",
    "feature-svm": "mimbench.detectors.oneclass:FeatureSVM",
    "patchcore": "mimbench.detectors.oneclass:PatchCore",
    "padim": "mimbench.detectors.oneclass:PaDiM",
    "autoencoder": "mimbench.detectors.oneclass:Autoencoder",
    "deep-svdd": "mimbench.detectors.oneclass:DeepSVDD",
    "telea": "mimbench.detectors.controls:UntrainedInpainter",
    "complexity": "mimbench.detectors.controls:Complexity",
    "file-statistics": "mimbench.detectors.controls:FileStatistics",
    "histogram": "mimbench.detectors.controls:ColourHistogram",
}


def resolve(name: str) -> Any:
    """Return the object that `name` stands for.

    Args:
        name: a built-in name, the name of an entry point in the group `mimbench.detectors`,
            "package.module:Object" or "path/to/file.py:Object".

    Raises:
        UnknownNameError: no such name; the message proposes the nearest.
        DetectorError: the module or file cannot be imported or has no such object.
    """
    if ":" in name:
        module, _, attribute = name.rpartition(":")
        return _attribute(_import(module), attribute, name)
    if name in BUILT_IN:
        return resolve(BUILT_IN[name])
    plugins = {point.name: point for point in entry_points(group=DETECTOR_GROUP)}
    if name not in plugins:
        raise UnknownNameError("detector", name, [*BUILT_IN, *plugins])
    try:
        return plugins[name].load()
    except Exception as error:
        raise DetectorError(
            f"The plug-in '{name}' ({plugins[name].value}) cannot be imported: {error}"
        ) from error


def entry_point_names() -> tuple[str, ...]:
    """Names of the detectors that installed packages provide."""
    return tuple(sorted(point.name for point in entry_points(group=DETECTOR_GROUP)))


def _import(module: str) -> Any:
    try:
        if module.endswith(".py"):
            return _import_file(Path(module))
        return importlib.import_module(module)
    except DetectorError:
        raise
    except Exception as error:
        raise DetectorError(f"'{module}' cannot be imported: {_where(error)}{error}") from error


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


def _where(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f"{Path(trace.tb_frame.f_code.co_filename).name}, line {trace.tb_lineno}: "
