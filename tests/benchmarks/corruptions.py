"""Time our corruptions against the package `imagecorruptions`.

The commands that print the tables of results/corruptions.md:

    python tests/benchmarks/corruptions.py
    python tests/benchmarks/corruptions.py --threads
    NUMBA_CACHE_DIR=$(mktemp -d) python tests/benchmarks/corruptions.py --first-call

Package and own kernels run in one process in turns, OpenCV on one thread, and the best of several
rounds counts, in processor time, which other work on the machine hardly changes. The gain of a
second thread (--threads) shows in wall time only and needs a machine with two idle cores.
"""

import argparse
import os
import time
from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
from imagecorruptions import corrupt
from numpy.typing import NDArray

from mimbench import corruptions

SEVERITIES = (1, 2, 3, 4, 5)
BATCH = 32
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


def compare(name: str, severity: int, images: Images, rounds: int) -> list[float]:
    """Processor time per image in milliseconds: reference, own."""
    seed = {"seed": 1} if name in SEEDED else {}

    def reference() -> None:
        with np.errstate(all="ignore"):
            corrupt(images[0], severity=severity, corruption_name=name, **seed)

    def own() -> None:
        corruptions.apply(images, name, severity, range(BATCH), threads=1)

    reference(), own()
    theirs, ours = best(time.process_time, rounds, reference, own)
    return [theirs, ours / BATCH]


def print_speed(side: int, rounds: int) -> None:
    """The table of one image size, summed over the five severities."""
    images = pictures(side)
    print(f"\n{side} px, ms of processor time per image, summed over five severities:\n")
    print("| corruption | reference | own | times as fast | at least |")
    print("|---|---|---|---|---|")
    rows = []
    for name in corruptions.names():
        table = np.array([compare(name, severity, images, rounds) for severity in SEVERITIES])
        theirs, ours = table.sum(axis=0)
        rows.append((theirs, ours))
        least = (table[:, 0] / table[:, 1]).min()
        line = f"| {name} | {theirs:.1f} | {ours:.2f} | {theirs / ours:.1f} | {least:.1f} |"
        print(line, flush=True)
    theirs, ours = np.sum(rows, axis=0)
    print(f"| all 19 x 5 | {theirs:.1f} | {ours:.2f} | {theirs / ours:.1f} | |")


def print_threads(side: int, rounds: int) -> None:
    """Wall time on one and two threads, summed over the five severities."""
    images = np.concatenate([pictures(side)] * 4)
    print(f"\n{side} px, {len(images)} images, ms of wall time per image:\n")
    print("| corruption | one thread | two threads | gain |")
    print("|---|---|---|---|")
    rows = []
    for name in corruptions.names():
        found = np.zeros(2)
        for severity in SEVERITIES:

            def own(threads: int, name: str = name, severity: int = severity) -> None:
                corruptions.apply(images, name, severity, range(len(images)), threads=threads)

            own(2)
            found += best(time.perf_counter, rounds, partial(own, 1), partial(own, 2))
        one, two = found / len(images)
        rows.append((one, two))
        print(f"| {name} | {one:.2f} | {two:.2f} | {one / two:.2f} |", flush=True)
    one, two = np.sum(rows, axis=0)
    print(f"| all 19 x 5 | {one:.2f} | {two:.2f} | {one / two:.2f} |")


def print_first_call() -> None:
    """What the first call of each costs: compilation, where nothing compiled lies on disk yet."""
    images = pictures(64)[:1]
    start = time.process_time()
    for name in corruptions.names():
        corruptions.apply(images, name, 1, [0], threads=1)
    print(f"\nFirst call of all 19: {time.process_time() - start:.1f} s of processor time")


def main() -> None:
    parser = argparse.ArgumentParser(description="Time our corruptions.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--first-call", action="store_true", help="time the compilation")
    parser.add_argument("--threads", action="store_true", help="time one and two threads")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    print(f"{os.cpu_count()} processors, load average at the start {os.getloadavg()[0]:.1f}")
    if options.first_call:
        print_first_call()
    elif options.threads:
        print_threads(224, options.rounds)
    else:
        for side in (64, 224):
            print_speed(side, options.rounds)


if __name__ == "__main__":
    main()
