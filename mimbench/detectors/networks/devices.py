"""What depends on the device: precision, and the generators that torch keeps for each."""

import contextlib
from collections.abc import Iterator

import torch
from torch.backends import cudnn

__all__ = ["autocast", "exact", "seeded", "training_dtype"]


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


def training_dtype(device: torch.device) -> torch.dtype:
    """A fast precision that trains well on `device`: bfloat16 or float32.

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
    return torch.bfloat16 if native else torch.float32


def autocast(device: torch.device, dtype: torch.dtype) -> torch.autocast:
    """A block in which matrix products and convolutions run in `dtype`; float32 changes nothing."""
    reduced = dtype == torch.bfloat16
    return torch.autocast(device.type, dtype=dtype if reduced else None, enabled=reduced)


@contextlib.contextmanager
def exact(device: torch.device) -> Iterator[None]:
    """A block in which a GPU convolves in float32, always by the same algorithm, as a CPU does.

    By default it rounds what it convolves to 10 bits (TF32): faster, and other scores than a CPU's.
    """
    if device.type != "cuda":
        yield
        return
    with cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
        yield
