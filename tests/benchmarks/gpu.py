"""Measure training and scoring on a GPU: `python tests/benchmarks/gpu.py --out DIR`.

Needs no network and no file: weights are drawn and images are generated. Writes DIR/gpu.json and
DIR/gpu.md in about seven minutes at most (`--minutes`). What was not begun by then is named, and so
is what failed. Both files are written again after each figure: a run that is cut off leaves what it
has.

    python tests/benchmarks/gpu.py --out DIR --device cpu --tiny

tries the script itself without a GPU, at sizes whose rates mean nothing; the table says so.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parent))
import mim
import torch
from gpu_scoring import SCORES, ScoringBench

from mimbench.detectors.mim import MIM
from mimbench.detectors.networks.devices import training_dtype
from mimbench.detectors.protocol import Batch
from mimbench.evaluation.execution.environment import describe, pick_device
from mimbench.files import atomic_write

Row = Mapping[str, Any]
TRAINING_SHARE, SCORING_SHARE, AGREEMENT = 0.7, 0.8, 1e-3


class Measured:
    """What is measured, and how much of it.

    Attributes:
        device: that is measured.
        sizes: of the images in training, pixels.
        side: of the images that are corrupted and scored, pixels.
        steps, rounds: of a training that is timed, and how often it is; the best counts.
        seconds: that a pass of scoring should take.
        end: time (perf_counter) after which nothing more begins.
    """

    def __init__(self, device: torch.device, folder: Path, minutes: float, *, tiny: bool) -> None:
        self.device, self.folder, self.tiny = device, folder, tiny
        self.sizes = (32,) if tiny else (64, 128, 224)
        self.side = 32 if tiny else 224
        self.steps, self.rounds = (2, 1) if tiny else (100, 3)
        self.seconds = 0.1 if tiny else 15.0
        self.end = time.perf_counter() + 60 * minutes

    @cached_property
    def bench(self) -> ScoringBench:
        """Trained models with images to score."""
        return ScoringBench(self.folder, self.device, self.side, tiny=self.tiny)

    def row(self, what: Row, measure: Callable[[], Row]) -> Row:
        """`what` and the figures, or why there are none: one that fails costs no other."""
        if time.perf_counter() > self.end:
            return {**what, "note": "not measured: the time was up"}
        try:
            return {**what, **measure()}
        except Exception as error:
            return {**what, "note": f"failed: {type(error).__name__}: {error}"}


def training(measured: Measured) -> Iterator[Row]:
    """Each size in each precision."""
    native = training_dtype(measured.device) == torch.bfloat16
    for size in measured.sizes:
        for dtype in (torch.float32, torch.bfloat16):
            what = {"size, px": size, "precision": str(dtype).removeprefix("torch.")}
            if dtype == torch.bfloat16 and not native:
                yield {**what, "note": "not measured: the device has no instructions for it"}
            else:
                yield measured.row(what, lambda s=size, d=dtype: _trained(measured, s, d))


def _trained(measured: Measured, size: int, dtype: torch.dtype) -> Row:
    device = measured.device
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    with (
        patch("mimbench.detectors.training.training_dtype", lambda _: dtype),
        patch.object(mim, "training_dtype", lambda _: dtype),
    ):
        rates = mim.time_training(measured.steps, size, device, measured.rounds)
    ours, bare = rates["wall", "training"], rates["wall", "bare loop"]
    if min(ours, bare) <= 0:  # the longer training took no longer than the shorter
        return {"note": "not measurable: other work on the machine hides so few steps"}
    on_gpu = device.type == "cuda"
    return {
        "images/s": round(ours, 1),
        "bare loop, images/s": round(bare, 1),
        "share of the bare loop": round(ours / bare, 3),
        f"at least {TRAINING_SHARE}": _answer(ours / bare >= TRAINING_SHARE),
        "GPU memory, MiB": round(torch.cuda.max_memory_allocated(device) / 2**20) if on_gpu else "",
    }


def scoring(measured: Measured) -> Iterator[Row]:
    """Each row under the suite."""
    for name in SCORES:
        what = {"row": name, "size, px": measured.side}
        yield measured.row(what, lambda n=name: _scored(measured, n))


def _scored(measured: Measured, name: str) -> Row:
    rates = measured.bench.rates(name, measured.seconds)
    rounded = {
        key: round(value, 1) if isinstance(value, float) else value for key, value in rates.items()
    }
    share = float(rates["images/s"]) / float(rates["bare forward, images/s"])
    return {
        **rounded,
        "share of the bare forward": round(share, 3),
        f"at least {SCORING_SHARE}": _answer(share >= SCORING_SHARE),
    }


def agreement(measured: Measured) -> Iterator[Row]:
    """Each row on both devices."""
    for name in SCORES:
        yield measured.row({"row": name}, lambda n=name: _agreement(measured, n))


def _agreement(measured: Measured, name: str) -> Row:
    largest, score = measured.bench.difference(name)
    return {
        "devices": f"{measured.device.type} and cpu",
        "largest difference / deviation": float(f"{largest:.3g}"),
        "of the score": score,
        f"at most {AGREEMENT:g}": _answer(largest <= AGREEMENT),
    }


def repetition(measured: Measured) -> Iterator[Row]:
    """Scoring and training, each twice."""
    for name in SCORES:
        what = {"what": f"{name}, two passes of scoring"}
        yield measured.row(
            what,
            lambda n=name: {"bit-identical": _answer(measured.bench.repeats(n))},
        )
    for size in measured.sizes[:1]:
        what = {"what": f"MIM, two trainings of {measured.steps} steps at {size} px, one seed"}
        yield measured.row(what, lambda s=size: _trained_twice(measured, s))


def _trained_twice(measured: Measured, size: int) -> Row:
    images = mim.pictures(mim.SCORED, size).to(measured.device)
    found = []
    for _ in range(2):
        detector = MIM(steps=measured.steps)
        detector.fit(mim.smooth_set(size, measured.device))
        scores = detector.score(Batch(images, mim.provide))
        found.append({name: scores[name].double().cpu() for name in ("l1", "contrast", "critic")})
    one, two = found
    same = all(torch.equal(one[name], two[name]) for name in one)
    gap = max(float((one[name] - two[name]).abs().max() / one[name].std()) for name in one)
    return {"bit-identical": _answer(same), "largest difference / deviation": float(f"{gap:.3g}")}


PARTS: Mapping[str, tuple[str, Callable[[Measured], Iterator[Row]]]] = {
    "Training": (
        "Images per second of MIM's training beside a bare loop of the same networks and losses "
        "on a ready batch (batches of 16, best of the rounds). float32 leaves torch's default: "
        "on a GPU, convolutions round their inputs to TF32. The memory is what tensors took at "
        "most.",
        training,
    ),
    "Scoring": (
        "Images per second of a run's scoring of corrupted images (corrupted, scored and "
        "written to disk, in this process), beside forward passes alone on images that are on "
        "the device already, in batches of 32 and the same precision (float32, no TF32). "
        "ResNet-50 yields the scores of its logits, not those fitted on features; MIM needs two "
        "passes of its generator and four of its critic. The corruptions of the next unit are "
        "computed on the CPU meanwhile; where their own rate is below the bare one, the CPU is "
        "the limit.",
        scoring,
    ),
    "CPU and GPU": (
        "Scores of the same trained model and the same images on the device and on the CPU: the "
        "largest difference over images and scores, in standard deviations of the score over "
        "these images. Both convolve in float32.",
        agreement,
    ),
    "Repetition": (
        "The same again on the same device: whether the bits are the same, and if not, the "
        "largest difference of scores, in standard deviations. Trainings use the device's "
        "default precision.",
        repetition,
    ),
}


def _answer(fact: bool) -> str:
    return "yes" if fact else "no"


def table(rows: Sequence[Row]) -> str:
    """Rows as a Markdown table; a row without a figure has an empty cell."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = [columns, ["---"] * len(columns)]
    lines += [[str(row.get(column, "")).replace("|", "/") for column in columns] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def page(about: Row, parts: Mapping[str, Sequence[Row]]) -> str:
    """All tables, each under what its figures are, below what was measured."""
    environment = about["environment"]
    lines = ["# Training and scoring on a GPU", "", f"`{about['command']}`", ""]
    lines += [
        f"{environment['device']}, {environment['cpu']} with {environment['cpus']} processors,"
    ]
    lines += [f"{environment['threads']} threads, torch {environment['torch']}."]
    lines += [f"Took {about['seconds']} s."]
    if about["device"] == "cpu":
        lines += ["", "**Measured on the CPU: no figure here says anything about a GPU.**"]
    if about["tiny"]:
        lines += ["", "**Tiny sizes, to try the script: the rates mean nothing.**"]
    for title, rows in parts.items():
        lines += ["", f"## {title}", "", PARTS[title][0], "", table(rows)]
    return "\n".join(lines) + "\n"


def measure(measured: Measured, out: Path, command: str) -> bool:
    """Measure everything and write both files after each figure; False if anything failed."""
    began = time.perf_counter()
    parts: dict[str, list[Row]] = {}
    for title, (_, part) in PARTS.items():
        for row in part(measured):
            parts.setdefault(title, []).append(row)
            print(title, dict(row), flush=True)
            about = {
                "command": command,
                "device": measured.device.type,
                "tiny": measured.tiny,
                "seconds": round(time.perf_counter() - began),
                "environment": describe(measured.device),
            }
            for name, text in (
                ("gpu.json", json.dumps({"about": about, "parts": parts}, indent=2)),
                ("gpu.md", page(about, parts)),
            ):
                with atomic_write(out / name) as partial:
                    partial.write_text(text, encoding="utf-8")
    return not any("failed" in str(row.get("note")) for rows in parts.values() for row in rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and measure; 1 if a figure failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of both files")
    parser.add_argument("--device", default="cuda", help="cuda, cuda:N or cpu")
    parser.add_argument("--minutes", type=float, default=6.0, help="after which nothing begins")
    parser.add_argument("--tiny", action="store_true", help="only try the script")
    options = parser.parse_args(arguments)
    device = pick_device(options.device)
    options.out.mkdir(parents=True, exist_ok=True)
    tiny = " --tiny" if options.tiny else ""
    command = f"python tests/benchmarks/gpu.py --out DIR --device {options.device}{tiny}"
    with tempfile.TemporaryDirectory() as folder:
        measured = Measured(device, Path(folder), options.minutes, tiny=options.tiny)
        return 0 if measure(measured, options.out, command) else 1


if __name__ == "__main__":
    sys.exit(main())
