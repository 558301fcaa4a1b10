"""Draws are a function of (key, corruption, severity), the same on every machine."""

import hashlib

import numpy as np
from scipy.special import ndtri

from mimbench.corruptions.core.draws import LANES, Draws, below, normal, stream, uniform


def philox(counter: tuple[int, ...], key: tuple[int, ...]) -> tuple[int, ...]:
    """Philox-4x32-10 as published: Salmon et al. 2011, section 3.3."""
    c, k = list(counter), list(key)
    for _ in range(10):
        first, second = c[0] * 0xD2511F53, c[2] * 0xCD9E8D57
        c = [
            second >> 32 ^ c[1] ^ k[0],
            second & 0xFFFFFFFF,
            first >> 32 ^ c[3] ^ k[1],
            first & 0xFFFFFFFF,
        ]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return tuple(c)


def test_the_generator_is_philox() -> None:
    # known answers published with the Random123 library
    assert philox((0,) * 4, (0,) * 2) == (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)
    assert philox((2**32 - 1,) * 4, (2**32 - 1,) * 2) == (
        0x408F276D,
        0x41C83B0E,
        0xA20BC7C6,
        0x6D5451FD,
    )
    assert philox((0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0)) == (
        0xD16CFE09,
        0x94FDCCEB,
        0x5001E420,
        0x24126EA1,
    )
    key, number = 0xA4093822299F31D0, 0x13198A2E03707344
    words = Draws(np.array([key], np.uint64), number).words(0, 1000)
    for block in range(250 - 250 % LANES):
        group, lane = divmod(block, LANES)
        ours = words[group * 4 * LANES + lane :: LANES][:4]
        expected = philox(
            (block, 0, number & 0xFFFFFFFF, number >> 32), (key & 0xFFFFFFFF, key >> 32)
        )
        assert tuple(int(word) for word in ours) == expected


def test_draws_never_change() -> None:
    draws = Draws(np.array([0, 1, 2**64 - 1], np.uint64), stream("gaussian_noise", 3))
    words = np.concatenate([draws.words(image, 5000) for image in range(3)])
    digest = hashlib.sha256(words.astype("<u4").tobytes()).hexdigest()
    assert digest == "d6f4dc630f6c25055ca347eb75862f5360526544a013bc5df1c8df390e692274"
    assert stream("fog", 1) != stream("fog", 2)


def test_short_draws_begin_long_ones_and_parts_of_a_batch_keep_theirs() -> None:
    draws = Draws(np.arange(5, dtype=np.uint64), 11)
    np.testing.assert_array_equal(draws.words(3, 10), draws.words(3, 3000)[:10])
    np.testing.assert_array_equal(draws[3:5].words(1, 10), draws.words(4, 10))
    for image, words in enumerate(draws.each(300)):
        np.testing.assert_array_equal(words, draws.words(image, 300))


def test_words_become_numbers_of_the_named_distribution() -> None:
    words = np.array([0, 1, 2**31, 2**32 - 1, 12345678, 4 * 10**9], np.uint32)
    assert 0 < uniform(words).min() <= uniform(words).max() < 1
    np.testing.assert_allclose(normal(words), ndtri(uniform(words)), rtol=1e-6)
    np.testing.assert_array_equal(below(words, 10), words.astype(np.int64) * 10 >> 32)
