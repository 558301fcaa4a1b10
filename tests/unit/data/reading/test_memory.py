"""Decoders share a budget of memory; what is beyond every bound is rejected by name."""

import io
import threading
import time

import numpy as np
import pytest
from PIL import Image

from mimbench.data.reading import colours, decoding, opening
from mimbench.data.reading.decoding import decode, decode_whole, read_photos
from mimbench.data.reading.memory import Budget
from mimbench.data.reading.opening import Unreadable


def _png(mode: str, size: tuple[int, int] = (600, 500)) -> bytes:
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(noise).convert(mode).save(buffer, "PNG")
    return buffer.getvalue()


def _together(budget: Budget, needs: list[int]) -> list[list[int]]:
    """Which reservations were held at the same time."""
    held: list[int] = []
    seen: list[list[int]] = []
    lock = threading.Lock()

    def work(need: int) -> None:
        with budget.reserve(need):
            with lock:
                held.append(need)
                seen.append(sorted(held))
            time.sleep(0.02)
            with lock:
                held.remove(need)

    threads = [threading.Thread(target=work, args=(need,)) for need in needs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen


def test_images_that_fit_are_decoded_together_and_larger_ones_alone():
    seen = _together(Budget(100), [40, 40, 40, 500, 60, 500, 10])
    assert max(sum(held) for held in seen if held != [500]) <= 100
    assert [500] in seen
    assert all(held == [500] for held in seen if 500 in held)
    assert any(len(held) > 1 for held in seen)


def test_a_budget_is_free_again_after_an_error():
    budget = Budget(10)
    with pytest.raises(RuntimeError), budget.reserve(10):
        raise RuntimeError
    assert budget.used == 0


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "I;16"])
def test_an_image_beyond_the_bound_is_rejected_with_what_it_takes(mode, monkeypatch):
    monkeypatch.setattr(decoding, "MAX_MEMORY", 200_000)
    with pytest.raises(Unreadable, match=r"GB of memory; at most"):
        decode(_png(mode), 32)
    monkeypatch.setattr(decoding, "MAX_MEMORY", 10_000_000)
    assert decode(_png(mode), 32).width == 600


@pytest.mark.parametrize("mode", ["RGBA", "L", "LA", "P", "1", "I;16", "CMYK", "YCbCr"])
def test_pixels_do_not_depend_on_the_strips_in_which_they_are_converted(mode, monkeypatch):
    data = _png("L") if mode in ("CMYK", "YCbCr") else _png(mode)
    if mode in ("CMYK", "YCbCr"):
        buffer = io.BytesIO()
        Image.open(io.BytesIO(data)).convert("RGB").convert(mode).save(buffer, "TIFF")
        data = buffer.getvalue()
    at_once = decode_whole(data).pixels
    monkeypatch.setattr(colours, "_STRIP", 7 * 600)
    assert np.array_equal(decode_whole(data).pixels, at_once)


def test_a_file_beyond_the_bound_is_not_read(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(_png("RGB"))
    monkeypatch.setattr(opening, "MAX_FILE", 1000)
    (reason,) = read_photos([tmp_path / "a.png"], 32)
    assert "a file of more than" in reason


def test_photos_are_read_under_any_budget(tmp_path, monkeypatch):
    for k in range(6):
        (tmp_path / f"{k}.png").write_bytes(_png("RGB", (60 + k, 50)))
    paths = [tmp_path / f"{k}.png" for k in range(6)]
    wide = [photo.pixels for photo in read_photos(paths, 32)]
    monkeypatch.setattr(decoding, "_budget", Budget(1))
    monkeypatch.setattr(decoding, "_LARGE_FILE", 100)
    for narrow, other in zip(read_photos(paths, 32), wide, strict=True):
        assert np.array_equal(narrow.pixels, other)
