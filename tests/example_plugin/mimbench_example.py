"""Distance of an image's mean colour to the target's."""

from mimbench import Detector


class MeanColour(Detector):
    """Knows the mean colour of the target and nothing else."""

    trains_on = "target"

    def fit(self, train):
        self.mean = train.target.images.float().mean((0, 2, 3))

    def score(self, batch):
        return (batch.images.float().mean((2, 3)) - self.mean).norm(dim=1)
