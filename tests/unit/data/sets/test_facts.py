"""Every data set has its facts in one file, and a miniature in its layout is recognised as it."""

import io
import os
from pathlib import Path

import pytest
from miniature_sets import MINIATURES
from rich.console import Console

from mimbench.cli.listing import listing
from mimbench.data.dataset import survey
from mimbench.data.sets.facts import data_set, set_names


def test_every_data_set_has_a_miniature_in_these_tests():
    assert set(MINIATURES) == set(set_names())


@pytest.mark.parametrize("name", sorted(MINIATURES))
@pytest.mark.parametrize("depth", ["", "archive/unpacked"])
def test_a_data_set_is_recognised_at_any_depth_and_every_file_is_accounted_for(
    tmp_path, name, depth
):
    MINIATURES[name](tmp_path / "data" / depth)
    found = survey([str(tmp_path / "data")], size=32)
    about = data_set(name)
    assert any(f"read as {about.title}:" in note for note in found.notes)
    assert any(about.sentence in note for note in found.notes)
    assert sum("known fault of" in note for note in found.notes) == len(about.faults)
    files = [Path(folder, file) for folder, _, names in os.walk(tmp_path) for file in names]
    archived = sum(".npz" in path for path in found.table["path"])
    account = found.accounting
    assert account.found == len(files) + archived
    assert account.read == len(found.table) > 0
    assert not len(found.rejected)


def test_the_list_of_data_sets_says_licence_identifier_columns_and_faults():
    printed = io.StringIO()
    Console(width=200, file=printed).print(listing("datasets"))
    text = " ".join(printed.getvalue().split())
    for fact in ("HAM10000", "10,015", "7,470 lesions", "CC BY-NC 4.0", "10.7910/DVN/DBW86T"):
        assert fact in text
    assert "patient from patient_id or lesion_id" in text
    assert "known fault: Several images show one lesion" in text
    assert all(name in text for name in set_names())
