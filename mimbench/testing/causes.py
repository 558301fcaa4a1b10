"""The likely cause of what a test of a detector met, in words that name the mend."""

import traceback
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from mimbench.detectors.protocol import Detector

__all__ = ["of_error", "of_restoring"]

# methods of a network that are missed where the detector is taken for one
OF_MODULES = ("parameters", "named_parameters", "train", "eval", "state_dict", "register_buffer")
ON_RECORD = ("history", "quality")  # attributes that no score depends on


def of_error(error: BaseException, detector: Detector) -> str:
    """Why `fit` or `score` of a detector raised, where the message alone would not tell."""
    said = str(error)
    lines = traceback.extract_tb(error.__traceback__)
    line = (lines[-1].line or "") if lines else ""
    if "NoneType" in said and "known" in line and detector.trains_on == "target":
        return (
            'With trains_on = "target", train.known is None; trains_on = "known" gives the target '
            "and the known categories."
        )
    asked = getattr(error, "name", "") if isinstance(error, AttributeError) else ""
    if asked in OF_MODULES and getattr(error, "obj", None) is detector:
        return (
            "A detector is no nn.Module: keep the network in an attribute, e.g. self.net, and call "
            f"self.net.{asked}()."
        )
    never = detector.trains_on == "nothing" and type(detector).fit is not Detector.fit
    if never and isinstance(error, AttributeError) and "has no attribute" in said:
        return 'With trains_on = "nothing", fit() is never called.'
    if isinstance(error, TypeError) and ("fit()" in said or "score()" in said):
        return "fit(self, train) and score(self, batch) take one argument each."
    if isinstance(error, RuntimeError) and "Byte" in said:
        return "Images are uint8: call .float() first."
    if "'Batch' object" in said:
        return "score() is given a batch: its images are batch.images."
    if "'TrainingSet' object" in said:
        return "fit() is given a training set: its target images are train.target.images."
    return ""


def of_restoring(fitted: Detector, restored: Detector, state: Mapping[str, Any]) -> str:
    """Why a detector scores otherwise, or not at all, after `load` of the `state`."""
    modules = {name: own for name, own in vars(restored).items() if isinstance(own, nn.Module)}
    training = [name for name, own in modules.items() if own.training]
    if training:
        return f"{', '.join(training)} is in training mode after load(): call eval() there."
    kept = {key.partition(".")[0] for key in state}
    lost = [
        name
        for name, value in vars(fitted).items()
        if name not in ON_RECORD and not _same(value, vars(restored).get(name))
    ]
    dropped = [name for name in lost if name in kept]
    missing = [name for name in lost if name not in kept]
    said = []
    if dropped:
        said.append(f"load() does not restore {', '.join(dropped)}, which state() returns.")
    if missing:
        said.append(
            f"load() leaves {', '.join(missing)} unlike what fit() made: return it in state() and "
            "set it in load()."
        )
    return " ".join(said) or "is something learned that state() does not return?"


def _same(first: Any, second: Any) -> bool:
    """Whether two attributes are equal; True for what cannot be compared."""
    if isinstance(first, nn.Module) and isinstance(second, nn.Module):
        own, other = first.state_dict(), second.state_dict()
        return own.keys() == other.keys() and all(_same(own[key], other[key]) for key in own)
    if isinstance(first, Tensor) and isinstance(second, Tensor):
        return first.shape == second.shape and torch.equal(first.cpu(), second.cpu())
    if type(first) is not type(second):
        return False
    if not isinstance(first, str | int | float | list | tuple | dict):
        return True
    try:
        return bool(first == second)
    except (RuntimeError, ValueError):  # of tensors or arrays in a list
        return True
