"""A classifier that was trained elsewhere, scored as it is."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from mimbench.data.categories import MPOX, canonical_category
from mimbench.detectors.classifier.classifier import Classifier
from mimbench.detectors.classifier.posthoc.catalogue import UNFITTED
from mimbench.detectors.networks.network import trained_network
from mimbench.detectors.parameters import Side
from mimbench.detectors.protocol import Batch, State
from mimbench.errors import DetectorError, RecipeError

__all__ = ["TrainedClassifier"]

NO_IMAGES = (
    "it is fitted on images that the classifier was trained on, and an already trained one comes "
    "without them"
)


class TrainedClassifier(Classifier):
    """A checkpoint of a classifier of torchvision or timm: no fit, the scores of its logits.

    Images reach it normalised as its architecture expects, at the recipe's `input_size`. The images
    it was trained on must not be among those that a run tests: nothing here can know them.
    """

    trains_on = "nothing"
    random = False

    def __init__(
        self,
        architecture: str,
        weights: str,
        categories: Sequence[str],
        target: str = MPOX,
        scores: Sequence[str] = (),
        side: Side = "input",
    ) -> None:
        """Describe the classifier; the file is read when it is first needed.

        Args:
            architecture: any classification model of `torchvision.models`, or "timm/NAME".
            weights: path of a .safetensors or .pth file, head included; or the state of a run's
                fit, `fits/<fit_id>.safetensors` in its folder.
            categories: of the outputs, in their order; spelled as folders may be. Those of a run's
                fit are its target, then its known categories from a to z.
            target: which of them is the target.
            scores: those that need training images are not run.
            side: of the images that the network sees, as in its training: "input", "own" or
                pixels, see `preprocessing_of`.

        Raises:
            RecipeError: fewer than two categories, one named twice, or the target not among them.
            UnknownNameError: no such score.
        """
        super().__init__(architecture, weights, scores=scores, side=side)
        outputs = [canonical_category(name) for name in categories]
        first = canonical_category(target)
        doubled = sorted({name for name in outputs if outputs.count(name) > 1})
        if doubled or len(outputs) < 2:
            wrong = f"names {doubled[0]} twice" if doubled else "must name at least two"
            raise RecipeError(f"categories {wrong}; it lists the outputs of {weights} in order.")
        if first not in outputs:
            raise RecipeError(
                f"The target {first} is not among the categories of {weights}: "
                f"{', '.join(outputs)}. Give the one that plays it: target = '...'."
            )
        self.order = [outputs.index(first), *(k for k, name in enumerate(outputs) if name != first)]
        self.categories = [outputs[k] for k in self.order]
        self.knows = tuple(self.categories)
        self.not_run = {name: NO_IMAGES for name in self.wanted if name not in UNFITTED}

    def require(self) -> None:
        """Nothing: the file is read when it is first needed."""

    def score(self, batch: Batch) -> dict[str, Tensor | DetectorError]:
        """Scores of one forward pass, as for `Classifier`."""
        self._read()
        return {**super().score(batch)}

    def graph(self) -> nn.Module:
        """As for `Classifier`."""
        self._read()
        return super().graph()

    def state(self) -> State:
        """The checkpoint with the target as its first output, as for `Classifier`."""
        self._read()
        return super().state()

    def _read(self) -> None:
        if self.network is not None:
            return
        with torch.inference_mode(False):  # some scores are gradients
            network = trained_network(
                self.architecture, len(self.order), Path(self.weights), self.side
            )
            for parameter in network.head.parameters():
                parameter.data = parameter.data[self.order]
            self.serve(network, _no_training_outputs(len(self.order)) if self.wanted else {})


def _no_training_outputs(classes: int) -> dict[str, Tensor]:
    logits, labels = torch.zeros(0, classes), torch.zeros(0, dtype=torch.long)
    return {
        "logits": logits,
        "features": logits,
        "labels": labels,
        "held_out_logits": logits,
        "held_out_labels": labels,
    }
