"""Names of categories keep every letter; two names that would become one are an error."""

from pathlib import Path

import pytest
from small_images import write_category

from mimbench.data.categories import canonical_category, check_categories
from mimbench.data.dataset import survey
from mimbench.errors import DataError

# Words that differ by a vowel sign or tone mark alone, and a syllable that is one mark longer.
SCRIPTS = {
    "Devanagari": ("दाद", "दिद", "दद"),
    "Bengali": ("দাদ", "দুদ", "দদ"),
    "Thai": ("สิว", "สุว", "สว"),
    "Tamil": ("கா", "கி", "க"),
    "Hebrew": ("שָׁ", "שִׁ", "ש"),
    "Vietnamese": ("ma\u0323", "ma\u0301", "ma"),
}


@pytest.mark.parametrize("names", SCRIPTS.values(), ids=SCRIPTS)
def test_words_that_differ_by_a_mark_are_different_categories(names):
    assert len({canonical_category(name) for name in names}) == len(names)
    assert check_categories([(name, "somewhere") for name in names]) == ()


def test_a_folder_per_word_in_hindi_is_a_category_per_word(tmp_path: Path):
    for seed, name in enumerate(SCRIPTS["Devanagari"]):
        write_category(tmp_path / "data" / name, 100, 2, seed)
    counts = survey([str(tmp_path / "data")], size=32).table["category"].value_counts()
    assert counts.to_dict() == dict.fromkeys(SCRIPTS["Devanagari"], 4)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("her2+", "her2-"),
        ("her2", "her2+"),
        ("grade -1", "grade 1"),
        ("a&b", "a b"),
        ("C++", "C#"),
        ("MKP+", "MKP-"),
        ("Maße", "Masse"),
        ("10²", "102"),
        ("lesion", "le\u200csion"),
    ],
)
def test_two_names_that_would_become_one_are_an_error_that_shows_both(first, second):
    assert canonical_category(first) == canonical_category(second)
    with pytest.raises(DataError) as raised:
        check_categories([(first, "one/place"), (second, "line 7")])
    said = str(raised.value)
    assert "one/place" in said
    assert "line 7" in said
    assert first in said
    assert second.encode("unicode_escape").decode() in said or second in said


@pytest.mark.parametrize(
    "spellings",
    [
        ("Acne", "acne", "ACNE", "acne "),
        ("Hand-Foot Mouth", "hand_foot_mouth", "Hand - foot  mouth"),
        ("Monkey Pox", "MKP", "monkeypox_augmented"),
        ("e\u0301te\u0301", "\u00e9t\u00e9"),
        ("DİĞER", "diğer"),
    ],
)
def test_spellings_of_one_name_are_one_category_with_a_note(spellings):
    assert len({canonical_category(name) for name in spellings}) == 1
    (note,) = check_categories([(name, "somewhere") for name in spellings])
    assert canonical_category(spellings[0]) in note


@pytest.mark.parametrize("name", ["+++", "---", "_", "🙂", "\u2600\ufe0f", "\u0301"])
def test_a_name_without_a_letter_is_an_error_that_shows_where_it_stands(name):
    assert canonical_category(name) == ""
    with pytest.raises(DataError, match=r"list\.csv, line 4.*no letter or digit"):
        check_categories([(name, "list.csv, line 4")])


def test_names_of_several_folders_are_compared(tmp_path: Path):
    write_category(tmp_path / "one" / "her2+", 100, 2, 1)
    write_category(tmp_path / "two" / "her2-", 100, 2, 2)
    with pytest.raises(DataError, match=r"'her2\+'.*'her2-'"):
        survey([str(tmp_path / "one"), str(tmp_path / "two")], size=32)


def test_images_of_the_working_folder_have_its_name(tmp_path: Path, monkeypatch):
    write_category(tmp_path / "acne", 100, 2, 1)
    monkeypatch.chdir(tmp_path / "acne")
    assert set(survey(["."], size=32).table["category"]) == {"acne"}
    (tmp_path / "acne" / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "acne" / "deep")
    assert set(survey([".."], size=32).table["category"]) == {"acne"}
