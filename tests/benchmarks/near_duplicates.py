"""Time the search for near-duplicates on photographs made of numbers.

    python tests/benchmarks/near_duplicates.py 250 500 1000

For each number of photos, in seconds of processor time: features (once per photo, kept in the run's
folder), comparison (features known), both per photo, and how many times as long that is as a
perceptual hash of whole pictures alone, turned in eight ways, which finds neither crops nor small
turns. Every other photo has the background of its neighbour, so that there are candidates to
reject; one in ten is a changed copy of another.
"""

import sys
import tempfile
import time
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from PIL import Image
from scipy.fft import dctn

sys.path.insert(0, str(Path(__file__).parents[1] / "helpers"))

from photographs import all_at_once, photo

from mimbench.data.near_duplicates import near_duplicates, picture_features

SIZE = (252, 196)  # pixels, as many as in a square of 222


def picture(number: int) -> Image.Image:
    """The photograph of this number."""
    if number % 10 == 9:
        return all_at_once(picture(number - 5))
    return photo(number, background=number // 2 + 10**6).resize(SIZE, Image.Resampling.BICUBIC)


def write_photos(folder: Path, count: int) -> pd.DataFrame:
    """JPEG files, as a table."""
    images = [f"{number:05}" for number in range(count)]
    for number, image in enumerate(images):
        picture(number).save(folder / f"{image}.jpg", quality=90)
    paths = [str(folder / f"{image}.jpg") for image in images]
    return pd.DataFrame({"image_id": images, "path": paths}, dtype="str")


def perceptual_hash(table: pd.DataFrame, most_bits: int = 12, least: float = 0.95) -> int:
    """Pairs of whole pictures by 63 bits of a thumbnail, confirmed by its correlation."""
    pictures = [cv2.imread(path, cv2.IMREAD_GRAYSCALE) for path in table["path"]]
    small = [cv2.resize(p, (32, 32), interpolation=cv2.INTER_AREA) for p in pictures]
    grey = np.array(small, dtype=np.float32)
    grey -= grey.mean(axis=(1, 2), keepdims=True)
    grey /= grey.std(axis=(1, 2), keepdims=True)

    def hashed(images: np.ndarray) -> np.ndarray:
        low = dctn(images, axes=(1, 2))[:, :8, :8].reshape(-1, 64)[:, 1:]
        bits = low > np.median(low, axis=1, keepdims=True)
        return (bits * (np.uint64(1) << np.arange(63, dtype=np.uint64))).sum(1, dtype=np.uint64)

    found, own = set(), hashed(grey)
    for quarter, mirror in product(range(4), (1, -1)):
        turned = np.rot90(grey, quarter, axes=(1, 2))[:, :, ::mirror]
        close = np.bitwise_count(own[:, None] ^ hashed(turned)) <= most_bits
        for a, b in np.argwhere(np.triu(close, 1)):
            if (grey[a] * turned[b]).mean() >= least:
                found.add((a, b))
    return len(found)


def main() -> None:
    """Print one line per number of photos."""
    print(f"{'photos':>8}{'features':>10}{'comparison':>12}{'ms each':>9}{'ratio':>7}{'pairs':>7}")
    for count in map(int, sys.argv[1:] or ["250", "500", "1000"]):
        with tempfile.TemporaryDirectory() as folder:
            table = write_photos(Path(folder), count)
            times = [time.process_time()]
            features = picture_features(table)
            times.append(time.process_time())
            pairs = near_duplicates(features)
            times.append(time.process_time())
            perceptual_hash(table)
            times.append(time.process_time())
        read, compared, hashed = np.diff(times)
        whole = read + compared
        print(
            f"{count:8}{read:10.1f}{compared:12.1f}{1000 * whole / count:9.1f}"
            f"{whole / hashed:7.0f}{len(pairs):7}",
            flush=True,
        )


if __name__ == "__main__":
    main()
