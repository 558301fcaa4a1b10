"""What depends on the device: precision and the generators that torch keeps per device."""

import contextlib
from collections.abc import Iterator

import torch
from lightning_fabric.plugins.precision import MixedPrecision, Precision

__all__ = ["precision_for", "seeded"]


@contextlib.contextmanager
def seeded(seed: int, device: torch.device | None = None) -> Iterator[None]:
    """Seed torch's global generators for a block and put them back afterwards.

    For what cannot be given a generator: weight initialisation and dropout.
    """
    cuda = device is not None and device.type == "cuda"
    with torch.random.fork_rng(devices=[device] if cuda else []):
        torch.default_generator.manual_seed(seed)
        if cuda:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield


def precision_for(device: torch.device) -> Precision:
    """A fast precision that trains well on `device`, as Fabric's plug-in.

    bfloat16 only where the hardware has instructions for it: emulated, it is slower than float32.
    On a CPU, depthwise convolutions may be slower in it all the same.
    """
    native = False
    if device.type == "cuda":
        with torch.cuda.device(device):
            native = torch.cuda.is_bf16_supported(including_emulation=False)
    elif device.type == "cpu":
        able = torch.cpu.get_capabilities()
        native = bool(able.get("avx512_bf16") or able.get("amx_bf16"))
    return MixedPrecision("bf16-mixed", device.type) if native else Precision()
