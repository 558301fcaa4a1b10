"""The number that an image is made from: its category, patient and place among the patient's.

The number does not depend on how many images a table holds, so a larger table contains the
smaller one, image for image.
"""

from dataclasses import dataclass

import numpy as np

from mimbench.data.generated.phantom.keys import stream
from mimbench.data.generated.phantom.lesions import MORPHOLOGIES
from mimbench.data.generated.phantom.people import Person
from mimbench.errors import DataError

__all__ = [
    "CATEGORIES",
    "PATIENTS",
    "SWAP",
    "TARGET",
    "VERSION",
    "Index",
    "image_count",
    "person_of",
]

VERSION = "1"
CATEGORIES: tuple[str, ...] = tuple(MORPHOLOGIES)
TARGET: str = CATEGORIES[0]
SWAP = "vesicle_clusters"  # the one that looks most like it

PATIENTS = 10_000
_IMAGES = 100


@dataclass(frozen=True)
class Index:
    """What an image's number stands for.

    Attributes:
        category: one of CATEGORIES.
        patient: number within the category, 0..9999.
        image: number within the patient, 0..99.
    """

    category: str
    patient: int
    image: int

    @property
    def number(self) -> int:
        """The column `index`."""
        return self.patient_number * _IMAGES + self.image

    @property
    def patient_number(self) -> int:
        """Number of the patient among those of all categories."""
        return CATEGORIES.index(self.category) * PATIENTS + self.patient

    @classmethod
    def of(cls, number: int) -> "Index":
        """Take a number apart.

        Raises:
            DataError: the number stands for no image.
        """
        patient, image = divmod(number, _IMAGES)
        category, patient = divmod(patient, PATIENTS)
        if not 0 <= category < len(CATEGORIES):
            last = len(CATEGORIES) * PATIENTS * _IMAGES - 1
            raise DataError(f"Phantom index {number} stands for no image; allowed: 0..{last}.")
        return cls(CATEGORIES[category], patient, image)


def person_of(seed: int, index: Index) -> Person:
    """The person that an image shows."""
    return Person.draw(stream("phantom", VERSION, seed, index.patient_number, "person"))


def image_count(seed: int, index: Index, usual: int) -> int:
    """How many images a patient has: `usual`, for every fifth one fewer, every fifth one more."""
    draw = stream("phantom", VERSION, seed, index.patient_number, "visits")
    return max(1, usual + int(draw.choice(np.array((-1, 0, 0, 0, 1)))))
