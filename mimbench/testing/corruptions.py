"""Does a corruption keep the rules that make its pictures the same in every run?"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mimbench.corruptions import Corruption, builtin
from mimbench.corruptions.core.draws import Draws, stream
from mimbench.corruptions.plugins import kernel
from mimbench.progress import Progress
from mimbench.testing.outcomes import (
    Outcome,
    global_random_state_must_stay,
    outcomes,
    titles,
)

__all__ = ["CorruptionContract", "check_corruption"]

Images = NDArray[np.uint8]
SEVERITIES = range(1, 6)
KEYS = (3, 2**64 - 1, 17, 17, 5, 1)
SLACK = 0.99  # a severity may change pixels by this much less than the one below


class CorruptionContract:
    """Inherit these tests, set `spec`, and pytest runs them over your corruption.

    Attributes:
        spec: name of a corruption, as in a suite.
    """

    spec: ClassVar[str] = ""

    def test_every_pixel_is_written_as_uint8(self) -> None:
        """Results are uint8 of the images' shape, square or not, and depend on nothing before."""
        for height, width in ((64, 64), (48, 80)):
            images = _photos(3, height, width)
            for severity in SEVERITIES:
                first, second = (self._into(images, severity, level) for level in (0, 255))
                assert np.array_equal(first, second), (
                    f"At severity {severity} {float((first != second).mean()):.0%} of the result "
                    f"was not written for images of {height} x {width}; run() must fill `result`, "
                    "what it returns is not used."
                )

    def test_the_key_alone_decides(self) -> None:
        """The same image and key give the same picture, whatever is drawn elsewhere meanwhile."""
        images = _photos(len(KEYS), 64, 64)
        for severity in SEVERITIES:
            first = self._apply(images, severity, KEYS)
            np.random.random()  # noqa: NPY002 - as another program might
            second = self._apply(images, severity, KEYS)
            assert np.array_equal(first, second), (
                f"Severity {severity} gives another picture the second time; draw random numbers "
                "from `draws`, which depend on the key of each image."
            )

    def test_the_batch_does_not_matter(self) -> None:
        """An image becomes the same picture alone, among others, and in another order."""
        images = _photos(len(KEYS), 64, 64)
        for severity in SEVERITIES:
            together = self._apply(images, severity, KEYS)
            alone = [
                self._apply(image[None], severity, [key])[0]
                for image, key in zip(images, KEYS, strict=True)
            ]
            turned = self._apply(images[::-1], severity, KEYS[::-1])[::-1]
            assert np.array_equal(together, np.stack(alone)), (
                f"At severity {severity} an image becomes another picture in a batch of "
                f"{len(images)} than alone; image i may depend on image i and its draws alone."
            )
            assert np.array_equal(together, turned), (
                f"At severity {severity} the order of the batch changes pictures."
            )

    def test_a_higher_severity_changes_pixels_more(self) -> None:
        """The mean difference to the clean image grows from severity 1 to 5."""
        images = _photos(24, 64, 64)
        keys = range(len(images))
        changes = [
            float(np.abs(self._apply(images, severity, keys).astype(int) - images).mean())
            for severity in SEVERITIES
        ]
        shown = ", ".join(f"{change:.2f}" for change in changes)
        assert changes[0] > 0, f"Severity 1 changes nothing (mean differences {shown} levels)."
        for severity, (lower, higher) in enumerate(pairwise(changes), 2):
            assert higher >= SLACK * lower, (
                f"Severity {severity} changes pixels less than severity {severity - 1} "
                f"(mean differences {shown} levels)."
            )

    def test_nothing_outside_is_changed(self) -> None:
        """Neither the images nor any global random state are touched."""
        images = _photos(4, 64, 64)
        kept = images.copy()
        with global_random_state_must_stay("draw from `draws` instead."):
            for severity in SEVERITIES:
                self._apply(images, severity, range(4))
        assert np.array_equal(images, kept), "run() changed the images it was given."

    def _corruption(self) -> Corruption:
        return builtin(self.spec)

    def _apply(self, images: Images, severity: int, keys: Sequence[int]) -> Images:
        return self._corruption().apply(images, severity, keys)

    def _into(self, images: Images, severity: int, level: int) -> Images:
        """What the kernel writes over a result that is full of one level."""
        own = self._corruption()
        result = np.full_like(images, level)
        draws = Draws(np.arange(len(images), dtype=np.uint64), stream(own.name, severity))
        values = {name: float(row[severity - 1]) for name, row in own.parameters.items()}
        kernel(own.kernel).run(images, draws, result, **values)
        return result


def check_corruption(spec: str, progress: Progress) -> Iterator[Outcome]:
    """Run the contract over one corruption, test by test.

    Args:
        spec: its name.
        progress: is told what is done now.

    Yields:
        One outcome per test; an exception of the corruption is a problem, not an error.
    """
    builtin(spec)
    contract = type("Contract", (CorruptionContract,), {"spec": spec})()
    tests = list(titles(contract).values())
    progress.stage(f"Checking {spec}", len(tests))
    yield from outcomes(
        contract,
        lambda error: "",
        begins=lambda title: progress.update(tests.index(title), title),
    )
    progress.update(len(tests))


def _photos(count: int, height: int, width: int) -> Images:
    """Smooth light, a darker spot and fine grain, as photos of skin have."""
    rng = np.random.default_rng(count * height)
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    pictures = []
    for _ in range(count):
        cx, cy, tilt = rng.uniform(0.3, 0.7, 3)
        spot = np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / 0.02)
        grain = rng.normal(0, 4, (height, width))
        light = 150 + 60 * (x * tilt + y * (1 - tilt)) - 70 * spot + grain
        pictures.append(light[..., None] * np.array([1.0, 0.8, 0.7]))
    return np.stack(pictures).clip(0, 255).astype(np.uint8)
