"""The audit finds what was planted, weighs it, and says nothing of what is not there."""

import re
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tampering import reseal

from mimbench.data.audit import Audit, as_html, as_text, audit, cached_audit
from mimbench.data.audit.finding import Finding
from mimbench.data.audit.probe import probe, strongest_differences
from mimbench.data.dataset import Dataset, ImageOptions, gather, load, survey
from mimbench.data.near_duplicates import similar_features
from mimbench.data.reading.file_facts import FACTS


def _picture(seed: int, size: int = 96) -> Image.Image:
    """Coloured blobs, different for each seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC)


def _write(folder: Path, names: list[str], first_seed: int = 0, **options: object) -> None:
    for seed, name in enumerate(names, start=first_seed):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        _picture(seed).save(folder / name, **options)


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """Mpox and acne, five images each: too few for the source probe."""
    _write(tmp_path / "few", [f"{c}/{i}.jpg" for c in ("mpox", "acne") for i in range(5)])
    return tmp_path / "few"


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Mpox and acne, twenty images each, all made alike."""
    names = [f"{category}/{i}.jpg" for category in ("mpox", "acne") for i in range(20)]
    _write(tmp_path / "many", names, quality=90)
    return tmp_path / "many"


def _gather(data: Path, **options: object) -> Dataset:
    return gather(ImageOptions(data=[str(data)], canonical_size=64, **options))


def _said(found: Audit, severity: str, check: str) -> list[str]:
    return [f.message for f in found.findings if (f.severity, f.check) == (severity, check)]


def test_images_made_alike_pass_even_when_strict(many):
    found = audit(_gather(many))
    assert found.passes(strict=True), as_text(found)


def test_the_same_file_in_two_categories_is_an_error(few):
    (few / "acne" / "copy.jpg").write_bytes((few / "mpox" / "3.jpg").read_bytes())
    found = audit(_gather(few))
    (message,) = _said(found, "error", "repeated files")
    assert "mpox/3.jpg (mpox, target)" in message
    assert "acne/copy.jpg (acne, known)" in message
    assert not found.passes()


def test_the_same_file_within_a_category_is_a_warning(few):
    (few / "acne" / "copy.jpg").write_bytes((few / "acne" / "3.jpg").read_bytes())
    found = audit(_gather(few))
    (message,) = _said(found, "warning", "repeated files")
    assert "count as one" in message
    assert found.passes()
    assert not found.passes(strict=True)


def test_msld_files_that_are_the_same_are_found(real_images):
    found = audit(survey([str(real_images / "msld")], size=64))
    (message,) = _said(found, "warning", "repeated files")
    assert "NM110_01.jpg" in message
    assert "NM68_01.jpg" in message


def test_near_duplicates_of_another_category_are_a_warning_that_names_both(few):
    _picture(3).rotate(90).save(few / "acne" / "changed.jpg", quality=60)
    found = audit(_gather(few))
    (warning,) = _said(found, "warning", "near-duplicates")
    assert "1 pair across categories or roles, 2 images are left out" in warning
    (pair,) = _said(found, "note", "near-duplicates")
    assert "mpox/3.jpg (mpox, target)" in pair
    assert "acne/changed.jpg (acne, known)" in pair
    assert "left out" in pair


def test_near_duplicates_within_a_category_are_named_with_their_patients(few):
    _picture(3).save(few / "acne" / "a.jpg", quality=60)
    _picture(3).save(few / "acne" / "b.jpg", quality=30)
    (few / "mpox" / "3.jpg").unlink()
    found = audit(_gather(few))
    (warning,) = _said(found, "warning", "near-duplicates")
    assert "1 pair of different patients, who count as one" in warning
    assert "few/acne/a.jpg and few/acne/b.jpg count as one" in " ".join(
        _said(found, "note", "near-duplicates")
    )


def test_near_duplicates_of_one_patient_are_only_a_note(tmp_path):
    for name, quality in (("M01_01", 90), ("M01_02", 50)):
        _write(tmp_path, [f"Monkeypox/{name}.jpg"], quality=quality)
    _write(tmp_path, ["Others/NM01_01.jpg"], first_seed=5)
    found = audit(survey([str(tmp_path)], size=64))
    assert not _said(found, "warning", "near-duplicates")
    assert "1 pair of one patient" in _said(found, "note", "near-duplicates")[0]


def test_an_audit_of_a_run_tells_what_was_left_out_once(few):
    _picture(3).save(few / "acne" / "changed.jpg", quality=60)
    found = audit(load(ImageOptions(data=[str(few)], canonical_size=64)))
    assert found.images == 9
    assert len(_said(found, "warning", "near-duplicates")) == 1
    assert not _said(found, "warning", "unreadable files")


def test_generated_images_are_not_compared():
    found = audit(gather(ImageOptions(abnormal=("generated",))))
    assert not [f for f in found.findings if f.check == "near-duplicates"]


def test_similar_features_are_found_once():
    features = np.random.default_rng(0).normal(size=(700, 16))
    features[600] = 3 * features[5]
    pairs = similar_features(features)
    assert pairs[["first", "second"]].to_numpy().tolist() == [[5, 600]]
    assert pairs["similarity"][0] == pytest.approx(1)


def test_a_patient_on_both_sides_is_an_error(few):
    dataset = _gather(few)
    table = dataset.table.assign(split_0="train")
    table.loc[0, "split_0"] = "test"
    table.loc[[0, 1], "patient"] = "someone"
    found = audit(replace(dataset, table=table))
    (message,) = _said(found, "error", "patients")
    assert "someone" in message


def test_copies_without_originals_and_unreadable_files_are_warnings(tmp_path):
    names = [f"Monkeypox_augmented/M0{i}_01_00.jpg" for i in range(8)]
    names += [f"Others_augmented/NM0{i}_01_00.jpg" for i in range(8)]
    _write(tmp_path, names, quality=90)
    (tmp_path / "Others_augmented" / "NM09_01_00.jpg").touch()
    found = audit(_gather(tmp_path))
    assert "16 augmented copies of 16 originals" in _said(found, "warning", "augmented copies")[0]
    assert "1 left out: the file is empty" in _said(found, "warning", "unreadable files")[0]


def test_imbalance_is_a_warning(tmp_path):
    names = [f"mpox/{i}.jpg" for i in range(20)] + [f"acne/{i}.jpg" for i in range(3)]
    _write(tmp_path, names)
    found = audit(_gather(tmp_path))
    assert "'mpox' has 20 images and 'acne' 3" in _said(found, "warning", "balance")[0]


def test_another_compression_is_told_apart_and_harmonising_hides_it(many, tmp_path):
    names = [f"orf/{i}.jpg" for i in range(20)]
    _write(tmp_path / "skin", names, first_seed=100, quality=40)
    places = {"unknown": [str(tmp_path / "skin")]}
    found = audit(_gather(many, **places))
    (difference,) = _said(found, "warning", "differences")
    assert re.search(r"jpeg_quality \(median (39.9|40) against 90", difference)
    (told,) = _said(found, "warning", "source probe")
    assert "skin (unknown) can be separated" in told
    alike = audit(_gather(many, harmonise=True, **places))
    assert not _said(alike, "warning", "differences")
    assert not _said(alike, "warning", "source probe")


def test_abnormal_images_may_differ(many, tmp_path):
    _write(tmp_path / "odd", [f"{i}.png" for i in range(20)], first_seed=100)
    found = audit(_gather(many, abnormal=[str(tmp_path / "odd")]))
    assert found.passes(strict=True)
    assert "odd (abnormal) can be separated" in " ".join(_said(found, "note", "source probe"))


def test_the_probe_is_at_chance_on_chance_and_sure_of_a_certain_fact():
    rng = np.random.default_rng(0)
    facts = pd.DataFrame(rng.normal(size=(300, len(FACTS))), columns=list(FACTS))
    other = np.arange(300) % 2 == 0
    patients = pd.Series([f"p{i // 3 * 2 + i % 2}" for i in range(300)])
    chance = probe(facts, other, patients)
    assert chance.low < 0.5 < chance.high
    facts["jpeg"] = other.astype(float)
    assert probe(facts, other, patients).value == pytest.approx(1)
    (first, *_) = strongest_differences(facts, other)
    assert (first.fact, first.area, first.ours, first.theirs) == ("jpeg", 1, 0, 1)


def test_the_area_of_a_fact_is_that_of_all_pairs():
    values = np.random.default_rng(2).integers(0, 5, 400)
    other = np.arange(400) % 3 == 0
    values[other] += 2
    ours, theirs = values[~other], values[other]
    pairs = theirs[:, None] - ours
    (found,) = strongest_differences(pd.DataFrame({"fact": values}), other, least=0.5)
    assert found.area == pytest.approx(((pairs > 0) + (pairs == 0) / 2).mean())


def test_facts_of_a_large_collection_are_compared_without_all_pairs():
    facts = pd.DataFrame({"fact": np.arange(100_000.0)})
    tracemalloc.start()
    (found,) = strongest_differences(facts, np.arange(100_000) >= 50_000)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.area == 1
    assert most < 2**27


def test_the_probe_does_not_learn_patients_by_heart():
    rng = np.random.default_rng(1)
    people = rng.normal(size=(40, len(FACTS)))
    facts = pd.DataFrame(np.repeat(people, 10, axis=0), columns=list(FACTS))
    patients = pd.Series(np.repeat([f"p{i}" for i in range(40)], 10))
    estimate = probe(facts, np.repeat(np.arange(40) % 2 == 0, 10), patients)
    assert estimate.low < 0.5 < estimate.high


def test_too_few_patients_for_the_probe_are_said(few, tmp_path):
    _write(tmp_path / "skin", ["orf/1.jpg", "orf/2.jpg"], first_seed=50)
    found = audit(_gather(few, unknown=[str(tmp_path / "skin")]))
    assert "not available" in " ".join(_said(found, "note", "source probe"))


def test_folders_without_roles_are_compared_with_each_other(many, tmp_path):
    _write(tmp_path / "skin", [f"orf/{i}.jpg" for i in range(20)], first_seed=100, quality=40)
    found = audit(survey([str(many), str(tmp_path / "skin")], size=64))
    assert any(
        "skin can be separated from the other" in m for m in _said(found, "warning", "source probe")
    )


def test_text_and_page_show_every_finding(few):
    (few / "acne" / "a & b.jpg").write_bytes((few / "acne" / "3.jpg").read_bytes())
    found = audit(_gather(few))
    text, page = as_text(found), as_html(found)
    assert text.startswith("warning repeated files: ")
    assert text.endswith(f"11 images: 0 errors, 2 warnings, {found.count('note')} notes.\n")
    assert "a &amp; b.jpg" in page
    assert page.count("<tr ") == len(found.findings)


def test_of_many_notes_of_one_check_text_has_the_first_and_the_count_and_the_page_all():
    pairs = [Finding("note", "near-duplicates", f"pair {k}.") for k in range(53)]
    read = [Finding("note", "reading", f"fact {k}.") for k in range(9)]
    found = Audit((*pairs, *read), 566)
    text = as_text(found)
    assert text.count("near-duplicates: pair ") == 4
    assert "near-duplicates: 49 more notes; --html FILE or --json has all" in text
    assert text.count("reading: fact ") == 9
    assert "53 more" not in text
    assert as_html(found).count("pair ") == 53


def test_an_audit_is_kept_until_the_images_change(few, tmp_path):
    folder = tmp_path / "kept"
    first = cached_audit(_gather(few), folder)
    (file,) = folder.iterdir()
    reseal(file, lambda content: content.update(images=12345))
    again = cached_audit(_gather(few), folder)
    assert again.findings == first.findings
    assert again.images == 12345
    (few / "acne" / "copy.jpg").write_bytes((few / "acne" / "3.jpg").read_bytes())
    assert cached_audit(_gather(few), folder).images == 11
