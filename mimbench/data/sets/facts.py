"""What is known of each public data set, one TOML file per set in this folder.

The facts are those that the set's authors or others published; mimbench downloaded none of the
sets. What is not known for certain is left out.
"""

from collections.abc import Mapping
from functools import cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mimbench.data.columns import Columns
from mimbench.recipes import names, read_toml, validate

__all__ = ["DataSet", "Download", "data_set", "set_names"]

Reader = Literal["msld", "msld-v2", "metadata", "ground-truth", "named-folders", "scin", "medmnist"]


class Download(BaseModel):
    """A file that can be fetched without an agreement."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str
    hash: str = Field(pattern=r"^(md5:[0-9a-f]{32}|sha256:[0-9a-f]{64})$")
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")  # of the file on disk


class DataSet(BaseModel):
    """One public data set.

    Attributes:
        title: as the literature calls it.
        description: what the images show and where they come from, one sentence.
        images: how many, in words.
        groups: patients, lesions or cases, in words; empty where nobody knows them.
        tone: skin tone as the set gives it, in words; empty where it does not.
        licence: as its page states it; empty if mimbench does not know it for certain.
        doi: of the data.
        reference: paper, as DOI or arXiv number.
        page: where the set is.
        faults: what others found wrong with it, one sentence each.
        reader: how its files lie.
        header: columns by which its table is recognised.
        columns: what these columns say.
        diagnoses: of columns that have 1 for the diagnosis of an image, the diagnosis in words.
        otherwise: the diagnosis of an image that has 1 in none of them; empty: not known.
        folders: names of its categories' folders.
        labels: names of the labels 0, 1, ... of each archive.
        kaggle: OWNER/NAME of its copy on Kaggle.
        downloads: its files.
        ask: how to get what needs an agreement, a form or another tool; one sentence.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    description: str
    images: str
    groups: str = ""
    tone: str = ""
    licence: str = ""
    doi: str = ""
    reference: str = ""
    page: str
    faults: tuple[str, ...] = ()
    reader: Reader
    header: tuple[str, ...] = ()
    columns: Columns | None = None
    diagnoses: Mapping[str, str] = Field(default_factory=dict)
    otherwise: str = ""
    folders: tuple[str, ...] = ()
    labels: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    kaggle: str = Field(default="", pattern=r"^([A-Za-z0-9_-]+/[A-Za-z0-9_-]+)?$")
    downloads: tuple[Download, ...] = ()
    ask: str = ""

    @model_validator(mode="after")
    def _complete(self) -> "DataSet":
        by_table = self.reader in ("metadata", "ground-truth")
        if by_table != (self.columns is not None and bool(self.header)):
            raise ValueError("header and columns belong to the readers metadata and ground-truth")
        if (self.reader == "ground-truth") != bool(self.diagnoses):
            raise ValueError("diagnoses belong to the reader ground-truth")
        if bool(self.kaggle) + bool(self.downloads) + bool(self.ask) != 1:
            raise ValueError("give one of kaggle, downloads and ask")
        return self

    @property
    def sentence(self) -> str:
        """Size, licence and where to read more, in one line."""
        size = f"{self.images} images" + (f", {self.groups}" if self.groups else "")
        licence = f"licence {self.licence}" if self.licence else "licence: see its page"
        where = f"doi:{self.doi}" if self.doi else self.page
        return f"looks like {self.title}, which as published has {size}; {licence}; {where}."


def set_names() -> tuple[str, ...]:
    """Names of all data sets that mimbench knows."""
    return names("sets")


@cache
def data_set(name: str) -> DataSet:
    """The facts of one data set.

    Raises:
        UnknownNameError: no data set of that name.
    """
    table, path = read_toml("sets", name)
    return validate(DataSet, table, path)
