"""Post-hoc scores: what the logits and features of a trained classifier say about an image.

One forward pass serves all of them. Most come from pytorch-ood 0.4.0, fed with cached logits and
features; where that release computes something else than it says on few images, or what is asked
would cost more than the network, the score is our own. What cannot be had is a row not run that
says why. `results/posthoc.md` has the table.
"""

from mimbench.detectors.classifier.posthoc.catalogue import OPEN_SET, SCORES, PostHoc
from mimbench.detectors.classifier.posthoc.outputs import Outputs, TrainingOutputs

__all__ = ["OPEN_SET", "SCORES", "Outputs", "PostHoc", "TrainingOutputs"]
