"""Time MIM: `python tests/benchmarks/mim.py [--size 64] [--threads 1] [--processes 2]`.

Training against a bare loop with the same networks and losses, scoring against the forward passes
it needs, and the untrained inpainting. Ours and bare run in turns and the best of several rounds
counts. Processor time, which other work on the machine hardly changes, stands beside wall time;
the rates at several threads can only be seen in wall time on an idle machine. Several processes
measure at the same time, as those of `mimbench run --jobs` work, and their rates are added up.

    python tests/benchmarks/mim.py --compare-precision [--size 224] [--device cuda] [--steps 500]

What training in reduced precision changes, beside what another seed changes.
"""

import argparse
import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from unittest.mock import patch

import torch
from scipy.stats import spearmanr
from torch import Tensor
from torch.optim import Adam

from mimbench.data.generated import phantom
from mimbench.detectors.imaging.masks import random_patches
from mimbench.detectors.imaging.shared import provide
from mimbench.detectors.mim import MIM
from mimbench.detectors.mim.critic import PatchCritic
from mimbench.detectors.mim.generator import GatedUNet
from mimbench.detectors.mim.losses import hidden_l1, hinge_critic, hinge_generator
from mimbench.detectors.networks.devices import autocast, training_dtype
from mimbench.detectors.protocol import Batch, ImageSet, TrainingSet
from mimbench.runfolder.cost import Meter
from mimbench.statistics.ranking.roc import auroc

IMAGES, HELD_OUT, BATCH, SCORED = 64, 8, 16, 32
CLOCKS = "wall", "processor"
Rates = dict[tuple[str, str], float]  # images/s of (clock, what)


def pictures(count: int, size: int) -> Tensor:
    """Smooth random colours: uint8 (count, 3, size, size)."""
    generator = torch.Generator().manual_seed(size)
    coarse = torch.rand(count, 3, 8, 8, generator=generator)
    scaled = torch.nn.functional.interpolate(coarse, (size, size), mode="bicubic")
    return scaled.clamp(0, 1).mul(255).byte()


def training_set(images: Tensor, held_out: Tensor, device: torch.device, seed: int) -> TrainingSet:
    """Images of the target, each of a patient of its own."""
    parts = []
    for part in (images, held_out):
        names = tuple(map(str, range(len(part))))
        parts.append(ImageSet(part, ("target",) * len(part), names))
    generator = torch.Generator().manual_seed(seed)
    size = images.shape[-1]
    return TrainingSet(
        parts[0], None, parts[1], "target", seed, generator, device, size, provider=provide
    )


def smooth_set(size: int, device: torch.device) -> TrainingSet:
    """Smooth colours, on which no training stops early."""
    return training_set(pictures(IMAGES, size), pictures(HELD_OUT, size), device, 0)


def bare_loop(steps: int, size: int, device: torch.device) -> None:
    """The same networks, losses and precision, on ready batches, without anything around them."""
    dtype = training_dtype(device)
    generator, critic = GatedUNet(16).to(device), PatchCritic(16).to(device)
    networks = [network.to(memory_format=torch.channels_last) for network in (generator, critic)]
    optimisers = [Adam(network.parameters(), lr=1e-3, betas=(0.5, 0.99)) for network in networks]
    images = pictures(BATCH, size).to(device) / 127.5 - 1
    masks = random_patches(BATCH, size, torch.Generator().manual_seed(0)).to(device)
    for _ in range(steps):
        with autocast(device, dtype):
            inpainted = torch.where(masks, generator(images, masks), images)
            both = torch.cat([images, inpainted.detach()])
            real, fake = critic(both, torch.cat([masks, masks]))[0].chunk(2)
            loss = hinge_critic(real, fake)
        optimisers[1].zero_grad()
        torch.autograd.backward(loss)
        optimisers[1].step()
        with autocast(device, dtype):
            judged = critic(inpainted, masks)[0]
            loss = 10 * hidden_l1(inpainted, images, masks) + 0.1 * hinge_generator(judged)
        optimisers[0].zero_grad()
        torch.autograd.backward(loss, inputs=list(generator.parameters()))
        optimisers[0].step()


def in_turns(rounds: int, device: torch.device, *actions: Callable[[], object]) -> list[float]:
    """Shortest wall and processor seconds: [wall of each action, processor of each action]."""
    wall = [float("inf")] * len(actions)
    processor = wall.copy()
    for _ in range(rounds):
        for index, action in enumerate(actions):
            start, own = time.perf_counter(), time.process_time()
            action()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            wall[index] = min(wall[index], time.perf_counter() - start)
            processor[index] = min(processor[index], time.process_time() - own)
    return wall + processor


def time_training(steps: int, size: int, device: torch.device, rounds: int) -> Rates:
    """Step rate of the trainer and of the bare loop; what a fit costs besides its steps is out."""

    def fit(length: int) -> Callable[[], None]:
        return lambda: MIM(steps=length).fit(smooth_set(size, device))

    def bare(length: int) -> Callable[[], None]:
        return lambda: bare_loop(length, size, device)

    fit(2)()
    times = in_turns(rounds, device, fit(2), fit(2 + steps), bare(2), bare(2 + steps))
    rates: Rates = {}
    for clock, (short, long, bare_short, bare_long) in zip(
        CLOCKS, (times[:4], times[4:]), strict=True
    ):
        rates[clock, "training"] = BATCH * steps / (long - short)
        rates[clock, "bare loop"] = BATCH * steps / (bare_long - bare_short)
    return rates


def time_scoring(size: int, device: torch.device, rounds: int) -> Rates:
    """Scoring, its bare two generator and four critic forwards, and the untrained inpainter."""
    detector = MIM(steps=2)
    detector.fit(smooth_set(size, device))
    generator, critic = detector.generator, detector.critic
    assert critic is not None
    images = pictures(SCORED, size).to(device)
    ready = Batch(images, provide)
    untrained = ready[detector.untrained]
    masks = random_patches(SCORED, size, torch.Generator().manual_seed(0)).to(device)
    floats = images.float() / 255

    def forwards() -> None:
        for _ in range(2):
            generator(floats, masks)
            critic(floats, masks)
            critic(floats, masks)

    actions: tuple[Callable[[], object], ...] = (
        lambda: detector.score(Batch(images, lambda name, batch: untrained)),
        forwards,
        lambda: provide(detector.untrained, images),
    )
    with torch.inference_mode():
        in_turns(1, device, *actions)
        times = in_turns(rounds, device, *actions)
    rates: Rates = {}
    for clock, seconds in zip(CLOCKS, (times[:3], times[3:]), strict=True):
        for what, duration in zip(("scoring", "forwards", "harmonic"), seconds, strict=True):
            rates[clock, what] = SCORED / duration
    return rates


def measure(options: argparse.Namespace, _process: int) -> tuple[Rates, str]:
    """All rates of one process, and its peak memory."""
    torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    meter = Meter()
    training = time_training(options.steps, options.size, device, options.rounds)
    rates = training | time_scoring(options.size, device, options.rounds * 5)
    cost = meter.read()
    peak = cost.peak_gpu_memory if device.type == "cuda" else cost.peak_memory
    return rates, "unknown" if peak is None else f"{peak / 2**20:.0f} MiB"


def compare_precision(steps: int, size: int, device: torch.device) -> None:
    """Fit on the phantom's target in reduced precision and in float32, each with two seeds."""
    table = phantom.embedded()
    own = table[table["category"] == phantom.TARGET]
    others = table[table["category"] != phantom.TARGET].groupby("category").head(4)
    patient = own["patient"].factorize()[0] % 4  # half of the patients train, a quarter each
    train, held_out, test, other = (
        torch.from_numpy(phantom.render(part, size)).permute(0, 3, 1, 2)
        for part in (own[patient < 2], own[patient == 2], own[patient == 3], others)
    )
    scored = torch.cat([test, other]).to(device)
    found = {}
    for name, precision in (("reduced", training_dtype), ("float32", lambda _: torch.float32)):
        for seed in (0, 1):
            detector = MIM(steps=steps)
            with patch("mimbench.detectors.training.training_dtype", precision):
                detector.fit(training_set(train, held_out, device, seed))
            scores = detector.score(Batch(scored, provide))
            found[name, seed] = {k: scores[k].cpu().numpy() for k in ("l1", "residual")}
            best = min(entry["validation"] for entry in detector.history if "validation" in entry)
            areas = [
                auroc(v[: len(test)], v[len(test) :]).value for v in found[name, seed].values()
            ]
            print(
                f"{name}, seed {seed}: held-out L1 {best:.4f}, AUROC l1 {areas[0]:.3f}, "
                f"residual {areas[1]:.3f}"
            )
    for score in ("l1", "residual"):
        pairs = ("reduced", 0), ("float32", 0), ("float32", 1)
        base, same, reseeded = (found[pair][score] for pair in pairs)
        print(
            f"{score}, Spearman's correlation of reduced precision with float32 "
            f"{spearmanr(base, same)[0]:.3f}, of two seeds in float32 "
            f"{spearmanr(same, reseeded)[0]:.3f}"
        )


def main() -> None:
    """Read the command line and print the timings."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--compare-precision", action="store_true")
    options = parser.parse_args()
    precision = training_dtype(torch.device(options.device))
    print(
        f"{options.size} px, {options.device}, {options.processes} processes of {options.threads} "
        f"threads, training in {precision}"
    )
    if options.compare_precision:
        torch.set_num_threads(options.threads)
        compare_precision(options.steps, options.size, torch.device(options.device))
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.processes, mp_context=context) as pool:
        found, peaks = zip(
            *pool.map(partial(measure, options), range(options.processes)), strict=True
        )
    print(f"peak memory of each process: {', '.join(peaks)}")
    rate = {key: sum(rates[key] for rates in found) for key in found[0]}
    for clock in CLOCKS:
        ours, loop = rate[clock, "training"], rate[clock, "bare loop"]
        print(
            f"training, {clock} time: {ours:.0f} images/s, bare loop {loop:.0f}, "
            f"ratio {ours / loop:.2f}"
        )
    for clock in CLOCKS:
        ours, bare = rate[clock, "scoring"], rate[clock, "forwards"]
        print(
            f"scoring, {clock} time: {ours:.0f} images/s, bare forwards {bare:.0f}, "
            f"ratio {bare / ours:.2f}; untrained {rate[clock, 'harmonic']:.0f} images/s"
        )


if __name__ == "__main__":
    main()
