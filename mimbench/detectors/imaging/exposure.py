"""Units of brightness: images are divided by their mean level, so that exposure does not count."""

from torch import Tensor

__all__ = ["level"]

DARKEST = 1 / 255  # a black image has no level to divide by; it is taken to have this one
MIDDLE = 0.5


def level(images: Tensor, visible: Tensor | None = None, *, gain: bool = True) -> Tensor:
    """Mean level of images (N, 3, H, W) in [0, 1]: (N, 1, 1, 1), never 0.

    Args:
        images: float.
        visible: bool (1 or N, 1, H, W); only these pixels count. What a generator works with must
            not depend on pixels that are hidden from it.
        gain: False: half of the full scale for every image.
    """
    if not gain:
        return images.new_full((len(images), 1, 1, 1), MIDDLE)
    if visible is None:
        mean = images.mean((1, 2, 3), keepdim=True)
    else:
        count = visible.sum((1, 2, 3), keepdim=True).clamp(min=1) * images.shape[1]
        # masked_fill, not a product: 0 · x keeps a NaN or infinite x
        mean = images.masked_fill(~visible, 0.0).sum((1, 2, 3), keepdim=True) / count
    return mean.clamp(min=DARKEST)
