"""The statistics see how a picture was made, and little of what it shows."""

import io

import numpy as np
import pytest
from PIL import Image

from mimbench.data.file_statistics import FILE_STATISTICS, file_statistics


def _scene(seed: int, size: int = 128) -> Image.Image:
    """Smooth coloured blobs with a little noise."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(60, 200, (10, 10, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC)).astype(float)
    noisy = smooth + rng.normal(0, 3, smooth.shape)
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def _jpeg(image: Image.Image, quality: int = 60) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def _statistics(images: list[Image.Image]) -> dict[str, np.ndarray]:
    values = file_statistics(np.stack([np.asarray(image) for image in images]))
    return dict(zip(FILE_STATISTICS, values.T, strict=True))


@pytest.fixture(scope="module")
def scenes() -> list[Image.Image]:
    return [_scene(seed) for seed in range(12)]


def test_jpeg_blocks_are_seen_on_their_grid(scenes):
    plain, jpeg = _statistics(scenes), _statistics([_jpeg(scene) for scene in scenes])
    shifted = _statistics([_jpeg(s).crop((3, 5, 123, 125)) for s in scenes])
    for lines in ("columns", "rows"):
        assert jpeg[f"{lines}_on_grid"].min() > plain[f"{lines}_on_grid"].max()
        assert jpeg[f"{lines}_on_grid"].min() > shifted[f"{lines}_on_grid"].max()
        assert shifted[f"{lines}_any_phase"].min() > plain[f"{lines}_any_phase"].max()


def test_noise_and_resampling_are_seen(scenes):
    plain = _statistics(scenes)
    small = [s.resize((64, 64), Image.Resampling.BICUBIC).resize((128, 128)) for s in scenes]
    resampled = _statistics(small)
    assert resampled["noise_median"].max() < plain["noise_median"].min()
    assert resampled["spectrum_0.3"].max() < plain["spectrum_0.3"].min()


def test_colour_at_half_resolution_is_seen(scenes):
    halved = [
        Image.merge(
            "YCbCr",
            [
                band if place == 0 else band.resize((64, 64)).resize(band.size)
                for place, band in enumerate(scene.convert("YCbCr").split())
            ],
        ).convert("RGB")
        for scene in scenes
    ]
    assert (_statistics(halved)["chroma_detail"] < _statistics(scenes)["chroma_detail"]).all()


def test_brighter_and_mirrored_pictures_stay_close(scenes):
    plain = file_statistics(np.stack([np.asarray(scene) for scene in scenes]))
    spread = plain.std(axis=0) + 0.05
    mirrored = file_statistics(np.stack([np.asarray(scene)[:, ::-1] for scene in scenes]))
    brighter = np.stack([np.asarray(scene) for scene in scenes]) + np.uint8(20)
    assert (np.abs(mirrored - plain).mean(axis=0) < 0.5 * spread).all()
    assert (np.abs(file_statistics(brighter) - plain).mean(axis=0) < 0.5 * spread).all()


@pytest.mark.parametrize("size", [32, 64, 100])
def test_flat_and_random_images_of_any_size_give_finite_numbers(size):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, size, size, 3), dtype=np.uint8)
    images[0], images[1] = 0, 255
    values = file_statistics(images)
    assert values.shape == (3, len(FILE_STATISTICS))
    assert np.isfinite(values).all()


def test_each_image_is_judged_by_itself(scenes):
    images = np.stack([np.asarray(scene) for scene in scenes])
    together = file_statistics(np.concatenate([images] * 6))
    np.testing.assert_allclose(together[:12], file_statistics(images), rtol=1e-5, atol=1e-5)
    assert file_statistics(images[:0]).shape == (0, len(FILE_STATISTICS))
