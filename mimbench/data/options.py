"""Which images a run uses: the table `[data]` of a run file."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from mimbench.data.fetch.places import located
from mimbench.data.reading.file_names import shown
from mimbench.errors import DataError
from mimbench.flag import FILE_ONLY, Flag
from mimbench.recipes import LARGEST

__all__ = ["GENERATED", "PHANTOM", "ImageOptions", "require_all_there", "require_there"]

PHANTOM = "phantom"
GENERATED = "generated"

Names = tuple[str, ...]


class ImageOptions(BaseModel):
    """Which images a run uses, and as what."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: Annotated[Names, Flag("DIR")] = Field(
        default=(PHANTOM,),
        min_length=1,
        description="Folder or CSV with target and known categories, a fetched data set, or "
        "'phantom'.",
    )
    target: Annotated[str | None, Flag("CATEGORY")] = Field(
        default=None, description="Target category; default mpox, if the data have it."
    )
    known: Annotated[Names | None, Flag("CATEGORY")] = Field(
        default=None,
        description="Category that classifiers train on; default all of --data except the target.",
    )
    unknown: Annotated[Names, Flag("DIR")] = Field(
        default=(), description="Folder of categories that are never used for training."
    )
    unknown_categories: Annotated[Names, FILE_ONLY] = Field(
        default=(), description="Categories of `data` that are never used for training."
    )
    abnormal: Annotated[Names, Flag("DIR")] = Field(
        default=(), description="Folder of non-skin images, or 'generated'."
    )
    external: Annotated[Names, Flag("DIR")] = Field(
        default=(), description="Folder of another site's images, never used for training."
    )
    canonical_size: Annotated[int | None, Flag("PIXELS")] = Field(
        default=None,
        ge=32,
        le=512,
        description="Side at which images are kept and corrupted; default 224, phantom 64.",
    )
    harmonise: bool = Field(
        default=False,
        description="First crop borders, resample and re-encode all collections in the same way.",
    )
    layout: str | None = Field(
        default=None, description="Layout of the --data folder; recognised by default."
    )
    columns: Annotated[str | None, Flag("NAME=COLUMN,...")] = Field(
        default=None,
        description="Columns of the table beside the images of --data, of any names: "
        "image=file,category=dx,patient=person.",
    )
    patients: Annotated[str | None, Flag("PATTERN")] = Field(
        default=None,
        description="Regular expression for names in --data without suffix; what is in brackets "
        "is the patient, where none is known: '(.+)_[0-9]+'.",
    )
    seed: Annotated[int, FILE_ONLY] = Field(
        default=0, ge=0, le=LARGEST, description="Seed of the generated images."
    )

    @property
    def size(self) -> int:
        """Side of the canonical square, pixels."""
        return self.canonical_size or (64 if self.data == (PHANTOM,) else 224)

    @property
    def places(self) -> Names:
        """All folders and CSV files, and words for generated images."""
        return (*self.data, *self.unknown, *self.abnormal, *self.external)

    @property
    def files(self) -> Names:
        """The places that are folders and CSV files."""
        data = (place for place in self.data if place != PHANTOM)
        abnormal = (place for place in self.abnormal if place != GENERATED)
        return (*data, *self.unknown, *abnormal, *self.external)


def require_all_there(places: Iterable[str]) -> None:
    """Raise DataError where a folder, CSV file or data set is not there; reads nothing."""
    for place in places:
        if place not in (PHANTOM, GENERATED):
            require_there(located(place))


def require_there(path: Path) -> None:
    """Raise DataError where a folder of images or a CSV file is not there."""
    try:
        if path.exists():
            return
    except OSError as error:
        raise DataError(f"{shown(path)} cannot be opened: {error.strerror or error}.") from error
    raise DataError(f"{shown(path)} does not exist; expected a folder of images or a CSV file.")
