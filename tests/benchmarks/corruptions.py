"""Time our corruptions against the package `imagecorruptions`.

`python tests/benchmarks/corruptions.py` prints the tables of results/corruptions.md. Both run in
this process in turns, OpenCV on one thread, and the best of several rounds counts. The comparison
with the reference is in processor time, which other work on the machine hardly changes; the gain
of a second thread can only be seen in wall time and needs a machine with two idle cores.
"""

import argparse
import os
import time
from collections.abc import Callable

import cv2
import numpy as np
from imagecorruptions import corrupt
from numpy.typing import NDArray

from mimbench import corruptions

SEVERITIES = (1, 2, 3, 4, 5)
BATCH = 16
SEEDED = ("impulse_noise", "glass_blur")

Images = NDArray[np.uint8]


def pictures(side: int) -> Images:
    """Smooth blobs with fine noise: BATCH pictures that compress about as photos do."""
    generator = np.random.default_rng(side)
    blobs = [
        cv2.GaussianBlur(generator.random((side, side, 3)), (0, 0), side / 20) for _ in range(BATCH)
    ]
    scaled = [(blob - blob.min()) / np.ptp(blob) * 235 + 10 for blob in blobs]
    noisy = np.stack(scaled) + generator.normal(scale=3, size=(BATCH, side, side, 3))
    return np.clip(noisy, 0, 255).astype(np.uint8)


def best(clock: Callable[[], float], rounds: int, *actions: Callable[[], object]) -> list[float]:
    """Shortest time of each action in milliseconds, measured in turns."""
    times: list[list[float]] = [[] for _ in actions]
    for _ in range(rounds):
        for action, found in zip(actions, times, strict=True):
            start = clock()
            action()
            found.append(1000 * (clock() - start))
    return [min(found) for found in times]


def measure(name: str, severity: int, images: Images, rounds: int) -> list[float]:
    """Milliseconds per image: reference and own in processor time, own in wall time on 1 and 2."""
    seed = {"seed": 1} if name in SEEDED else {}

    def reference() -> None:
        with np.errstate(all="ignore"):
            corrupt(images[0], severity=severity, corruption_name=name, **seed)

    def own(threads: int) -> Callable[[], object]:
        return lambda: corruptions.apply(images, name, severity, range(BATCH), threads=threads)

    reference()
    theirs, ours = best(time.process_time, rounds, reference, own(1))
    one, two = best(time.perf_counter, rounds, own(1), own(2))
    return [theirs, ours / BATCH, one / BATCH, two / BATCH]


def print_speed(side: int, rounds: int) -> None:
    """The table of one image size, summed over the five severities."""
    images = pictures(side)
    print(f"\n{side} px, ms of processor time per image, summed over five severities:\n")
    print("| corruption | reference | own | times as fast | at least | gain of a second thread |")
    print("|---|---|---|---|---|---|")
    rows = []
    for name in corruptions.names():
        table = np.array([measure(name, severity, images, rounds) for severity in SEVERITIES])
        rows.append(table.sum(axis=0))
        print(row(name, *rows[-1], f"{(table[:, 0] / table[:, 1]).min():.1f}"), flush=True)
    print(row("all 19", *np.sum(rows, axis=0), ""))


def row(name: str, theirs: float, ours: float, one: float, two: float, least: str) -> str:
    """One line of the table; `least` is the smallest ratio of the five severities."""
    ratio, gain = theirs / ours, one / two
    return f"| {name} | {theirs:.1f} | {ours:.2f} | {ratio:.1f} | {least} | {gain:.2f} |"


def print_first_call() -> None:
    """What the first call of each costs on a machine that has compiled nothing yet."""
    images = pictures(64)[:1]
    start = time.perf_counter()
    for name in corruptions.names():
        corruptions.apply(images, name, 1, [0], threads=1)
    cached = os.environ.get("NUMBA_CACHE_DIR")
    state = f"compiled code in {cached}" if cached else "compiled code where numba keeps it"
    print(f"\nFirst call of all 19 ({state}): {time.perf_counter() - start:.1f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--first-call", action="store_true", help="time the compilation only")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} processors, load average at the start {load:.1f}")
    print_first_call()
    if not options.first_call:
        for side in (64, 224):
            print_speed(side, options.rounds)


if __name__ == "__main__":
    main()
