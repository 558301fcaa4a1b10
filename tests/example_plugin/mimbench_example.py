"""A detector, the distance of an image's mean colour to the target's; and a corruption."""

from mimbench import Detector
from mimbench.corruptions import Family, Parameter, uniform


class MeanColour(Detector):
    """Knows the mean colour of the target and nothing else."""

    trains_on = "target"

    def fit(self, train):
        self.mean = train.target.images.float().mean((0, 2, 3))

    def score(self, batch):
        return (batch.images.float().mean((2, 3)) - self.mean).norm(dim=1)


def tint(images, draws, result, *, strength):
    """A lamp of a drawn colour: each channel loses up to a share of its light."""
    for image, out, words in zip(images, result, draws.each(3), strict=True):
        out[:] = (image * (1 - strength * uniform(words))).round()


TINT = Family(
    tint,
    parameters={"strength": Parameter(0, 1, "largest share of light that a channel loses")},
    severities={"strength": (0.1, 0.2, 0.35, 0.5, 0.7)},
)
