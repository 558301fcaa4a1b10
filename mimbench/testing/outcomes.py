"""What a test of a contract said, and what all contracts ask."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

__all__ = [
    "Outcome",
    "global_random_state",
    "global_random_state_must_stay",
    "outcomes",
    "titles",
]


@dataclass(frozen=True)
class Outcome:
    """What one test of the contract said: `problem` is empty if it passed; `note` is no problem."""

    test: str
    problem: str
    note: str = ""


def titles(contract: Any) -> dict[str, str]:
    """Tests of a contract in their order: name of the method -> what it asks, in words."""
    names = dict.fromkeys(name for kind in reversed(type(contract).__mro__) for name in vars(kind))
    tests = [name for name in names if name.startswith("test_")]
    return {name: name.removeprefix("test_").replace("_", " ") for name in tests}


def outcomes(
    contract: Any,
    place: Callable[[BaseException], str],
    note: Callable[[], str] = lambda: "",
    begins: Callable[[str], None] = lambda title: None,
) -> Iterator[Outcome]:
    """Run every test of a contract.

    Args:
        contract: an instance of the class with the tests.
        place: of an exception, where in the plug-in's code it arose.
        note: after a test that passed, what it noticed.
        begins: is told what the next test asks.
    """
    for name, title in titles(contract).items():
        begins(title)
        try:
            getattr(contract, name)()
        except AssertionError as error:
            yield Outcome(title, str(error))
        except (Exception, SystemExit) as error:
            said = f"{place(error)}{type(error).__name__}: {error}"
            notes = getattr(error, "__notes__", ())
            ended = said if said.endswith((".", "?", "!")) else f"{said}."
            yield Outcome(title, " ".join([ended, *notes]))
        else:
            yield Outcome(title, "", note())


class global_random_state_must_stay:  # noqa: N801 - reads as a statement
    """Raises AssertionError if the block draws from or seeds a global random state."""

    def __init__(self, advice: str) -> None:
        """`advice` ends the message: what to do instead."""
        self.advice = advice

    def __enter__(self) -> None:
        self.before = global_random_state()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if error is None:
            assert global_random_state() == self.before, (
                f"A global random state changed; {self.advice}"
            )


def global_random_state() -> tuple[list[bytes], str, str]:
    """The states of torch's, NumPy's and Python's global generators, to compare."""
    numpy_state: Any = np.random.get_state(legacy=False)  # noqa: NPY002 - only looked at
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    own = [state.numpy().tobytes() for state in (torch.get_rng_state(), *cuda)]
    return own, repr(numpy_state), repr(random.getstate())
