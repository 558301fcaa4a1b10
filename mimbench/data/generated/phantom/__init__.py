"""A phantom: procedural skin photographs with one target morphology and eighteen others.

The embedded data set for trying the suite. Tone, light, texture, hair and camera, the affected
area and its strength are drawn alike for every category; what differs is the morphology. It was
built so that complexity, colour and the raw error of an untrained inpainter are near chance.
VERSION changes whenever pixels change.
"""

from mimbench.data.generated.phantom.camera import ARCHIVE, CAMERAS, PHONE, Camera
from mimbench.data.generated.phantom.gallery import contact_sheet, embedded, render, table
from mimbench.data.generated.phantom.index import CATEGORIES, SWAP, TARGET, VERSION

__all__ = [
    "ARCHIVE",
    "CAMERAS",
    "CATEGORIES",
    "PHONE",
    "SWAP",
    "TARGET",
    "VERSION",
    "Camera",
    "contact_sheet",
    "embedded",
    "render",
    "table",
]
