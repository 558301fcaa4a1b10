"""MIM: a generator that has seen the target alone inpaints an image; the error says what it is."""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.optim import Adam

from mimbench.detectors.devices import seeded
from mimbench.detectors.mim.augmentation import augment
from mimbench.detectors.mim.critic import PatchCritic
from mimbench.detectors.mim.generator import GatedUNet
from mimbench.detectors.mim.losses import hidden_l1, hinge_critic, hinge_generator
from mimbench.detectors.mim.masks import checkerboards, random_patches
from mimbench.detectors.mim.measures import fit_line, l1, log_error, ssim
from mimbench.detectors.protocol import Batch, Detector, State, TrainingSet
from mimbench.detectors.training import History, Options, Trainer
from mimbench.errors import DetectorError, RecipeError, TrainingError

__all__ = ["MIM"]

DARKEST = 1 / 255  # a black image has no level to divide by; it is taken to have this one


class MIM(Detector):
    """Mask, Inpainting, and Measure.

    Two complementary checkerboards hide each pixel once; the generator inpaints both, and the
    composed image is compared with the original. The generator works in units of the visible
    pixels' mean level, the measures in units of the image's mean level, so that neither depends on
    exposure.

    Scores of one pass, all higher = less like the target:

    - `l1`, `ssim`: error of the inpainting; the published idea.
    - `contrast`: log error minus log error of an untrained inpainter (Telea), which cannot know
      the target.
    - `residual`: log error minus what a line predicts from the untrained inpainter's log error,
      fitted on held-out target images. Only after training.

    Source: Cao et al. 2025, doi:10.1038/s41598-025-85771-z, for the idea; the architecture is ours.
    """

    trains_on = "target"

    def __init__(
        self,
        cell: int = 8,
        width: int = 16,
        steps: int = 600,
        batch_size: int = 16,
        learning_rate: float = 1e-3,
        reconstruction: float = 10.0,
        adversarial: float = 0.1,
        trained: bool = True,
    ) -> None:
        """Build the detector of a recipe.

        Args:
            cell: side of a checkerboard's cell at test, pixels.
            width: channels of the generator and the critic at full resolution.
            steps: batches to train, at most; held-out target images may end it earlier.
            batch_size: images per training batch.
            learning_rate: of Adam, for generator and critic.
            reconstruction: weight of the L1 loss over hidden pixels.
            adversarial: weight of the generator's hinge loss; 0 trains no critic.
            trained: False keeps the generator as initialised: a control.

        Raises:
            RecipeError: a parameter is out of range.
        """
        positive: dict[str, float] = {
            "cell": cell,
            "width": width,
            "steps": steps,
            "batch_size": batch_size,
        }
        positive |= {"learning_rate": learning_rate, "reconstruction": reconstruction}
        for name, value in positive.items():
            if value <= 0:
                raise RecipeError(f"MIM's parameter '{name}' must be above 0, not {value}.")
        if adversarial < 0:
            raise RecipeError(
                f"MIM's parameter 'adversarial' must be 0 or more, not {adversarial}."
            )
        self.cell, self.width, self.trained = cell, width, trained
        self.reconstruction, self.adversarial = reconstruction, adversarial
        self.learning_rate = learning_rate
        self.options = Options(steps, batch_size)
        self.untrained = f"inpaint:telea:{cell}"
        self.needs = (self.untrained,)
        self.line: tuple[float, float] | None = None
        self.history: History = []
        with seeded(0):
            self.generator = GatedUNet(width).eval()

    def fit(self, train: TrainingSet) -> None:
        """Train on the target alone; stop early and fit the residual's line on held-out target.

        Raises:
            TrainingError: no image, too few held-out images, or a loss that is not finite.
            DetectorError: the masks or the generator do not fit the images' size.
        """
        self._require_size(train.input_size)
        with seeded(train.seed):
            self.generator = GatedUNet(self.width).eval()
            critic = PatchCritic(self.width)
        self.generator.to(train.device)
        if not self.trained:
            return
        chosen = [name == train.target_name for name in train.validation.categories]
        held_out = train.validation.images[torch.tensor(chosen, dtype=torch.bool)]
        if len(held_out) < 2:
            raise TrainingError(
                f"MIM needs 2 or more held-out images of '{train.target_name}' to stop in time and "
                f"to fit the residual, and has {len(held_out)}: add images of other patients."
            )
        self._train(train, critic.to(train.device), held_out)
        batch = train.batch(held_out)
        images, inpainted, untrained = self._compared(batch)
        self.line = fit_line(log_error(images, untrained), log_error(images, inpainted))

    def _train(self, train: TrainingSet, critic: PatchCritic, held_out: Tensor) -> None:
        generator, device = self.generator, train.device
        pixels = train.target.images.to(device)
        held_out = held_out.to(device)
        networks: dict[str, nn.Module] = {"generator": generator}
        if self.adversarial:
            networks["critic"] = critic
        for network in networks.values():
            network.to(memory_format=torch.channels_last)

        def step(indices: Tensor) -> Iterator[tuple[str, Mapping[str, Tensor]]]:
            images = augment(pixels[indices.to(device)].float() / 255, train.generator)
            masks = random_patches(len(images), images.shape[-1], train.generator).to(device)
            images = images / _level(images, ~masks) - 1
            inpainted = torch.where(masks, generator(images, masks), images)
            losses = {"l1": self.reconstruction * hidden_l1(inpainted, images, masks)}
            if self.adversarial:
                real, fake = critic(
                    torch.cat([images, inpainted.detach()]), torch.cat([masks, masks])
                ).chunk(2)
                yield "critic", {"critic": hinge_critic(real, fake)}
                judged = critic(inpainted, masks)
                losses["adversarial"] = self.adversarial * hinge_generator(judged)
            yield "generator", losses

        def validate() -> float:
            images = held_out.float() / 255
            level = _level(images)
            return float(l1(images / level, self._inpaint(images) / level).mean())

        optimisers = {
            name: Adam(network.parameters(), lr=self.learning_rate, betas=(0.5, 0.99))
            for name, network in networks.items()
        }
        trainer = Trainer(train, networks, optimisers, step, self.options, validate=validate)
        self.history = trainer.run()
        generator.to(memory_format=torch.contiguous_format)

    @torch.no_grad()
    def score(self, batch: Batch) -> Mapping[str, Tensor]:
        """Scores of one pass, each float (N,), higher = less like the target."""
        images, inpainted, untrained = self._compared(batch)
        log_trained, log_untrained = log_error(images, inpainted), log_error(images, untrained)
        scores = {
            "l1": l1(images, inpainted),
            "ssim": ssim(images, inpainted),
            "contrast": log_trained - log_untrained,
        }
        if self.line is not None:
            intercept, slope = self.line
            scores["residual"] = log_trained - (intercept + slope * log_untrained)
        return scores

    @torch.no_grad()
    def reconstruct(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The first checkerboard, bool (N, H, W), and the images inpainted at every pixel.

        Both as `Detector.reconstruct` documents; no inpainted pixel was visible when it was made.
        """
        images = batch.images.to(self._device()).float() / 255
        hidden = checkerboards(images.shape[-1], self.cell)[0].expand(len(images), -1, -1)
        inpainted = self._inpaint(images).mul(255).round().byte()
        return hidden.to(images.device), inpainted

    def state(self) -> State:
        """Weights of the generator, the residual's line and the loss curves."""
        weights = {f"generator.{key}": v for key, v in self.generator.state_dict().items()}
        return {**weights, "line": self.line, "history": self.history}

    def load(self, state: State) -> None:
        """Restore what `state` returned."""
        prefix = "generator."
        weights = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        try:
            self.generator.load_state_dict(weights)
            self.line = None if state["line"] is None else tuple(state["line"])
            self.history = list(state["history"])
        except (RuntimeError, KeyError) as error:
            raise DetectorError(
                f"This state is not one of a MIM of this recipe: {error}"
            ) from error

    @torch.no_grad()
    def _compared(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Original, inpainted and Telea's image, in units of the original's mean level."""
        images = batch.images.to(self._device()).float() / 255
        level = _level(images)
        untrained = batch[self.untrained].to(images.device).float() / 255
        return images / level, self._inpaint(images) / level, untrained / level

    def _inpaint(self, images: Tensor) -> Tensor:
        """Inpaint every pixel once; images and result float (N, 3, H, W) in [0, 1]."""
        self._require_size(images.shape[-1])
        boards = checkerboards(images.shape[-1], self.cell).to(images.device)
        masks = boards.repeat_interleave(len(images), 0)
        doubled = images.repeat(2, 1, 1, 1)
        level = _level(doubled, ~masks)
        predicted = (self.generator(doubled / level - 1, masks) + 1) * level
        first, second = predicted.clamp(0, 1).chunk(2)
        return torch.where(boards[0], first, second)

    def _require_size(self, size: int) -> None:
        multiple = GatedUNet.multiple
        if size % multiple:
            raise DetectorError(
                f"MIM's generator needs images whose side is a multiple of {multiple}, not {size} "
                "px; choose another input_size."
            )
        checkerboards(size, self.cell)

    def _device(self) -> torch.device:
        return next(self.generator.parameters()).device


def _level(images: Tensor, visible: Tensor | None = None) -> Tensor:
    """Mean level of the visible pixels of images in [0, 1]: (N, 1, 1, 1), never 0."""
    if visible is None:
        level = images.mean((1, 2, 3), keepdim=True)
    else:
        count = visible.sum((1, 2, 3), keepdim=True).clamp(min=1) * images.shape[1]
        level = (images * visible).sum((1, 2, 3), keepdim=True) / count
    return level.clamp(min=DARKEST)
