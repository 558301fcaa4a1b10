"""How strong corruptions are on small images, as they are and enlarged to 224 px.

The command that prints the tables of results/corruptions.md:

    python tests/benchmarks/corruption_scale.py --photos DIR

Strength is the structural similarity (luma, Wang et al. 2004) of corrupted images of 64 px to
clean ones: 1 is no change. Photos are kept at 224 px, corrupted there as published, and resized;
what small images show when they are enlarged first should be as strong as that.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from mimbench.corruptions import builtin, names
from mimbench.corruptions.enlarged import apply_enlarged, shrink
from mimbench.data.dataset import ImageOptions, load, survey

SMALL, LARGE = 64, 224
SHOWN = ("gaussian_noise", "defocus_blur", "jpeg_compression", "pixelate", "brightness", "fog")
LEVELS = (1, 3, 5)
COUNT = 64

Images = NDArray[np.uint8]


def similarity(one: Images, other: Images) -> float:
    luma = [[cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in side] for side in (one, other)]
    return float(np.mean([structural_similarity(a, b) for a, b in zip(*luma, strict=True)]))


def strengths(title: str, clean: Images, worse: Callable[[str, int], Images]) -> None:
    for name in SHOWN:
        found = (f"{similarity(clean, worse(name, level)):.2f}" for level in LEVELS)
        print(f"| {title} | {name} | {' | '.join(found)} |")


def milliseconds(images: Images, *, enlarged: bool) -> float:
    """Processor time per image, mean over all built-in corruptions at severity 3."""
    keys, times = np.arange(len(images)), []
    for name in names():
        for _ in range(2):  # the first call compiles
            began = time.process_time()
            if enlarged:
                apply_enlarged(builtin(name), images, 3, keys, LARGE, threads=1)
            else:
                builtin(name).apply(images, 3, keys, threads=1)
        times.append(1000 * (time.process_time() - began) / len(images))
    return float(np.mean(times))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, help="folder of photos")
    asked = parser.parse_args()
    pixels = load(ImageOptions(data=("phantom",))).pixels
    phantom = pixels[:: len(pixels) // COUNT]
    keys = np.arange(len(phantom))
    print("| images | corruption | severity 1 | 3 | 5 |\n|---|---|---|---|---|")
    strengths("phantom, as they are", phantom, lambda n, s: builtin(n).apply(phantom, s, keys))
    strengths(
        "phantom, enlarged",
        phantom,
        lambda n, s: apply_enlarged(builtin(n), phantom, s, keys, LARGE),
    )
    if asked.photos:
        found = survey([str(asked.photos)], size=LARGE).pixels
        photos = found[:: max(1, len(found) // COUNT)]
        own, small = np.arange(len(photos)), shrink(photos, SMALL)
        title = f"{len(photos)} photos, corrupted at {LARGE} px and resized"
        strengths(title, small, lambda n, s: shrink(builtin(n).apply(photos, s, own), SMALL))
        strengths(
            "the same, resized, then enlarged",
            small,
            lambda n, s: apply_enlarged(builtin(n), small, s, own, LARGE),
        )
    cost = [milliseconds(phantom, enlarged=enlarged) for enlarged in (False, True)]
    print(
        f"\nmilliseconds per image of {SMALL} px: {cost[0]:.2f} as they are, {cost[1]:.2f} enlarged"
    )


if __name__ == "__main__":
    main()
