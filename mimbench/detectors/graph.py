"""A fitted detector as one torch module, for export to other runtimes."""

from torch import Tensor, nn

from mimbench.detectors.imaging.shared import provide
from mimbench.detectors.protocol import Batch, Detector, Provider
from mimbench.errors import DetectorError

__all__ = ["INPAINTED", "ScoreGraph"]

INPAINTED = "inpainted"  # output beside the scores: what a detector that inpaints has drawn


class ScoreGraph(nn.Module):
    """The detector's own `score` as a forward pass, so that both compute the same."""

    def __init__(self, detector: Detector) -> None:
        """`detector`: fitted, on the CPU; its score must be made of torch's operators alone."""
        super().__init__()
        self.detector = detector
        for name, value in vars(detector).items():
            if isinstance(value, nn.Module):
                self.add_module(name, value)

    def forward(self, images: Tensor, provider: Provider = provide) -> dict[str, Tensor]:
        """Scores of uint8 images (1, 3, S, S).

        Args:
            images: RGB, at the detector's input size.
            provider: of shared outputs; several graphs can share one.

        Returns:
            Float (1,) by name, "" where the detector has one score without a name; of a detector
            that reconstructs also INPAINTED, uint8 (1, 3, S, S).
        """
        batch = Batch(images, provider)
        result = self.detector.score(batch)
        found = {"": result} if isinstance(result, Tensor) else dict(result)
        outputs = {k: v for k, v in found.items() if not isinstance(v, DetectorError)}
        drawn = self.detector.reconstruct(batch)
        return outputs if drawn is None else {**outputs, INPAINTED: drawn[1]}
