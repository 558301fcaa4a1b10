"""What post-hoc scores cost, and where pytorch-ood cannot be trusted on few images.

`python tests/benchmarks/posthoc.py` prints the numbers of results/posthoc.md. Everything runs in
this process in turns, on one thread, in processor time, which other work on the machine hardly
changes; the best of several rounds counts. A condition is a pass over other pixels of the same
images: eleven of them cost eleven times as much, on both sides.
"""

import argparse
import time
from collections.abc import Callable, Sequence

import torch
from pytorch_ood import detector
from scipy.stats import spearmanr
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from mimbench.detectors.classifier.posthoc import SCORES, PostHoc, TrainingOutputs
from mimbench.detectors.classifier.posthoc.logits import fit_temperature, logit_scores
from mimbench.detectors.classifier.posthoc.outputs import forward
from mimbench.detectors.gaussian import Gaussian
from mimbench.detectors.networks.network import Network, build_network

BATCH, TRAINING, CLASSES, SIDE = 32, 150, 3, 64
GRADIENT = ("odin",)


def pictures(count: int, seed: int) -> Tensor:
    """Noise in blocks of 8 pixels, uint8 (count, 3, SIDE, SIDE)."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randint(0, 256, (count, 3, SIDE // 8, SIDE // 8), generator=generator)
    return coarse.repeat_interleave(8, 2).repeat_interleave(8, 3).byte()


def untrained(architecture: str) -> TrainingOutputs:
    """A classifier and its outputs; labels are its own answers, so that every class is right."""
    network = build_network(architecture, CLASSES, "none", seed=0).eval().requires_grad_(False)
    with torch.no_grad():
        body = [forward(network, part) for part in pictures(TRAINING, 0).split(BATCH)]
        features = torch.cat([part.features for part in body])
        # a head that divides the training images evenly
        centre, spread = features.mean(0), features - features.mean(0)
        directions = spread[torch.arange(CLASSES)]
        assert isinstance(network.head, nn.Linear)
        network.head.weight.copy_(directions / directions.norm(dim=1, keepdim=True))
        network.head.bias.copy_(-network.head.weight @ centre)
        logits = network.head(features)
    labels = logits.argmax(1)
    return TrainingOutputs(network, logits, features, labels, logits, labels)


def best(rounds: int, *actions: Callable[[], object]) -> list[float]:
    """Shortest processor time of each action in seconds, measured in turns."""
    times: list[list[float]] = [[] for _ in actions]
    for _ in range(rounds):
        for action, found in zip(actions, times, strict=True):
            start = time.process_time()
            action()
            found.append(time.process_time() - start)
    return [min(found) for found in times]


def one_pass(
    training: TrainingOutputs, images: Tensor, names: Sequence[str]
) -> Callable[[], object]:
    """All named scores from one pass; without names `posterior` alone."""
    fitted = PostHoc(names, training, {})

    @torch.inference_mode()
    def run() -> None:
        for part in images.split(BATCH):
            if names:
                fitted(forward(training.network, part))
            else:
                logit_scores(training.network(part))["posterior"]

    return run


class Encoder(nn.Module):
    """Penultimate features of a network."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return self.network.outputs(images)[1]


class Maps(Encoder):
    """The same as maps of one pixel, and real maps where a score needs them."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images)[:, :, None, None]


def separately(training: TrainingOutputs) -> dict[str, detector.Mahalanobis]:
    """pytorch-ood's detectors with the network inside, fitted on the same outputs."""
    network, encoder, maps = training.network, Encoder(training.network), Maps(training.network)
    head, flat = training.head(), nn.Sequential(nn.Flatten(), training.head())
    on_logits = [
        detector.MaxSoftmax(network), detector.MaxLogit(network), detector.EnergyBased(network),
        detector.Entropy(network), detector.GEN(network), detector.KLMatching(network),
        detector.OpenMax(network, alpha=1), detector.TemperatureScaling(network),
    ]  # fmt: skip
    on_features = [
        detector.Mahalanobis(encoder), detector.RMD(encoder),
        detector.KNN(encoder, k=5, algorithm="brute"), detector.GMM(encoder, reg=1e-2),
        detector.ViM(encoder, TRAINING // 2, head.weight, head.bias), detector.SHE(encoder, head),
        detector.fDBD(encoder, head), detector.NCI(encoder, head),
        detector.NNGuide(encoder, head), detector.LTS(encoder, head),
        detector.DICE(encoder, head.weight, head.bias, p=0.7),
    ]  # fmt: skip
    on_maps = [
        detector.ReAct(maps, flat), detector.VRA(maps, flat),
        detector.ASH(maps, flat), detector.SCALE(maps, flat),
    ]  # fmt: skip
    for one in on_logits:
        one.fit_logits(training.logits, training.labels)
    for one in on_features:
        one.fit_features(training.features, training.labels)
    for one in on_maps[:2]:
        one.fit_feature_maps(training.features[:, :, None, None], training.labels)
    return {type(one).__name__: one for one in (*on_logits, *on_features, *on_maps)}


def print_costs(architecture: str, count: int, rounds: int) -> None:
    """The two ratios of one backbone, and each gradient-based score by itself."""
    training, images = untrained(architecture), pictures(count, 1)
    names = [name for name in SCORES if name not in GRADIENT]
    tried = PostHoc(names, training, {})
    tried.try_on(forward(training.network, images[:BATCH]))
    names = [name for name in names if name not in tried.not_run]
    kept = len(names)
    alone, together = best(
        rounds, one_pass(training, images, []), one_pass(training, images, names)
    )
    theirs = separately(training)
    loader = DataLoader(TensorDataset(images), batch_size=BATCH)

    def one_by_one() -> None:
        for fitted in theirs.values():
            for (part,) in loader:
                with torch.no_grad():
                    fitted.predict(part)

    (apart,) = best(1, one_by_one)
    (odin,) = best(1, one_pass(training, images, ["odin"]))
    print(
        f"| {architecture} | {kept} | {1000 * alone / count:.2f} | {together / alone:.2f} | "
        f"{len(theirs)} | {apart / together:.1f} | {odin / alone:.1f} |",
        flush=True,
    )


def in_double(train: Tensor, labels: Tensor, test: Tensor) -> Tensor:
    """What pytorch-ood's Mahalanobis means to compute, in double precision."""
    points = train.double()
    means = torch.stack([points[labels == k].mean(0) for k in range(CLASSES)])
    centred = points - means[labels]
    scatter = centred.T @ centred + 1e-6 * torch.eye(points.shape[1], dtype=torch.float64)
    gaps = test.double()[:, None] - means
    return torch.einsum("nkd,de,nke->nk", gaps, torch.linalg.inv(scatter), gaps).amin(1)


def print_traps() -> None:
    """AUROC of Mahalanobis distances and rank correlation with double precision; temperatures."""
    print("\n| images | features | AUROC release | AUROC double | rank correlation | AUROC own |")
    print("|---|---|---|---|---|---|")
    for n, d in ((2000, 64), (150, 512), (150, 1024)):
        generator = torch.Generator().manual_seed(0)
        centres = 0.6 * torch.randn(CLASSES, d, generator=generator)
        labels = torch.arange(n + 60) % CLASSES
        inside = centres[labels] + 0.7 * torch.randn(n + 60, d, generator=generator) + 0.3
        outside = 0.9 * torch.randn(60, d, generator=generator) + 0.3
        train, test = inside[:n].relu(), torch.cat([inside[n:], outside]).relu()
        found = detector.Mahalanobis(None).fit_features(train, labels[:n]).predict_features(test)
        exact = in_double(train, labels[:n], test)
        own = Gaussian.fit(train, labels[:n]).distances(test).amin(1)
        areas = [float((x[60:, None] > x[None, :60]).double().mean()) for x in (found, exact, own)]
        rank = spearmanr(found, exact)[0]
        print(f"| {n} | {d} | {areas[0]:.2f} | {areas[1]:.2f} | {rank:.2f} | {areas[2]:.2f} |")
    print("\n| logits drawn at temperature | release | least loss |\n|---|---|---|")
    for true in (0.5, 3.0, 30.0):
        generator = torch.Generator().manual_seed(1)
        logits = 2 * true * torch.randn(1000, CLASSES, generator=generator)
        labels = torch.multinomial((logits / true).softmax(1), 1, generator=generator)[:, 0]
        release = float(detector.TemperatureScaling(None).fit_logits(logits, labels).t.detach())
        own = fit_temperature(logits, labels)
        losses = [float(cross_entropy(logits / t, labels)) for t in (release, own)]
        print(
            f"| {true} | {release:.2f} (loss {losses[0]:.3f}) | {own:.2f} (loss {losses[1]:.3f}) |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=192)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--backbones", nargs="+", default=["resnet18", "resnet50"])
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{len(SCORES)} scores known, {options.images} images of {SIDE} px\n")
    print(
        "| backbone | scores of one pass | posterior alone, ms/image | one pass / posterior alone "
        "| detectors one by one | one by one / one pass | ODIN alone / posterior alone |"
    )
    print("|---|---|---|---|---|---|---|")
    for architecture in options.backbones:
        print_costs(architecture, options.images, options.rounds)
    print_traps()


if __name__ == "__main__":
    main()
