"""Which images a run uses: the table `[data]` of a run file."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from mimbench.recipes import LARGEST

__all__ = ["GENERATED", "PHANTOM", "ImageOptions"]

PHANTOM = "phantom"
GENERATED = "generated"

Names = tuple[str, ...]


class ImageOptions(BaseModel):
    """Which images a run uses, and as what.

    Attributes:
        data: folders or CSV files with the target and the categories that classifiers may know,
            or the word "phantom".
        target: its category; default mpox if it is there, else the phantom's.
        known: categories of `data` to train classifiers on; default all but the target.
        unknown: folders or CSV files of categories that nothing trains on.
        unknown_categories: categories of `data` that nothing may train on either.
        abnormal: folders or CSV files of what is no photo of skin, or the word "generated".
        external: folders or CSV files from another site, of any category, never trained on.
        canonical_size: side of the square that images are kept at, pixels; default 224, or 64
            when the phantom is all the data.
        harmonise: crop borders, resample and re-encode all pictures alike before anything else.
        layout: how the folders of `data` lie on disk; default: recognised.
        seed: of generated images.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: Annotated[Names, Field(min_length=1)] = (PHANTOM,)
    target: str | None = None
    known: Names | None = None
    unknown: Names = ()
    unknown_categories: Names = ()
    abnormal: Names = ()
    external: Names = ()
    canonical_size: Annotated[int, Field(ge=32, le=512)] | None = None
    harmonise: bool = False
    layout: str | None = None
    seed: Annotated[int, Field(ge=0, le=LARGEST)] = 0

    @property
    def size(self) -> int:
        """Side of the canonical square, pixels."""
        return self.canonical_size or (64 if self.data == (PHANTOM,) else 224)
