"""How a long computation tells whoever started it where it is."""

from typing import Protocol

__all__ = ["Progress", "Silent"]


class Progress(Protocol):
    """Receives the stages of a run, one after another."""

    def stage(self, title: str, total: float) -> None:
        """A stage of `total` units begins; the one before has ended."""

    def update(self, done: float, note: str = "", left: float | None = None) -> None:
        """`done` of the stage's units are finished; `note` says what is being worked on.

        `left` is the seconds until the end of the whole run, where that is estimated; from an
        executor until the end of its tasks.
        """

    def message(self, text: str) -> None:
        """Something worth a line of its own, such as a failed detector."""


class Silent:
    """Progress for callers that do not look."""

    def stage(self, title: str, total: float) -> None:
        """Say nothing."""

    def update(self, done: float, note: str = "", left: float | None = None) -> None:
        """Say nothing."""

    def message(self, text: str) -> None:
        """Say nothing."""
