"""One class for each thing that a user can mend; the message says what is wrong and how."""

from collections.abc import Iterable
from difflib import SequenceMatcher

__all__ = [
    "CorruptionError",
    "DataError",
    "DetectorError",
    "MimbenchError",
    "MissingPartError",
    "NoWeightsError",
    "OutputError",
    "PluginError",
    "RecipeError",
    "SplitError",
    "TableError",
    "TrainingError",
    "UnknownNameError",
    "WeightsError",
]

ALIKE = 0.65  # a swapped letter or two wrong ones in a short word; lower offers other words
SHORT = 2  # letters that many names begin with


class MimbenchError(Exception):
    """Anything that ends with one clear sentence and exit code 64 instead of a traceback."""


class DataError(MimbenchError):
    """A folder, CSV file or image collection that cannot serve as asked."""


class SplitError(MimbenchError):
    """A category with too few patients for the parts asked for."""


class CorruptionError(MimbenchError):
    """A severity, image array or suite that the corruption engine cannot apply."""


class RecipeError(MimbenchError):
    """A recipe or run file with a missing, unknown or invalid field."""


class DetectorError(MimbenchError):
    """A detector that does not keep to the protocol: wrong shape, not finite, wrong state."""


class PluginError(DetectorError):
    """Code of a plug-in that fails before its detector exists; says where."""


class WeightsError(MimbenchError):
    """Weights that are missing, cannot be downloaded, or do not fit the network."""


class NoWeightsError(WeightsError):
    """Weights that nobody gave or installed: the rows that need them are not run."""


class MissingPartError(MimbenchError):
    """A library that is not installed, or a model that cannot be had: its rows are not run."""


class TrainingError(MimbenchError):
    """A training that cannot start or does not converge, with advice."""


class TableError(MimbenchError):
    """A score, fit or image table with missing columns, NaN or rows that do not join."""


class OutputError(MimbenchError):
    """An output folder that cannot be written or holds something else."""


class UnknownNameError(MimbenchError):
    """A name that is not known, with the known names that it is likely a misspelling of."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        """`kind` is what the name should have been, e.g. "detector" or "corruption"."""
        choices = self.known = sorted(known)
        likeness = {choice: _likeness(name, choice) for choice in choices}
        near = sorted((c for c in choices if likeness[c] >= ALIKE), key=lambda c: -likeness[c])[:3]
        owner = name.partition("/")[0]  # scores of one detector are named after it
        siblings = [choice for choice in choices if choice.startswith(f"{owner}/")]
        longer = [choice for choice in choices if len(name) > SHORT and choice.startswith(name)]
        near = longer[:3] if longer and not siblings else near
        if near:
            hint = f"Did you mean {' or '.join(near)}?"
        elif siblings:
            hint = f"{owner} has {', '.join(siblings)}."
        else:
            hint = f"Known: {', '.join(choices)}."
        self.suggestion = hint if near or siblings else ""
        super().__init__(f"Unknown {kind} '{name}'. {hint}")


def _likeness(name: str, choice: str) -> float:
    """In [0, 1], that of the least alike part: names of one detector's scores share its name."""
    own, other = name.split("/"), choice.split("/")
    if len(own) != len(other):
        return 0.0
    return min(SequenceMatcher(None, *pair).ratio() for pair in zip(own, other, strict=True))
