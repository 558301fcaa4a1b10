"""What a test of a contract said, and what all contracts ask."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

__all__ = ["Outcome", "global_random_state_must_stay", "outcomes"]


@dataclass(frozen=True)
class Outcome:
    """What one test of the contract said: `problem` is empty if it passed; `note` is no problem."""

    test: str
    problem: str
    note: str = ""


def outcomes(
    contract: Any, place: Callable[[BaseException], str], note: Callable[[], str] = lambda: ""
) -> Iterator[Outcome]:
    """Run every test of a contract.

    Args:
        contract: an instance of the class with the tests.
        place: of an exception, where in the plug-in's code it arose.
        note: after a test that passed, what it noticed.
    """
    names = dict.fromkeys(name for kind in reversed(type(contract).__mro__) for name in vars(kind))
    for name in (name for name in names if name.startswith("test_")):
        title = name.removeprefix("test_").replace("_", " ")
        try:
            getattr(contract, name)()
        except AssertionError as error:
            yield Outcome(title, str(error))
        except (Exception, SystemExit) as error:
            yield Outcome(title, f"{place(error)}{type(error).__name__}: {error}")
        else:
            yield Outcome(title, "", note())


class global_random_state_must_stay:  # noqa: N801 - reads as a statement
    """Raises AssertionError if the block draws from or seeds a global random state."""

    def __enter__(self) -> None:
        self.before = self._state()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if error is None:
            assert self._state() == self.before, (
                "A global random state changed; draw from train.generator instead. Where a network "
                "with dropout scores, call its eval()."
            )

    @staticmethod
    def _state() -> tuple[list[bytes], str, str]:
        numpy_state: Any = np.random.get_state(legacy=False)  # noqa: NPY002 - only looked at
        cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        own = [state.numpy().tobytes() for state in (torch.get_rng_state(), *cuda)]
        return own, repr(numpy_state), repr(random.getstate())
