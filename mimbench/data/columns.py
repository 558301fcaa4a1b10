"""Which columns of somebody else's table say what mimbench needs to know of an image."""

import re
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mimbench.errors import DataError

__all__ = ["Columns", "fitzpatrick", "parse_columns"]

Names = tuple[str, ...]

_ROMAN = ("I", "II", "III", "IV", "V", "VI")
_ONE = re.compile(r"(?:(?:fst|fitzpatrick|type)[\s_-]*)*(?:([1-6])(?:\.0+)?|(vi|iv|v|i{1,3}))")
_PAIR = re.compile(r"(12|34|56)")  # DDI: two types together


class Columns(BaseModel):
    """Names of a table's columns, by what they say; of several, the first that a row fills counts.

    Of several columns of patients all count: images that share a value of one are of one patient.

    Attributes:
        image: file name or path of the image, with or without its suffix.
        category: disease or kind.
        patient: person, or the nearest group that is known: lesion, case.
        source: collection that the image comes from.
        split: the part of the table's own split.
        fitzpatrick: skin type on Fitzpatrick's scale, as a number or with FST before it.
        skin_tone: skin tone on any other scale, taken as it is.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    image: Names = Field(min_length=1)
    category: Names = Field(min_length=1)
    patient: Names = ()
    source: Names = ()
    split: Names = ()
    fitzpatrick: Names = ()
    skin_tone: Names = ()

    @model_validator(mode="after")
    def _one_scale(self) -> "Columns":
        if self.fitzpatrick and self.skin_tone:
            raise ValueError("give fitzpatrick or skin_tone, not both")
        return self

    def present(self, header: "set[str]") -> bool:
        """Whether a table with these columns has an image and a category."""
        return not header.isdisjoint(self.image) and not header.isdisjoint(self.category)


def parse_columns(text: str) -> Columns:
    """The columns that a user names: `image=file,category=dx,patient=patient_id`.

    A name can stand twice: `patient=patient_id,patient=lesion_id` keeps patients and
    lesions together.

    Raises:
        DataError: no such form, a name that is not known, or image or category missing.
    """
    known = ", ".join(Columns.model_fields)
    given: dict[str, list[str]] = {}
    for part in text.split(","):
        name, equals, column = (piece.strip() for piece in part.partition("="))
        if not equals or not column or name not in Columns.model_fields:
            raise DataError(
                f"--columns: '{part.strip()}' is not NAME=COLUMN with a name out of {known}."
            )
        given.setdefault(name, []).append(column)
    missing = [name for name in ("image", "category") if name not in given]
    if missing:
        raise DataError(f"--columns: {' and '.join(missing)} missing, in '{text}'.")
    if len({"fitzpatrick", "skin_tone"} & set(given)) == 2:
        raise DataError("--columns: give fitzpatrick or skin_tone, not both.")
    fields: dict[str, Any] = {name: tuple(columns) for name, columns in given.items()}
    return Columns(**fields)


def fitzpatrick(cell: str) -> str:
    """Skin type as one spelling, e.g. `Fitzpatrick III` for 3, 3.0, FST3 and III.

    The pairs 12, 34 and 56 of DDI give `Fitzpatrick I-II` and so on; whatever else gives "".
    """
    text = cell.strip().casefold()
    if pair := _PAIR.fullmatch(text):
        return "Fitzpatrick " + "-".join(_ROMAN[int(digit) - 1] for digit in pair[1])
    if one := _ONE.fullmatch(text):
        return "Fitzpatrick " + (_ROMAN[int(one[1]) - 1] if one[1] else one[2].upper())
    return ""
