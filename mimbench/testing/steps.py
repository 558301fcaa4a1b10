"""Where a check of a detector is, for the person who waits: most of its time goes into fits."""

from collections.abc import Iterable

from mimbench.progress import Progress

__all__ = ["Steps"]

FITS = {"scores are finite one per image": 1, "fits repeat": 2}  # by the test that they are for
LONG = 10  # a fit counts as so many tests


class Steps:
    """Tells a `Progress` of tests and of the two fits among them."""

    def __init__(
        self, progress: Progress, name: str, tests: Iterable[str], *, fitted: bool
    ) -> None:
        """`tests` are titles in their order; `fitted` says whether the detector is fitted."""
        self.progress = progress
        self.fits: dict[int, int] = {}  # number of a fit -> where it begins; a test takes 1
        self.tests: dict[str, int] = {}
        self.total = 0
        for title in tests:
            self.tests[title] = self.total
            if fitted and title in FITS:
                self.fits[FITS[title]] = self.total
                self.total += LONG
            self.total += 1
        progress.stage(f"Checking {name}", self.total)

    def begins(self, title: str) -> None:
        """A test begins, perhaps with a fit."""
        self.progress.update(self.tests[title], title)

    def fitting(self, number: int, share: float, note: str) -> None:
        """A share of fit 1 or 2 is done."""
        done = self.fits[number] + LONG * min(share, 1.0)
        self.progress.update(done, f"fit {number} of 2{f': {note}' * bool(note)}")

    def end(self) -> None:
        """All tests are done."""
        self.progress.update(self.total)
