"""The one training loop: every detector that learns by gradient descent goes through it.

A detector gives networks, optimisers and a step; the loop draws the batches, chooses the precision,
averages weights, stops early, stops on NaN, and writes checkpoints from which an interrupted
training continues bit for bit.
"""

import contextlib
import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from mimbench.detectors.networks.devices import autocast, seeded, training_dtype
from mimbench.detectors.protocol import StopTraining, TrainingSet
from mimbench.detectors.statefile import (
    add_prefix,
    digest_of,
    flatten_optimiser,
    load_optimiser,
    read_state,
    strip_prefix,
    write_state,
)
from mimbench.errors import DetectorError, TrainingError

__all__ = ["History", "Options", "Step", "Trainer"]

Step = Callable[[Tensor], Iterable[tuple[str, Mapping[str, Tensor]]]]
History = list[dict[str, float]]

# Losses are read (a wait for the device) once in so many steps.
REPORT_EVERY = 10
# Progress is told at least so often, in seconds, with the losses that were read last.
TOLD_EVERY = 1.0


@dataclass(frozen=True)
class Options:
    """How long and how a training goes.

    Attributes:
        steps: number of batches.
        batch_size: images per batch; fewer if there are fewer.
        average: decay of the weights' exponential moving average; 0: none. After t steps it is
            (1 + t) / (10 + t) at most.
        rate: factor of every learning rate, as a function of the share of steps done.
        validate_every: steps between two validations.
        patience: validations without improvement after which the training stops.
        checkpoint_every: steps between two checkpoints.
    """

    steps: int
    batch_size: int
    average: float = 0.0
    rate: Callable[[float], float] = lambda share: 1.0
    validate_every: int = 50
    patience: int = 6
    checkpoint_every: int = 200


class Trainer:
    """Train networks on the images of a training set.

    ```python
    def step(indices: Tensor) -> Iterator[tuple[str, Mapping[str, Tensor]]]:
        logits = network(images[indices])
        yield "network", {"cross_entropy": cross_entropy(logits, labels[indices])}
    ```

    A step yields, for each optimiser in turn, its name and the losses it minimises (their sum, each
    already weighted); the update happens before the step goes on, so generator and critic can share
    one forward pass. Only that optimiser's parameters receive gradients.
    """

    def __init__(
        self,
        data: TrainingSet,
        networks: Mapping[str, nn.Module],
        optimisers: Mapping[str, Optimizer],
        step: Step,
        options: Options,
        *,
        validate: Callable[[], float] | None = None,
        weights: Tensor | None = None,
    ) -> None:
        """Prepare a training; `run` does it.

        Args:
            data: gives device, seed, generator, checkpoint file and progress.
            networks: everything that is trained or has buffers, by name; must be on the device.
            optimisers: by name; each step yields some of these names.
            step: see above; receives the indices (B,) of a batch, on the CPU.
            options: length, batch size and cadence.
            validate: returns a value on held-out images, lower = better; called without gradients,
                in evaluation mode, with the averaged weights. At the end the best state is kept.
            weights: float (N,), chance of each image to be drawn; default: all of the target alike.
        """
        self.data, self.optimisers, self.step = data, dict(optimisers), step
        self.options, self.validate = options, validate
        self.networks = nn.ModuleDict(networks)
        self.weights = torch.ones(len(data.target)) if weights is None else weights
        self.dtype = training_dtype(data.device)
        self.rates = {
            name: [float(group["lr"]) for group in optimiser.param_groups]
            for name, optimiser in optimisers.items()
        }
        self.average = self._weights() if options.average else {}
        self.kept = self._weights()
        self.recent: dict[str, Tensor] = {}
        self.done, self.stale, self.best = 0, 0, math.inf
        self.history: History = []
        self.note, self.told = "", time.monotonic()

    def run(self) -> History:
        """Train until the last step or until validation stops improving.

        Returns:
            Mean losses of each ten steps and the validation values: `{"step": 10, name: value}`.

        Raises:
            TrainingError: no image, or a loss is not finite; the networks then hold their last
                good state, and the checkpoint file, which the message names, the last one on disk.
        """
        options, validate = self.options, self.validate
        if len(self.weights) == 0:
            raise TrainingError("There is no image to train on.")
        with seeded(self.data.seed, self.data.device), contextlib.suppress(StopTraining):
            self._resume()
            while self.done < options.steps and self.stale < options.patience:
                self._advance()
                if self._due(REPORT_EVERY, options.validate_every, options.checkpoint_every):
                    self._report()
                elif time.monotonic() - self.told > TOLD_EVERY:
                    self._tell()
                if validate and self._due(options.validate_every):
                    self._compare(validate)
                if self._due(options.checkpoint_every):
                    self._checkpoint()
        if validate or self.average:
            self.networks.load_state_dict(self.kept if validate else self.average)
        self.networks.eval()
        return self.history

    def _weights(self) -> dict[str, Tensor]:
        return {key: value.clone() for key, value in self.networks.state_dict().items()}

    def _due(self, *every: int) -> bool:
        return self.done == self.options.steps or any(self.done % n == 0 for n in every)

    def _advance(self) -> None:
        factor = self.options.rate(self.done / self.options.steps)
        for name, optimiser in self.optimisers.items():
            for group, rate in zip(optimiser.param_groups, self.rates[name], strict=True):
                group["lr"] = rate * factor
        self.networks.train()
        size = min(self.options.batch_size, len(self.weights))
        phases = iter(
            self.step(torch.multinomial(self.weights, size, generator=self.data.generator))
        )
        while True:
            with autocast(self.data.device, self.dtype):
                phase = next(phases, None)
            if phase is None:
                break
            name, losses = phase
            self._update(self.optimisers[name], losses)
        self.done += 1
        # young averages forget faster, or they would remember the initialisation for long
        decay = min(self.options.average, (1 + self.done) / (10 + self.done))
        for key, value in self.networks.state_dict().items() if self.average else ():
            if value.is_floating_point():
                self.average[key].lerp_(value, 1 - decay)
            else:
                self.average[key].copy_(value)

    def _update(self, optimiser: Optimizer, losses: Mapping[str, Tensor]) -> None:
        groups = optimiser.param_groups
        parameters = [p for group in groups for p in group["params"] if p.requires_grad]
        optimiser.zero_grad()
        torch.autograd.backward(torch.stack(list(losses.values())).sum(), inputs=parameters)
        optimiser.step()
        for name, loss in losses.items():
            self.recent[name] = self.recent.get(name, torch.zeros(())) + loss.detach()

    def _report(self) -> None:
        count = self.done - (int(self.history[-1]["step"]) if self.history else 0)
        means = {name: float(total) / count for name, total in self.recent.items()}
        self.recent = {}
        for name, value in means.items():
            self._require_finite(f"the loss '{name}'", value)
        self.history.append({"step": self.done, **means})
        self.note = ", ".join(f"{name} {value:.4g}" for name, value in means.items())
        self._tell()

    def _tell(self) -> None:
        self.told = time.monotonic()
        self.data.progress(self.done, self.options.steps, self.note)

    def _compare(self, validate: Callable[[], float]) -> None:
        trained = self._weights()
        self.networks.load_state_dict(self.average or trained)
        self.networks.eval()
        with torch.no_grad():
            value = validate()
        self._require_finite("the validation value", value)
        self.history[-1]["validation"] = value
        self.stale += 1
        if value < self.best:
            self.best, self.stale, self.kept = value, 0, self._weights()
        self.networks.load_state_dict(trained)

    def _require_finite(self, what: str, value: float) -> None:
        if not math.isfinite(value):
            self.networks.load_state_dict(self.kept)
            path = self.data.checkpoint
            kept = (
                f" {path.parent.name}/{path.name} keeps the last checkpoint's good weights, as "
                "'kept/...'."
                if path is not None and path.is_file()
                else ""
            )
            raise TrainingError(
                f"Training stopped at step {self.done}: {what} is not finite. Try a lower learning "
                f"rate.{kept}"
            )

    def _checkpoint(self) -> None:
        if self.validate is None:
            self.kept = self._weights()
        if self.data.checkpoint is None:
            return
        device = self.data.device
        state: dict[str, Any] = {
            "done": self.done,
            "stale": self.stale,
            "best": self.best if math.isfinite(self.best) else None,
            "history": self.history,
            "random/draws": self.data.generator.get_state(),
            "random/cpu": torch.get_rng_state(),
        }
        if device.type == "cuda":
            state["random/cuda"] = torch.cuda.get_rng_state(device)
        state |= add_prefix("network", self._weights())
        state |= add_prefix("average", self.average) | add_prefix("kept", self.kept)
        for name, optimiser in self.optimisers.items():
            state |= add_prefix(f"optimiser/{name}", flatten_optimiser(optimiser))
        write_state(self.data.checkpoint, {**state, "digest": digest_of(state)})

    def _resume(self) -> None:
        path, device = self.data.checkpoint, self.data.device
        state = None if path is None else _read_checkpoint(path)
        if state is None:
            return
        try:
            self.networks.load_state_dict(strip_prefix("network", state))
            for name, optimiser in self.optimisers.items():
                load_optimiser(optimiser, strip_prefix(f"optimiser/{name}", state))
            self.average = {k: v.to(device) for k, v in strip_prefix("average", state).items()}
            self.kept = {k: v.to(device) for k, v in strip_prefix("kept", state).items()}
            self.done, self.stale, self.history = state["done"], state["stale"], state["history"]
            self.best = math.inf if state["best"] is None else state["best"]
            self.data.generator.set_state(state["random/draws"])
            torch.set_rng_state(state["random/cpu"])
            if device.type == "cuda":
                torch.cuda.set_rng_state(state["random/cuda"], device)
        except (RuntimeError, KeyError, ValueError) as error:
            raise TrainingError(
                f"{path} is not a checkpoint of this training ({error}); delete it to start anew."
            ) from error


def _read_checkpoint(path: Path) -> dict[str, Any] | None:
    """What a training wrote there, whole; a damaged file is removed, since it helps nobody."""
    if not path.is_file():
        return None
    try:
        state = read_state(path)
        if state.pop("digest", None) == digest_of(state):
            return state
    except DetectorError as error:
        if isinstance(error.__cause__, OSError):  # it may be whole
            raise
    path.unlink()
    return None
