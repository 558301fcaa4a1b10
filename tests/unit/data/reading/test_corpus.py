"""Whatever a file holds, it is read or rejected with a reason; nothing ends a run."""

import random
from pathlib import Path

import numpy as np
from corpus import FORMS, MODES, MUTATIONS, SIZES, whole_file, write_corpus
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from mimbench.data.audit import audit
from mimbench.data.dataset import ImageOptions, gather, load
from mimbench.data.reading.decoding import decode
from mimbench.data.reading.file_facts import FACTS
from mimbench.data.reading.opening import Unreadable
from mimbench.data.reading.photo import Photo


def _decoded(data: bytes, harmonise: bool) -> Photo | str:
    try:
        return decode(data, 32, harmonise)
    except Unreadable as error:
        return str(error)


@given(
    st.sampled_from(FORMS),
    st.sampled_from(MODES),
    st.sampled_from(SIZES),
    st.sampled_from(MUTATIONS),
    st.integers(0, 2**32),
    st.booleans(),
)
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_an_odd_file_is_a_photo_or_has_a_reason(form, mode, size, mutate, seed, harmonise):
    data = mutate(whole_file(form, mode, size), random.Random(seed))
    photo = _decoded(data, harmonise)
    if isinstance(photo, str):
        assert photo
    else:
        assert photo.pixels.shape == (32, 32, 3)
        assert photo.pixels.dtype == np.uint8
        assert np.isfinite([photo.facts[name] for name in FACTS]).all()


@given(st.binary(max_size=400))
@settings(max_examples=60, deadline=None)
def test_random_bytes_are_rejected(data):
    assert isinstance(_decoded(data, harmonise=False), str)


def test_a_tree_of_odd_files_is_loaded_and_audited(tmp_path: Path):
    count = write_corpus(tmp_path, 220)
    for category, shade in (("mpox", 90), ("acne", 120)):
        (tmp_path / category).mkdir(exist_ok=True)
        Image.new("RGB", (40, 40), (shade, 80, 70)).save(tmp_path / category / "sound.png")
    options = ImageOptions(data=[str(tmp_path)], canonical_size=32)
    found = gather(options)
    assert len(found.table) + len(found.rejected) == count + 2
    assert len(found.table) > 20
    assert len(found.rejected) > 100
    assert (found.rejected["reason"] != "").all()
    assert not found.table["path"].isin(found.rejected["path"]).any()
    assert audit(found).images == len(found.table)
    assert len(load(options)) <= len(found.table)
