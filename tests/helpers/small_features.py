"""A detector on feature maps that tests can afford: a small random backbone."""

from mimbench.detectors.mim.features import MIMFeatures


class SmallFeatures(MIMFeatures):
    """Inpaints the 8 x 8 cells of ResNet-18's first stage at 32 px."""

    def __init__(self) -> None:
        """Nothing can be chosen."""
        super().__init__("resnet18", "none", "layer1", 32)
