"""MIM: a generator that has seen the target alone inpaints an image; the error says what it is."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.optim import Adam

from mimbench.detectors.graph import ScoreGraph
from mimbench.detectors.imaging.augmentation import augment
from mimbench.detectors.imaging.exposure import level
from mimbench.detectors.imaging.masks import build_masks, parse_mask, random_patches, require_grid
from mimbench.detectors.imaging.similarity import FEWEST, fit_line, l1, log_error, measure
from mimbench.detectors.mim.critic import PatchCritic
from mimbench.detectors.mim.generator import build_generator
from mimbench.detectors.mim.losses import Objective
from mimbench.detectors.mim.passes import inpaint_in_passes
from mimbench.detectors.networks.backbone import Backbone, Lpips
from mimbench.detectors.networks.devices import seeded
from mimbench.detectors.parameters import (
    BatchSize,
    Channels,
    LearningRate,
    LossWeight,
    Pixels,
    Steps,
)
from mimbench.detectors.protocol import Batch, Detector, State, TrainingSet
from mimbench.detectors.statefile import add_prefix, strip_prefix
from mimbench.detectors.training import History, Options, Trainer
from mimbench.errors import DetectorError, RecipeError, TrainingError

__all__ = ["MIM"]


class MIM(Detector):
    """Mask, Inpainting, and Measure.

    Each pass of a mask hides a part of an image; the generator inpaints it, and the image composed
    of all inpainted parts is compared with the original. The generator works in units of the
    visible pixels' mean level, the measures in units of the image's, so that exposure does not
    count.

    Scores of one pass, all higher = less like the target:

    - `l1`, `l2`, `ssim`, `ms_ssim`, `gradient`, `chroma`: error of the inpainting; the published
      idea.
    - `contrast`: log error minus log error of the untrained (harmonic) inpainter, which cannot know
      the target.
    - `untrained`: the untrained inpainter's log error.
    - `residual`: log error minus what a line predicts from `untrained`, fitted on held-out target
      images.
    - `critic`: how much more real the critic finds the original than its inpainting.
    - `features`, `lpips`: perceptual distances, with a backbone that has weights.

    Source: Cao et al. 2025, doi:10.1038/s41598-025-85771-z, for the idea; the architecture is ours.
    """

    trains_on = "target"
    lines = MappingProxyType({"residual": "untrained"})
    needs_held_out = MappingProxyType({"residual": FEWEST})

    def __init__(
        self,
        mask: str = "checkerboard-8",
        patches: Annotated[Sequence[Pixels], Field(min_length=1)] = (4, 8, 16),
        generator: str = "gated-unet",
        width: Channels = 16,
        steps: Steps = 600,
        batch_size: BatchSize = 16,
        learning_rate: LearningRate = 1e-3,
        average: Annotated[float, Field(ge=0, lt=1)] = 0.0,
        reconstruction: Annotated[float, Field(gt=0, le=10**6)] = 10.0,
        adversarial: LossWeight = 0.1,
        matching: LossWeight = 0.0,
        perceptual: LossWeight = 0.0,
        augment_critic: bool = False,
        gain: bool = True,
        backbone: str = "",
        weights: str = "",
        trained: bool = True,
    ) -> None:
        """Build the detector of a recipe.

        Args:
            mask: what is hidden at test, see `mimbench.detectors.imaging.masks`.
            patches: cell sizes of the random patches that are hidden in training, pixels.
            generator: "gated-unet", "autoencoder" or "specialist".
            width: channels of the generator's and the critic's first layer.
            steps: batches to train, at most; held-out target images may end it earlier.
            batch_size: images per training batch.
            learning_rate: of Adam, for generator and critic.
            average: decay of the weights' moving average, in [0, 1); 0 keeps the last weights.
            reconstruction: weight of the L1 loss over hidden pixels.
            adversarial: weight of the generator's hinge loss; 0 trains no critic.
            matching: weight of the loss on the critic's features.
            perceptual: weight of the loss on the backbone's features.
            augment_critic: show the critic differently augmented images only, for small sets.
            gain: divide by the mean level; False works in fixed units.
            backbone: a model of `torchvision.models` for `features`, `lpips` and `perceptual`.
            weights: the backbone's, "imagenet" or the path of a file.
            trained: False keeps the generator as initialised: a control.

        Raises:
            RecipeError, UnknownNameError: a parameter names nothing, or needs another one.
            WeightsError: the backbone's weights are missing or do not fit.
        """
        _require("adversarial", adversarial, "matching", matching)
        _require("backbone", backbone, "perceptual", perceptual)
        parse_mask(mask)
        self.mask, self.patches, self.kind, self.width = mask, tuple(patches), generator, width
        self.learning_rate, self.options = learning_rate, Options(steps, batch_size, average)
        self.reconstruction = reconstruction
        self.weighted = {"adversarial": adversarial, "matching": matching, "perceptual": perceptual}
        self.augment_critic, self.gain, self.trained = augment_critic, gain, trained
        self.untrained = f"inpaint:harmonic:{mask}"
        self.needs = (self.untrained,)
        self.backbone = Backbone(backbone, weights) if backbone else None
        self.lpips = Lpips(backbone, weights) if Lpips.knows(backbone) else None
        self.line: tuple[float, float] | None = None
        self.history: History = []
        self._draw_weights(0)

    def fit(self, train: TrainingSet) -> None:
        """Train on the target alone; stop early and fit the residual's line on held-out target.

        Raises:
            TrainingError: no image, too few held-out images, or a loss that is not finite.
            DetectorError: the masks or the generator do not fit the images' size.
        """
        self._require_size(train.input_size)
        self._draw_weights(train.seed)
        self.to(train.device)
        chosen = [name == train.target_name for name in train.validation.categories]
        held_out = train.validation.images[torch.tensor(chosen, dtype=torch.bool)]
        if len(held_out) < 2:
            raise TrainingError(
                f"MIM needs 2 or more held-out images of '{train.target_name}' to stop in time and "
                f"to fit the residual, and has {len(held_out)}: add images of other patients."
            )
        if self.trained:
            self._train(train, held_out.to(train.device).float() / 255)
        images, inpainted, untrained, _ = self._compared(train.batch(held_out))
        reference, error = log_error(images, untrained), log_error(images, inpainted)
        self.line = fit_line(reference, error) if len(held_out) >= FEWEST else None

    def _train(self, train: TrainingSet, held_out: Tensor) -> None:
        pixels, draws = train.target.images.to(train.device), train.generator
        networks = self._networks()
        objective = Objective(
            self.generator,
            self.critic,
            reconstruction=self.reconstruction,
            **self.weighted,
            backbone=self.backbone if self.weighted["perceptual"] else None,
            augmented=self.augment_critic,
        )

        def step(indices: Tensor) -> Iterator[tuple[str, Mapping[str, Tensor]]]:
            images = augment(pixels[indices.to(pixels.device)].float() / 255, draws)
            masks = random_patches(len(images), images.shape[-1], draws, self.patches)
            masks = masks.to(images.device)
            unit = level(images, ~masks, gain=self.gain)
            yield from objective(images / unit - 1, masks, unit, draws)

        def validate() -> float:
            unit = level(held_out, gain=self.gain)
            return float(l1(held_out / unit, self._inpaint(held_out)[0] / unit).mean())

        optimisers = {
            name: Adam(network.parameters(), lr=self.learning_rate, betas=(0.5, 0.99))
            for name, network in networks.items()
        }
        trainer = Trainer(train, networks, optimisers, step, self.options, validate=validate)
        self.history = trainer.run()

    @property
    def not_run(self) -> Mapping[str, str]:  # type: ignore[override]
        """Scores that need what this fit has not got, with the reason."""
        missing = {}
        if self.line is None:
            missing["residual"] = (
                f"its line needs {FEWEST} held-out images of the target, and there were fewer"
            )
        if self.critic is None:
            missing["critic"] = "no critic was trained"
        if self.backbone is None:
            missing |= dict.fromkeys(
                ("features", "lpips"), "needs backbone weights; see the recipe mim-perceptual"
            )
        elif self.lpips is None:
            missing["lpips"] = "LPIPS has no channel weights for this backbone"
        return missing

    @torch.no_grad()
    def score(self, batch: Batch) -> Mapping[str, Tensor | DetectorError]:
        """Scores of one pass, each float (N,), higher = less like the target.

        An error for one that is not run.
        """
        images, inpainted, untrained, judged = self._compared(batch)
        scores = measure(images, inpainted)
        trained, reference = log_error(images, inpainted), log_error(images, untrained)
        scores |= {"untrained": reference, "contrast": trained - reference}
        if self.line is not None:
            intercept, slope = self.line
            scores["residual"] = trained - (intercept + slope * reference)
        if self.critic is not None:
            scores["critic"] = judged
        if self.backbone is not None:
            unit = level(batch.images.to(images.device) / 255, gain=self.gain)
            scores["features"] = self.backbone.distance(images * unit, inpainted * unit)
            if self.lpips is not None:
                scores["lpips"] = self.lpips(images * unit, inpainted * unit)
        return {**scores, **{name: DetectorError(why) for name, why in self.not_run.items()}}

    @torch.no_grad()
    def reconstruct(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The mask of the first pass, bool (N, H, W), and the inpainted images.

        Both as `Detector.reconstruct` documents; no inpainted pixel was visible when it was made.
        """
        images = batch.images.to(self._device()).float() / 255
        hidden = build_masks(self.mask, images.shape[-1])[0].expand(len(images), -1, -1)
        inpainted, _ = self._inpaint(images)
        return hidden.to(images.device), inpainted.mul(255).round().byte()

    def graph(self) -> ScoreGraph:
        """The fitted detector for export, see `Detector.graph`."""
        return ScoreGraph(self)

    def state(self) -> State:
        """Weights of generator and critic, the residual's line and the loss curves."""
        state = {"line": self.line, "history": self.history}
        for name, network in self._networks().items():
            state |= add_prefix(name, network.state_dict())
        return state

    def load(self, state: State) -> None:
        """Restore what `state` returned."""
        try:
            for name, network in self._networks().items():
                network.load_state_dict(strip_prefix(name, state))
            self.line = None if state["line"] is None else tuple(state["line"])
            self.history = list(state["history"])
        except (RuntimeError, KeyError) as error:
            raise DetectorError(
                f"This state is not one of a MIM of this recipe: {error}"
            ) from error

    def _draw_weights(self, seed: int) -> None:
        with seeded(seed):
            self.generator = build_generator(self.kind, self.width).eval()
            adversarial = self.trained and self.weighted["adversarial"]
            self.critic = PatchCritic(self.width).eval() if adversarial else None
        for network in self._networks().values():
            network.to(memory_format=torch.channels_last)  # the faster layout on every device

    def _networks(self) -> dict[str, nn.Module]:
        networks: dict[str, nn.Module] = {"generator": self.generator}
        return networks if self.critic is None else networks | {"critic": self.critic}

    def _compared(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Original, inpainted and untrained image in units of the level, and the critic's view."""
        with torch.no_grad():
            images = batch.images.to(self._device()).float() / 255
            unit = level(images, gain=self.gain)
            untrained = batch[self.untrained].to(images.device) / 255
            inpainted, judged = self._inpaint(images)
        return images / unit, inpainted / unit, untrained / unit, judged

    def _inpaint(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Inpaint images (N, 3, H, W) in [0, 1]; the result is that of `inpaint_in_passes`."""
        self._require_size(images.shape[-1])
        masks = build_masks(self.mask, images.shape[-1])
        return inpaint_in_passes(self.generator, self.critic, images, masks, gain=self.gain)

    def _require_size(self, size: int) -> None:
        if size % self.generator.multiple:
            raise DetectorError(
                f"MIM's generator '{self.kind}' needs images whose side is a multiple of "
                f"{self.generator.multiple}, not {size} px; choose another input_size."
            )
        build_masks(self.mask, size)
        require_grid(size, min(self.patches))

    def _device(self) -> torch.device:
        return next(self.generator.parameters()).device


def _require(needed: str, given: object, by: str, weight: float) -> None:
    """Refuse a loss that needs another parameter, where that one is not given."""
    if weight and not given:
        raise RecipeError(f"MIM's parameter '{by}' needs '{needed}': set both, or '{by}' to 0.")
