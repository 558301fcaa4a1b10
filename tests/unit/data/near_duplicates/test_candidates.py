"""Which pairs of pictures are compared: those that share most rare patterns, or most signs."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from mimbench.data.near_duplicates import candidates
from mimbench.data.near_duplicates.candidates import MOST, Candidate, by_keypoints, by_signs
from mimbench.data.near_duplicates.features import Features, mirrored


def _pictures(count: int, keypoints: int = 6) -> list[Features]:
    """Pictures whose keypoints look alike, and whose signs differ in few bits."""
    generator = np.random.default_rng(0)
    signs = generator.random((8, 8)) < 0.5
    return [
        Features(
            place=np.zeros((keypoints, 2)),
            size=np.ones(keypoints),
            angle=np.zeros(keypoints),
            bits=np.packbits(generator.random((keypoints, 128)) < 0.1, axis=1),
            signs=signs ^ (generator.random((8, 8)) < 0.1),
        )
        for _ in range(count)
    ]


def _patterns(picture: Features) -> set[tuple[int, bytes]]:
    bits = np.unpackbits(picture.bits, axis=1)
    return {(k, own[part].tobytes()) for k, part in enumerate(candidates._BITS) for own in bits}


def _votes(new: Sequence[Features], old: Sequence[Features]) -> np.ndarray:
    """(new, 2, old) votes of each picture as it is and mirrored, from the patterns of all pairs."""
    known = [_patterns(picture) for picture in old]
    counts = Counter(pattern for own in known for pattern in own)
    most = max(0.1 * len(old), 10)
    weights = {p: np.log1p(len(old) / n) for p, n in counts.items() if n <= most}
    ways = [[_patterns(picture), _patterns(mirrored(picture))] for picture in new]
    return np.array(
        [[[sum(weights.get(p, 0) for p in w & o) for o in known] for w in two] for two in ways]
    )


def test_those_that_share_most_rare_patterns_are_candidates() -> None:
    pictures = _pictures(60)
    found = list(by_keypoints(pictures[:20], pictures))
    for row, (plain, mirror) in enumerate(_votes(pictures[:20], pictures)):
        best = np.sort(np.maximum(plain, mirror))[::-1][: MOST + 1]
        own = [one for one in found if one.first == row]
        votes = [mirror[one.second] if one.turn.mirror else plain[one.second] for one in own]
        assert votes == pytest.approx(best[best > 0])
        assert len({one.second for one in own}) == len(own)
    assert any(one.turn.mirror for one in found)


def test_what_very_many_pictures_share_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    alike = _pictures(1) * 10
    assert len(list(by_keypoints(alike, alike))) == 100
    monkeypatch.setattr(candidates, "_MANY", 9)
    assert not list(by_keypoints(alike, alike))


def test_signs_of_the_same_pictures_give_each_pair_once() -> None:
    pictures = _pictures(40)
    once = list(by_signs(pictures, pictures))
    assert all(one.first < one.second for one in once)
    twice = list(by_signs(pictures, list(pictures)))
    later = [one for one in twice if one.first < one.second]
    earlier = [Candidate(c.second, c.first, c.turn.back) for c in twice if c.first > c.second]
    assert len(once) > 10
    assert set(once) == set(later) == set(earlier)
