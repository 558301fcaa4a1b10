"""Own kernels fed with the draws that `imagecorruptions` would have made.

Reference: imagecorruptions as distributed by imagecorruptions-imaug 1.1.5.

`python tests/helpers/replay.py` prints the parity tables of results/corruptions.md.
"""

from collections.abc import Callable, Iterator

import cv2
import numpy as np
from imagecorruptions import corrupt
from numba import njit
from numpy.random import RandomState
from numpy.typing import NDArray
from scipy.stats import chi2

from mimbench.corruptions import apply
from mimbench.corruptions.builtin import BUILTIN
from mimbench.corruptions.catalogue import KERNELS
from mimbench.corruptions.core.draws import Draws
from mimbench.corruptions.core.levels import cut
from mimbench.corruptions.core.zoom import zoom_axis
from mimbench.corruptions.imagenet_c import elastic, fog, motion, spatter, weather
from mimbench.corruptions.imagenet_c.blur import gaussian_blur, shuffle

Images = NDArray[np.uint8]

NOISES = ("gaussian_noise", "shot_noise", "impulse_noise", "speckle_noise")
SEVERITIES = (1, 2, 3, 4, 5)
# of one test; 256 levels x 5 severities: at most 1 % that one of a noise's tests fails by chance
ERROR_LEVEL = 0.01 / (256 * len(SEVERITIES))
SIZES = ((32, 32), (64, 64), (224, 224), (160, 224), (33, 47), (51, 38))
CONTENTS = ("smooth", "noise", "saturated", "flat", "black", "white")
NO_DRAWS = Draws(np.zeros(1, np.uint64), 0)


def picture(content: str, height: int, width: int) -> Images:
    """A test picture, the same for the same arguments."""
    generator = np.random.default_rng([height, width])
    if content == "noise":
        return generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
    if content in ("smooth", "saturated"):
        waves = cv2.GaussianBlur(generator.random((height, width, 3)), (0, 0), 3)
        waves = (waves - waves.min()) / np.ptp(waves)
        if content == "saturated":
            waves = np.clip(6 * waves - 2.5, 0, 1)
        return (waves * 255).astype(np.uint8)
    level = {"flat": (100, 151, 202), "black": (0, 0, 0), "white": (255, 255, 255)}[content]
    return np.full((height, width, 3), level, np.uint8)


def reference(image: Images, name: str, severity: int, seed: int) -> Images:
    """The package's picture, its generators seeded with `seed`."""
    arguments = {"seed": seed} if name in ("glass_blur", "impulse_noise") else {}
    np.random.seed(seed)  # noqa: NPY002
    with np.errstate(all="ignore"):
        return corrupt(image, severity=severity, corruption_name=name, **arguments)


def own(image: Images, name: str, severity: int, seed: int) -> Images:
    """Our picture from the draws of the package."""
    values = {key: row[severity - 1] for key, row in BUILTIN[name].parameters.items()}
    out = np.empty_like(image)
    if name in REPLAYS:
        REPLAYS[name](image, RandomState(seed), out, values, seed)
    else:
        KERNELS[name].run(image[None], NO_DRAWS, out[None], **values)
    return out


def usable_seeds(name: str) -> Iterator[int]:
    """Seeds under which the package draws what the original code can draw."""
    for seed in range(1000):
        if name != "frost" or RandomState(seed).randint(6) < 5:  # the original has five textures
            yield seed


def _motion_blur(image, random, out, values, seed):
    angle = random.uniform(-45, 45)
    cut(motion.drag(image, values["radius"], values["sigma"], angle), out)


def _snow(image, random, out, values, seed):
    height, width = image.shape[:2]
    field = random.normal(values.pop("density"), values.pop("spread"), (height, width))
    rows, columns = (zoom_axis(length, values["size"]) for length in (height, width))
    field = field[rows.start : rows.start + rows.crop, columns.start :][:, : columns.crop]
    angle = random.uniform(-135, -45)
    weather.let_it_snow(image, np.ascontiguousarray(field), angle, out, **values)


def _frost(image, random, out, values, seed):
    height, width = image.shape[:2]
    texture = weather.frost_texture(random.randint(6), height, width)
    top = random.randint(0, texture.shape[0] - height)
    left = random.randint(0, texture.shape[1] - width)
    crop = texture[top : top + height, left : left + width]
    weather.freeze(image, crop, values["keep"], values["ice"], out)


def _fog(image, random, out, values, seed):
    side = fog.map_side(*image.shape[:2])
    cloud = np.empty((side, side))
    fog.plasma(random.random_sample(side * side - 1), values["decay"], cloud)
    fog.cover(image, cloud, values["thickness"], out)


def _spatter(image, random, out, values, seed):
    field = random.normal(values.pop("mean"), values.pop("spread"), image.shape[:2])
    spatter.splash(image, field, out, **values)


def _elastic_transform(image, random, out, values, seed):
    across, down = random.random_sample((2, *image.shape[:2]))
    elastic.deform(image, across, down, values["alpha"], out)


def _glass_blur(image, random, out, values, seed):
    reach, rounds = values["reach"], values["rounds"]
    steps = rounds * (image.shape[0] - 2 * reach) * (image.shape[1] - 2 * reach)
    across, down = _numba_shifts(seed, steps, reach).T
    place = (down + reach) * 2 * reach + across + reach
    words = np.ceil(place * 2**32 / (4 * reach**2)).astype(np.uint32)
    blurred = np.empty_like(image)
    gaussian_blur(image[None], NO_DRAWS, blurred[None], sigma=values["sigma"])
    shuffle(blurred, words, reach, rounds)
    gaussian_blur(blurred[None], NO_DRAWS, out[None], sigma=values["sigma"])


@njit
def _numba_shifts(seed, steps, reach):
    np.random.seed(seed)  # noqa: NPY002
    shifts = np.empty((steps, 2), np.int64)
    for step in range(steps):
        shifts[step] = np.random.randint(-reach, reach, size=(2,))  # noqa: NPY002
    return shifts


REPLAYS: dict[str, Callable[..., None]] = {
    "motion_blur": _motion_blur,
    "snow": _snow,
    "frost": _frost,
    "fog": _fog,
    "spatter": _spatter,
    "elastic_transform": _elastic_transform,
    "glass_blur": _glass_blur,
}


def differences(name: str, severity: int, pictures: list[Images]) -> NDArray[np.int64]:
    """|own - reference| of all values of all pictures."""
    pairs = zip(pictures, usable_seeds(name), strict=False)
    return np.concatenate(
        [
            np.abs(
                own(image, name, severity, seed).astype(np.int64)
                - reference(image, name, severity, seed)
            ).reshape(-1)
            for image, seed in pairs
        ]
    )


def noise_p_values(name: str, severity: int) -> NDArray[np.float64]:
    """P value per level before, 0..255, that our noise and the package's are one distribution."""
    levels = np.broadcast_to(np.arange(256, dtype=np.uint8)[:, None, None], (256, 1000, 3)).copy()
    theirs = histogram(levels, reference(levels, name, severity, seed=severity))
    ours = histogram(levels, apply(levels[None], name, severity, [severity])[0])
    return two_sample_p(ours, theirs)


def histogram(before: NDArray[np.generic], after: NDArray[np.generic]) -> NDArray[np.generic]:
    """Counts (level before, level after)."""
    pairs = before.reshape(-1).astype(np.int64) * 256 + after.reshape(-1)
    return np.bincount(pairs, minlength=65536).reshape(256, 256)


def two_sample_p(first: NDArray[np.generic], second: NDArray[np.generic]) -> NDArray[np.generic]:
    """P value of each row's chi-squared test of homogeneity, over some 20 equally likely bins."""
    pooled = first + second
    middle = (np.cumsum(pooled, axis=1) - pooled / 2) / pooled.sum(axis=1, keepdims=True)
    bins = np.minimum((middle * 20).astype(int), 19)  # 20 where nothing remains
    sums = []
    for counts in (first, second):
        total = np.zeros((len(counts), 20))
        np.add.at(total, (np.arange(len(counts))[:, None], bins), counts)
        sums.append(total)
    both = sums[0] + sums[1]
    filled = both >= 10
    statistic = np.where(filled, (sums[0] - sums[1]) ** 2 / np.maximum(both, 1), 0).sum(axis=1)
    return chi2.sf(statistic, np.maximum(filled.sum(axis=1) - 1, 1))


def main() -> None:
    pictures = [picture(content, *size) for size in SIZES for content in CONTENTS]
    print("| corruption | largest difference, levels | share of values that differ |")
    print("|---|---|---|")
    for name in BUILTIN:
        if name not in NOISES:
            found = [differences(name, severity, pictures) for severity in SEVERITIES]
            largest = " ".join(str(values.max()) for values in found)
            share = " ".join(f"{np.mean(values > 0):.0e}".replace("0e+00", "0") for values in found)
            print(f"| {name} | {largest} | {share} |")
    print("\n| noise | smallest of 256 p values, per severity |")
    print("|---|---|")
    for name in NOISES:
        smallest = [noise_p_values(name, severity).min() for severity in SEVERITIES]
        print(f"| {name} | {' '.join(f'{value:.4f}' for value in smallest)} |")
    print(f"\nrejected below {ERROR_LEVEL:.1e}")


if __name__ == "__main__":
    main()
