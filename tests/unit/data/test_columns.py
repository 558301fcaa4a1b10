"""What --columns says, and skin types in all their spellings."""

import pytest

from mimbench.data.columns import fitzpatrick, parse_columns
from mimbench.errors import DataError


def test_a_name_that_stands_twice_gives_what_counts_where_the_first_is_empty():
    columns = parse_columns("image=file, category=dx, patient=patient_id, patient=lesion_id")
    assert columns.patient == ("patient_id", "lesion_id")


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("image=file", "category missing"),
        ("image=file,category=dx,tone=x", "tone=x"),
        ("image=file,category", "category"),
        ("image=f,category=d,fitzpatrick=a,skin_tone=b", "not both"),
    ],
)
def test_what_is_no_list_of_columns_says_what_is_wrong(text, fact):
    with pytest.raises(DataError, match=fact):
        parse_columns(text)


@pytest.mark.parametrize(
    ("cell", "tone"),
    [
        ("3", "Fitzpatrick III"),
        ("3.0", "Fitzpatrick III"),
        ("FST6", "Fitzpatrick VI"),
        ("iv", "Fitzpatrick IV"),
        ("Type II", "Fitzpatrick II"),
        ("34", "Fitzpatrick III-IV"),
        ("-1", ""),
        ("7", ""),
        ("NONE_SELECTED", ""),
        ("", ""),
    ],
)
def test_skin_types_get_one_spelling(cell, tone):
    assert fitzpatrick(cell) == tone
