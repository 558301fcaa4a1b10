"""Input that is no photograph of skin, generated: thirteen kinds, each its own category.

VERSION changes whenever pixels change.
"""

from mimbench.data.generated.abnormal.gallery import KINDS, VERSION, render, table

__all__ = ["KINDS", "VERSION", "render", "table"]
