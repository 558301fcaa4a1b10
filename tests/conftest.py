"""Shared fixtures: where the real images are, and small sets of generated ones."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_images() -> Path:
    """Folder with msld/, skin18/ and abnormal/, which are not ours to distribute."""
    folder = os.environ.get("MIMBENCH_TEST_DATA")
    if not folder:
        pytest.skip("real images: set MIMBENCH_TEST_DATA to a folder with msld/ and skin18/")
    return Path(folder)


@pytest.fixture(scope="session")
def real_weights() -> Path:
    """ImageNet weights of SqueezeNet 1.0 as .safetensors."""
    path = os.environ.get("MIMBENCH_TEST_WEIGHTS")
    if not path:
        pytest.skip("backbone weights: set MIMBENCH_TEST_WEIGHTS to squeezenet1_0's .safetensors")
    return Path(path)
