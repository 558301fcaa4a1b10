"""What a detector is: fit on a training set, score a batch, keep its state in tensors and JSON.

A detector needs a `score` and, if it learns, a `fit`; everything else has a default.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from mimbench.errors import DetectorError

__all__ = [
    "Batch",
    "Detector",
    "ImageSet",
    "Provider",
    "State",
    "StopTraining",
    "TrainingSet",
    "TrainsOn",
]

TrainsOn = Literal["nothing", "target", "known", "rows"]
State = Mapping[str, Any]
Provider = Callable[[str, Tensor], Tensor]


@dataclass(frozen=True)
class ImageSet:
    """Images with what a fit may know of them.

    Attributes:
        images: uint8 (N, 3, H, W), RGB, on the CPU.
        categories: one name per image.
        patients: one group per image; images of one patient are not independent.
    """

    images: Tensor
    categories: tuple[str, ...]
    patients: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.categories)


@dataclass(frozen=True)
class Batch:
    """Images to score, and outputs that several detectors share.

    Attributes:
        images: uint8 (N, 3, H, W), RGB, at the detector's input size.
        provider: computes a named output, e.g. "inpaint:harmonic:centre"; each once.
    """

    images: Tensor
    provider: Provider | None = None
    _outputs: dict[str, Tensor] = field(default_factory=dict, repr=False)

    def __getitem__(self, name: str) -> Tensor:
        """Return the shared output `name`, shape and range as its provider documents."""
        if name not in self._outputs:
            if self.provider is None:
                raise DetectorError(f"This batch has no provider for the shared output '{name}'.")
            self._outputs[name] = self.provider(name, self.images)
        return self._outputs[name]

    def __len__(self) -> int:
        return len(self.images)


class StopTraining(Exception):  # noqa: N818 - nothing is wrong
    """Raised by `TrainingSet.progress` to end a training early, as if it had no more steps."""


def _silent(done: int, total: int, note: str) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class TrainingSet:
    """All that a fit may see. Nothing of the test part can be reached from it.

    Attributes:
        target: training images of the target category.
        known: training images of the known categories; None unless the detector trains on them.
        validation: held-out patients, of the categories that the detector may see.
        target_name: the target's category name.
        seed: for draws that a generator cannot serve (weight initialisation).
        generator: torch generator seeded from `seed`, on the CPU.
        device: where to compute.
        input_size: side of the images, pixels.
        checkpoint: file to resume from and write to while training; None: no checkpoints.
        progress: called with (steps done, steps in all, a short note such as the loss); may raise
            `StopTraining` in a trial.
        provider: shared outputs, as for `Batch`.
    """

    target: ImageSet
    known: ImageSet | None
    validation: ImageSet
    target_name: str
    seed: int
    generator: torch.Generator
    device: torch.device
    input_size: int
    checkpoint: Path | None = None
    progress: Callable[[int, int, str], None] = _silent
    provider: Provider | None = None

    def batch(self, images: Tensor) -> Batch:
        """A batch of these images with the shared outputs that scoring will have."""
        return Batch(images, self.provider)


class Detector:
    """Base class of everything that scores images.

    Subclasses define `score`; those that learn set `trains_on` and define `fit`. Parameters of the
    recipe arrive as keyword arguments of the constructor; a parameter called `scores` receives the
    recipe's list of scores.

    Attributes:
        trains_on: what a fit may see: "nothing", "target", or "known" (target + known categories);
            "rows": it sees no image and is made of other rows of the score table.
        open_set: scores that ask whether an image is of any known category, instead of whether it
            is of the target.
        needs: shared outputs that `score` reads from the batch.
        lines: scores from which `fit` has taken, by a line through the held-out images of what it
            was fitted on, another score: `{"residual": "untrained"}`. The other score must be
            yielded, too, so that statistics can fit the line again.
        needs_held_out: scores that a fit can only give with so many held-out images of what it is
            fitted on: `{"residual": 5}`. A run says before it starts where there are fewer.
        random: whether fits with different seeds differ.
        any_size: of a control that images of any size can be given to: a run computes it at every
            input size of its other rows as well, because a control has to see what they see.
        knows: what an already trained detector was trained on: its target, then the other
            categories. Empty: what the run gives it.
        libraries: distributions that its scores depend on beside those of every run; another
            version trains anew.
        combines: the rows that it is made of, if it is made of rows.
        not_run: after the fit, scores that this fit cannot give, with the reason; `score` yields
            a `DetectorError` for them.
        quality: after the fit, how well it does on the validation images, by name.
        history: after the fit, loss curves: `{"step": 10, "<loss>": value}`, in order.
        blind: True if it has not learned what images show, such as a backbone with random weights:
            its rows are controls, whatever the recipe says.
    """

    trains_on: ClassVar[TrainsOn] = "nothing"
    random: ClassVar[bool] = True
    any_size: ClassVar[bool] = False
    libraries: ClassVar[tuple[str, ...]] = ()
    open_set: ClassVar[tuple[str, ...]] = ()
    lines: ClassVar[Mapping[str, str]] = MappingProxyType({})
    needs_held_out: ClassVar[Mapping[str, int]] = MappingProxyType({})
    needs: tuple[str, ...] = ()
    knows: tuple[str, ...] = ()
    combines: tuple[str, ...] = ()
    not_run: Mapping[str, str] = MappingProxyType({})
    quality: Mapping[str, float] = MappingProxyType({})
    history: Sequence[Mapping[str, float]] = ()
    blind: bool = False

    def require(self) -> None:
        """Raise `NoWeightsError` if a fit needs weights that were not given or are not installed.

        Raise `MissingPartError` if it needs a library that is not installed.

        A run asks before it starts; the rows are then not run, with that reason.
        """

    def fit(self, train: TrainingSet) -> None:
        """Learn from `train`. The default learns nothing."""

    def score(self, batch: Batch) -> Tensor | Mapping[str, Tensor | DetectorError]:
        """Score images: float (N,), finite, **higher = less like the target**.

        A mapping names several scores of one pass; an error in it is the reason why that score
        alone is not run.
        """
        raise DetectorError(f"{type(self).__name__} does not define score(batch).")

    def reconstruct(self, batch: Batch) -> tuple[Tensor, Tensor] | None:
        """What a reconstruction-based detector saw and made of it, for the gallery.

        Returns:
            The mask as a bool (N, H, W), True where pixels were hidden in the first pass, and the
            reconstruction as uint8 (N, 3, H, W); None for detectors that reconstruct nothing.
        """
        return None

    def graph(self) -> nn.Module:
        """The fitted detector as a torch module, for export to ONNX.

        `mimbench.detectors.graph.ScoreGraph` makes one of a `score` that is made of torch's
        operators alone.

        Returns:
            A module from uint8 images (1, 3, S, S), RGB, to float scores (1,) by name, as `score`
            names them, higher = less like the target; "inpainted", uint8 (1, 3, S, S), may stand
            beside them.

        Raises:
            DetectorError: this detector cannot be exported.
        """
        raise DetectorError(f"{type(self).__name__} has no graph() and cannot be exported.")

    def state(self) -> State:
        """Everything a fit has learned: tensors and values that JSON can hold.

        By default all attributes, which must be tensors, modules or JSON values.

        Raises:
            DetectorError: an attribute is something else and would be lost.
        """
        state: dict[str, Any] = {}
        for name, value in vars(self).items():
            if isinstance(value, nn.Module):
                state |= {f"{name}.{key}": tensor for key, tensor in value.state_dict().items()}
            elif isinstance(value, Tensor) or _is_json(value):
                state[name] = value
            else:
                raise DetectorError(
                    f"{type(self).__name__}.{name} is a {type(value).__name__}, which cannot be "
                    "kept: make it a tensor, a torch module or a JSON value, or define state() "
                    "and load()."
                )
        return state

    def load(self, state: State) -> None:
        """Restore what `state` returned, into an object built with the same parameters.

        Modules are in evaluation mode afterwards: batch normalisation and dropout score so.

        Raises:
            DetectorError: a part of the state has no place in the object and would be dropped.
        """
        modules = {name: own for name, own in vars(self).items() if isinstance(own, nn.Module)}
        dropped = {name.partition(".")[0] for name in state if "." in name} - set(modules)
        if dropped:
            names = ", ".join(f"{type(self).__name__}.{name}" for name in sorted(dropped))
            raise DetectorError(
                f"{names} was learned and has no place to be loaded into: make the module in "
                "__init__, so that it is there before the fit, or define load() to make it."
            )
        for name, module in modules.items():
            prefix = f"{name}."
            own = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
            try:
                module.load_state_dict(own)
            except RuntimeError as error:  # torch's message says which parts
                raise DetectorError(
                    f"{type(self).__name__}.{name} is another module after the fit than __init__ "
                    f"makes it; make it there as it will be, or define load(). {error}"
                ) from error
            module.eval()
        for name, value in state.items():
            if "." not in name:
                setattr(self, name, value)

    def to(self, device: torch.device) -> None:
        """Move tensors and modules to `device`."""
        for name, value in vars(self).items():
            if isinstance(value, Tensor | nn.Module):
                setattr(self, name, value.to(device))


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value)
    except TypeError:
        return False
    return True
