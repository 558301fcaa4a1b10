"""A multi-class CNN classifier and the scores of its one forward pass."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import AdamW
from torchvision.transforms.v2 import functional as transform

from mimbench.detectors.classifier.posthoc import OPEN_SET, PostHoc, TrainingOutputs
from mimbench.detectors.classifier.posthoc.catalogue import require_known
from mimbench.detectors.classifier.posthoc.logits import ALWAYS, LogitGraph, logit_scores
from mimbench.detectors.classifier.posthoc.outputs import Outputs, forward
from mimbench.detectors.classifier.quality import validation_quality
from mimbench.detectors.networks.network import Network, build_network
from mimbench.detectors.networks.weights import require_weights
from mimbench.detectors.parameters import BatchSize, LearningRate, LossWeight, Side, Steps
from mimbench.detectors.protocol import Batch, Detector, State, TrainingSet, TrainsOn
from mimbench.detectors.statefile import add_prefix, strip_prefix
from mimbench.detectors.training import Options, Trainer
from mimbench.errors import DetectorError, TrainingError

__all__ = ["Classifier", "augment", "balance"]

VALIDATION_BATCH = 64


class Classifier(Detector):
    """A classifier of torchvision or timm, trained on the target and the known categories.

    A recipe's `scores` names what it wants of `mimbench.detectors.classifier.posthoc.SCORES`.
    """

    trains_on: ClassVar[TrainsOn] = "known"
    open_set = OPEN_SET

    def __init__(
        self,
        architecture: str,
        weights: str = "none",
        steps: Steps = 300,
        batch_size: BatchSize = 32,
        learning_rate: LearningRate = 1e-3,
        weight_decay: LossWeight = 0.05,
        label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.1,
        scores: Sequence[str] = (),
        side: Side = "input",
    ) -> None:
        """Describe the classifier; the network is built by `fit`, which knows the categories.

        Args:
            architecture: any classification model of `torchvision.models`, or "timm/NAME".
            weights: "none", "imagenet" (downloaded), the name of weights that install as a
                package ("efficientnet_lite0"), or the path of a .safetensors or .pth file.
            steps: most training steps; training stops early when validation stops improving.
            batch_size: images per step, drawn so that categories are equally frequent.
            learning_rate: peak of AdamW's; warm-up over a tenth of the steps, then cosine decay.
            weight_decay: AdamW's.
            label_smoothing: share of the label spread over all categories.
            scores: post-hoc scores beside those that logits give without a fit.
            side: of the images that the network sees: "input", "own" or pixels, see
                `preprocessing_of`.

        Raises:
            UnknownNameError: no such score.
        """
        self.architecture = architecture
        self.weights = weights
        self.steps = steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.label_smoothing = label_smoothing
        self.side = side
        require_known(scores)
        self.wanted = [score for score in scores if score not in ALWAYS]
        self.categories: list[str] = []
        self.quality = {}
        self.network: Network | None = None
        self.training_outputs: dict[str, Tensor] = {}
        self.posthoc: PostHoc | None = None

    def require(self) -> None:
        """Make sure that there are weights to start from."""
        require_weights(self.architecture, self.weights)

    def fit(self, train: TrainingSet) -> None:
        """Train on target and known images; the first category is the target."""
        images, labels = self._training_images(train)
        network = self._build(train.seed).to(train.device)
        _follow_quickly(network)
        optimiser = AdamW(
            network.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay
        )

        def step(indices: Tensor) -> Iterator[tuple[str, Mapping[str, Tensor]]]:
            batch = augment(images[indices], train.generator).to(train.device)
            target = labels[indices].to(train.device)
            smoothing = self.label_smoothing
            yield (
                "network",
                {"loss": cross_entropy(network(batch), target, label_smoothing=smoothing)},
            )

        held_out = self._labels(train.validation.categories)

        def validate() -> float:
            logits = _logits(network, train.validation.images, train.device)
            return float(cross_entropy(logits, held_out, weight=balance(held_out, logits.shape[1])))

        self.history = Trainer(
            train,
            {"network": network},
            {"network": optimiser},
            step,
            Options(
                steps=self.steps,
                batch_size=self.batch_size,
                rate=_warm_cosine,
                validate_every=25,
                patience=8,
            ),
            validate=validate,
            weights=_frequency_weights(labels),
        ).run()
        validation = train.validation
        self._look(
            network, images, labels, validation.images, held_out, validation.patients, train.device
        )

    def _training_images(self, train: TrainingSet) -> tuple[Tensor, Tensor]:
        """Images (N, 3, H, W) of target and known categories, and their labels (N,).

        Raises:
            TrainingError: there is no known category.
        """
        if train.known is None or not len(train.known):
            raise TrainingError(
                "A classifier needs at least one known category beside the target; give one in "
                "--data or name it with --known."
            )
        self.categories = [train.target_name, *sorted(set(train.known.categories))]
        images = torch.cat([train.target.images, train.known.images])
        return images, self._labels((*train.target.categories, *train.known.categories))

    @torch.no_grad()
    def _look(
        self,
        network: Network,
        images: Tensor,
        labels: Tensor,
        held_out_images: Tensor,
        held_out: Tensor,
        held_out_patients: Sequence[str],
        device: torch.device,
    ) -> None:
        """Measure the trained network and fit the post-hoc scores on its outputs."""
        held_out_logits = _logits(network, held_out_images, device)
        self.quality = validation_quality(held_out_logits, held_out, held_out_patients)
        if not self.wanted:
            return
        parts = [
            forward(network, part.to(device)) for part in torch.split(images, VALIDATION_BATCH)
        ]
        self.training_outputs = {
            "logits": torch.cat([part.logits for part in parts]),
            "features": torch.cat([part.features for part in parts]),
            "labels": labels,
            "held_out_logits": held_out_logits,
            "held_out_labels": held_out,
        }
        self.posthoc = PostHoc(self.wanted, TrainingOutputs(network, **self.training_outputs), {})
        self.posthoc.try_on(parts[-1])
        self.not_run = self.posthoc.not_run

    def score(self, batch: Batch) -> Mapping[str, Tensor | DetectorError]:
        """Scores of one forward pass, each (N,), unbounded; an error for one that is not run."""
        if self.network is None:
            raise TrainingError("This classifier has not been fitted.")
        outputs = self._outputs(self.network, batch)
        return {**logit_scores(outputs.logits)} if self.posthoc is None else self.posthoc(outputs)

    def _outputs(self, network: Network, batch: Batch) -> Outputs:
        return forward(network, batch.images)

    def graph(self) -> nn.Module:
        """The scores that logits give without a fit, for export, see `Detector.graph`."""
        if self.network is None:
            raise TrainingError("This classifier has not been fitted.")
        return LogitGraph(self.network)

    def state(self) -> State:
        """The network's parameters, its categories, its quality, and what scores are fitted on.

        Post-hoc scores are fitted again when a state is loaded, so that nothing but tensors and
        JSON is kept.
        """
        tensors = self.network.state_dict() if self.network is not None else {}
        return {
            "categories": self.categories,
            "quality": self.quality,
            "history": self.history,
            "not_run": dict(self.not_run),
            **add_prefix("network", tensors),
            **add_prefix("seen", self.training_outputs),
        }

    def load(self, state: State) -> None:
        """Build the network for the state's categories, restore it and fit the scores."""
        self.categories = list(state["categories"])
        self.quality, self.not_run = dict(state["quality"]), dict(state["not_run"])
        self.history = list(state.get("history", ()))
        network = build_network(self.architecture, len(self.categories), "none", 0, self.side)
        network.load_state_dict(strip_prefix("network", state))
        self.serve(network, strip_prefix("seen", state))

    def serve(self, network: Network, training: Mapping[str, Tensor]) -> None:
        """Score with a trained network; `training` is what post-hoc scores are fitted on."""
        self.network = network.eval().requires_grad_(False)
        self.training_outputs = dict(training)
        if self.training_outputs:
            self.posthoc = PostHoc(
                self.wanted, TrainingOutputs(network, **self.training_outputs), self.not_run
            )
            self.not_run = self.posthoc.not_run

    def to(self, device: torch.device) -> None:
        """Move the network; post-hoc scores are computed on the CPU."""
        if self.network is not None:
            self.network.to(device)

    def _build(self, seed: int) -> Network:
        self.network = build_network(
            self.architecture, len(self.categories), self.weights, seed, self.side
        )
        return self.network

    def _labels(self, categories: tuple[str, ...]) -> Tensor:
        index = {category: position for position, category in enumerate(self.categories)}
        return torch.tensor([index[category] for category in categories])


def augment(images: Tensor, generator: torch.Generator) -> Tensor:
    """Random flips, quarter turns, crops and light changes of uint8 images (N, 3, H, W).

    Skin has no up or down, so that all eight orientations are equally likely. Crops keep 70-100 %
    of the side; brightness and contrast vary by 20 %.
    """
    out = []
    for image in images:
        turns, flip = torch.randint(0, 4, (2,), generator=generator).tolist()
        share, top, left, light, contrast = torch.rand(5, generator=generator).tolist()
        turned = image.rot90(turns, (1, 2))
        turned = turned.flip(2) if flip % 2 else turned
        side = turned.shape[-1]
        kept = round(side * (0.7 + 0.3 * share))
        corner = [round(top * (side - kept)), round(left * (side - kept))]
        cropped = transform.resized_crop(turned, *corner, kept, kept, [side, side])
        lit = transform.adjust_brightness(cropped, 0.8 + 0.4 * light)
        out.append(transform.adjust_contrast(lit, 0.8 + 0.4 * contrast))
    return torch.stack(out)


def _follow_quickly(network: nn.Module) -> None:
    """Let batch normalisation follow within tens of steps.

    Architectures made for a million images keep 99 % of their running statistics per step; after
    a few hundred steps these would still be those of the initialisation, and validation noise.
    """
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = max(module.momentum or 0.0, 0.1)


def _logits(network: nn.Module, images: Tensor, device: torch.device) -> Tensor:
    parts = [
        network(part.to(device)).float().cpu() for part in torch.split(images, VALIDATION_BATCH)
    ]
    return torch.cat(parts)


def _frequency_weights(labels: Tensor) -> Tensor:
    return 1.0 / labels.bincount().clamp(min=1)[labels].float()


def balance(labels: Tensor, classes: int) -> Tensor:
    """Weights (classes,) with which categories count alike in a mean over images (N,)."""
    return 1.0 / labels.bincount(minlength=classes).clamp(min=1).float()


def _warm_cosine(share: float) -> float:
    if share < 0.1:
        return 0.1 + 9.0 * share
    return 0.5 * (1.0 + math.cos(math.pi * (share - 0.1) / 0.9))
