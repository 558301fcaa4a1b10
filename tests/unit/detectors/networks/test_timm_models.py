"""Weights that timm downloads: what is said, and what an earlier download does, offline."""

import socket
import urllib.request
from pathlib import Path

import huggingface_hub
import pytest
import timm
import torch
from safetensors.torch import save_file

from mimbench.detectors.networks.network import build_network
from mimbench.errors import WeightsError


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(urllib.request, "getproxies", dict)


def test_without_a_network_one_sentence_says_what_to_do(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(WeightsError) as caught:
        build_network("timm/vit_small_patch14_dinov2.lvd142m", 2, "imagenet", 0)
    said = str(caught.value)
    for part in (
        "cannot be downloaded",
        "timm/vit_small_patch14_dinov2.lvd142m",
        "weights = 'path",
    ):
        assert part in said
    assert said.count(". ") == 0
    assert capfd.readouterr() == ("", "")


def test_weights_that_were_downloaded_before_are_found_without_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = timm.create_model("test_resnet")
    save_file(kept.state_dict(), tmp_path / "model.safetensors")
    monkeypatch.setattr(
        huggingface_hub, "try_to_load_from_cache", lambda *_: str(tmp_path / "model.safetensors")
    )
    found = build_network("timm/test_resnet", 2, "imagenet", 0).body
    assert torch.equal(found.conv1[0].weight, kept.conv1[0].weight)
