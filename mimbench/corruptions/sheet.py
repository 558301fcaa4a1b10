"""The pictures of a contact sheet: one image under every condition of a suite."""

import numpy as np

from mimbench.corruptions.core.checks import Images
from mimbench.corruptions.suites import Suite

__all__ = ["suite_pictures"]


def suite_pictures(image: Images, suite: Suite, key: int = 0) -> tuple[Images, list[str], int]:
    """Corrupt one image by everything in a suite.

    Args:
        image: uint8 (H, W, 3), RGB.
        suite: the corruptions; each is one row, which begins with the clean image.
        key: of the draws, as for `mimbench.corruptions.apply`.

    Returns:
        Pictures, uint8 (N, H, W, 3), row by row; a label for each; the length of a row.
    """
    pictures, labels = [], []
    for corruption in suite.corruptions:
        pictures.append(np.asarray(image))
        labels.append("clean")
        for severity in suite.severities:
            pictures.append(corruption.apply(image[None], severity, [key])[0])
            labels.append(f"{corruption.name} {severity}")
    return np.stack(pictures), labels, 1 + len(suite.severities)
