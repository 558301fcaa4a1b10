"""The training loop: reproducible, resumable, and safe against divergence."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from mimbench.detectors import training
from mimbench.detectors.networks.devices import seeded
from mimbench.detectors.protocol import ImageSet, TrainingSet
from mimbench.detectors.statefile import read_state, strip_prefix, write_state
from mimbench.detectors.training import History, Options, Trainer
from mimbench.errors import TrainingError

IMAGES = torch.rand(40, 3, 4, 4, generator=torch.Generator().manual_seed(5))
BRIGHTNESS = IMAGES.mean((1, 2, 3))


def training_set(checkpoint: Path | None = None) -> TrainingSet:
    images = ImageSet(IMAGES.mul(255).byte(), ("t",) * 40, tuple(map(str, range(40))))
    generator = torch.Generator().manual_seed(3)
    device = torch.device("cpu")
    return TrainingSet(images, None, images, "t", 3, generator, device, 4, checkpoint)


def network() -> nn.Module:
    with seeded(3):
        return nn.Sequential(
            nn.Flatten(), nn.Linear(48, 8), nn.BatchNorm1d(8), nn.Dropout(0.2), nn.Linear(8, 1)
        )


def fit(
    data: TrainingSet,
    options: Options,
    model: nn.Module | None = None,
    *,
    validate: Callable[[], float] | None = None,
    interrupt_after: int | None = None,
    poison_after: int | None = None,
) -> tuple[nn.Module, History]:
    """Regress brightness; optionally raise, or multiply the loss by NaN, after so many steps."""
    model = model or network()
    calls = itertools.count()

    def step(indices: Tensor) -> Iterator[tuple[str, Mapping[str, Tensor]]]:
        call = next(calls)
        if call == interrupt_after:
            raise KeyboardInterrupt
        error = (model(IMAGES[indices]).squeeze(1) - BRIGHTNESS[indices]).square().mean()
        yield "model", {"error": error * float("nan") if call == poison_after else error}

    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    trainer = Trainer(
        data, {"model": model}, {"model": optimiser}, step, options, validate=validate
    )
    return model, trainer.run()


def same(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_the_loss_falls_and_the_same_seed_gives_the_same_weights_and_curve() -> None:
    options = Options(steps=120, batch_size=16)
    one, curve = fit(training_set(), options)
    other, again = fit(training_set(), options)
    assert curve[-1]["error"] < 0.3 * curve[0]["error"]
    assert same(one, other)
    assert curve == again


def test_global_random_state_is_neither_read_nor_changed() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    one, _ = fit(training_set(), Options(steps=20, batch_size=8))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(99)
    other, _ = fit(training_set(), Options(steps=20, batch_size=8))
    assert same(one, other)


@pytest.mark.parametrize("stop", [45, 60, 74])
def test_a_resumed_training_equals_an_uninterrupted_one(tmp_path: Path, stop: int) -> None:
    options = Options(
        steps=100,
        batch_size=8,
        average=0.9,
        rate=lambda share: 1 - share,
        validate_every=25,
        checkpoint_every=30,
    )
    values = itertools.cycle([0.5, 0.4, 0.6, 0.7])  # best at step 50

    def validate() -> float:
        return next(values)

    whole, curve = fit(training_set(), options, validate=validate)
    path = tmp_path / "checkpoint.safetensors"
    values = itertools.cycle([0.5, 0.4, 0.6, 0.7])
    with pytest.raises(KeyboardInterrupt):
        fit(training_set(path), options, validate=validate, interrupt_after=stop)
    # Values after the last checkpoint were lost with the interrupted process.
    values = itertools.islice(itertools.cycle([0.5, 0.4, 0.6, 0.7]), (stop // 30 * 30) // 25, None)
    resumed, rest = fit(training_set(path), options, validate=validate)
    assert same(whole, resumed)
    assert curve == rest


def test_training_stops_when_validation_no_longer_improves_and_keeps_the_best() -> None:
    values = iter([0.9, 0.5, 0.6, 0.7, 0.1])
    options = Options(steps=100, batch_size=8, validate_every=10, patience=2)
    best, curve = fit(training_set(), options, validate=lambda: next(values))
    assert curve[-1]["step"] == 40
    short, _ = fit(training_set(), replace(options, steps=20))
    assert same(best, short)


def test_nan_loss_stops_with_advice_and_leaves_the_best_weights() -> None:
    values = iter([0.9, 0.5, 0.6])
    options = Options(steps=100, batch_size=8, validate_every=10)
    model = network()
    with pytest.raises(TrainingError, match=r"loss 'error' is not finite.*learning rate"):
        fit(training_set(), options, model, validate=lambda: next(values), poison_after=33)
    good, _ = fit(training_set(), replace(options, steps=20))
    assert same(model, good)


def test_a_training_that_diverges_names_the_file_of_the_weights_before(tmp_path: Path) -> None:
    path = tmp_path / "fits" / "checkpoint.safetensors"
    values = iter([0.5, 0.9, 0.6])
    options = Options(steps=100, batch_size=8, validate_every=10, checkpoint_every=20)
    with pytest.raises(TrainingError, match=r"rate\. fits/checkpoint\.safetensors keeps"):
        fit(training_set(path), options, validate=lambda: next(values), poison_after=33)
    best, _ = fit(training_set(), replace(options, steps=10))
    kept = nn.ModuleDict({"model": network()})
    kept.load_state_dict(strip_prefix("kept", read_state(path)))
    assert same(kept["model"], best)


def test_an_optimiser_updates_its_own_network_only() -> None:
    one, two = network(), network()

    def step(indices: Tensor) -> Iterator[tuple[str, Mapping[str, Tensor]]]:
        yield "one", {"both": (one(IMAGES[indices]) - two(IMAGES[indices]) - 1).square().mean()}

    before = {k: v.clone() for k, v in two.named_parameters()}
    networks = {"one": one, "two": two}
    optimisers = {name: torch.optim.SGD(n.parameters(), lr=0.1) for name, n in networks.items()}
    Trainer(training_set(), networks, optimisers, step, Options(5, 8)).run()
    assert all(torch.equal(before[k], v) for k, v in two.named_parameters())
    assert all(v.grad is None for v in two.parameters())
    assert not same(one, network())


def test_a_checkpoint_of_another_training_is_named(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    options = Options(steps=10, batch_size=8, checkpoint_every=5)
    fit(training_set(path), options)
    other = nn.Sequential(nn.Flatten(), nn.Linear(48, 1))
    with pytest.raises(TrainingError, match=r"checkpoint\.safetensors is not"):
        fit(training_set(path), options, other)


def test_a_damaged_checkpoint_is_removed_and_the_training_starts_anew(tmp_path: Path) -> None:
    options = Options(steps=30, batch_size=8, checkpoint_every=10)
    whole, curve = fit(training_set(), options)
    path = tmp_path / "checkpoint.safetensors"
    with pytest.raises(KeyboardInterrupt):
        fit(training_set(path), options, interrupt_after=15)
    sound = path.read_bytes()
    cases = [b"", b"no checkpoint", sound[:-100]]
    for position in [*range(0, 400, 40), *range(400, len(sound), len(sound) // 20)]:
        damaged = bytearray(sound)
        damaged[position] ^= 0x10
        cases.append(bytes(damaged))
    cases.append(without_digest(sound, tmp_path / "other.safetensors"))
    for content in cases:
        path.write_bytes(content)
        again, its_curve = fit(training_set(path), options)
        assert same(whole, again)
        assert its_curve == curve


def without_digest(sound: bytes, path: Path) -> bytes:
    """A checkpoint that an older version wrote, with one number changed."""
    path.write_bytes(sound)
    state = read_state(path)
    del state["digest"]
    write_state(path, {**state, "done": 9})
    return path.read_bytes()


def reported(monkeypatch: pytest.MonkeyPatch, step: float) -> tuple[list[int], list[str], History]:
    """At which steps progress is told of 25, its notes, and the losses that are kept.

    `step`: seconds between two looks at the clock.
    """
    looks = itertools.count()
    clock = SimpleNamespace(monotonic=lambda: step * next(looks))
    monkeypatch.setattr(training, "time", clock)
    seen: list[tuple[int, int, str]] = []
    data = replace(training_set(), progress=lambda *report: seen.append(report))
    _, history = fit(data, Options(25, 8))
    assert {total for _, total, _ in seen} == {25}
    return [done for done, _, _ in seen], [note for _, _, note in seen], history


def test_progress_reports_every_tenth_step_with_losses_and_slow_ones_each_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps, notes, history = reported(monkeypatch, 0.01)
    assert steps == [10, 20, 25]
    assert notes[0].startswith("error 0.")
    slow, told, same = reported(monkeypatch, 0.3)
    assert slow == [4, 8, 10, 14, 18, 20, 24, 25]
    assert told[:2] == ["", ""], "no loss was read yet"
    assert [told[slow.index(step)] for step in steps] == notes
    assert same == history
