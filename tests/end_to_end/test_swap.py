"""The swap test sees what it should: class knowledge where there is some, none in the controls."""

from pathlib import Path

import pandas as pd
import phantom_network
import pytest
import torch
from phantom_network import one_thread, small_network, standardised, train
from safetensors.torch import save_file

from mimbench.data.generated import phantom
from mimbench.evaluation.planning.flags import resolve_run
from mimbench.evaluation.planning.plan import make_plan
from mimbench.evaluation.runner import execute
from mimbench.progress import Silent
from mimbench.scores.reading import read_tables
from mimbench.statistics.tables.class_signal import class_signal_table

OTHER_PEOPLE = 77  # seed of a phantom that the run never sees


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that has learned from other people what the target and SWAP look like."""
    table = phantom.table(
        OTHER_PEOPLE, target_patients=60, patients_per_category=8, swap_patients=60
    )
    labels = table["category"].map({phantom.TARGET: 1, phantom.SWAP: 2}).fillna(0).astype(int)
    with one_thread():
        network = small_network(classes=3)
        train(network, standardised(phantom.render(table)), torch.tensor(labels.to_numpy()))
    path = tmp_path_factory.mktemp("weights") / "phantom.safetensors"
    save_file(network.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def signal(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Class signal by role and row: unknown categories, and the swap category itself."""
    folder = tmp_path_factory.mktemp("swap")
    recipe = folder / "knows.toml"
    recipe.write_text(
        f'name = "knows"\ndetector = "{phantom_network.__file__}:Knows"\n'
        f'parameters = {{ weights = "{weights}", classes = 3 }}\n'
    )
    controls = ["histogram", "file-statistics", "random-generator"]
    flags = {"only": [str(recipe), *controls], "suite": ["none"], "abnormal": []}
    result = execute(make_plan(resolve_run("default", flags)), folder, Silent())
    assert result.failures == ()
    return class_signal_table(read_tables(folder)).set_index(["role", "row"])


def test_a_detector_that_knows_its_class_passes_clearly(signal: pd.DataFrame) -> None:
    for role in ("unknown", "swap"):
        knows = signal.loc[(role, "knows")]
        assert knows["low"] > 0.1
        assert knows["auroc"] > 0.7


def test_controls_that_cannot_know_it_show_no_signal(signal: pd.DataFrame) -> None:
    for role in ("unknown", "swap"):
        for row in ("histogram", "random-generator/residual"):
            control = signal.loc[(role, row)]
            assert control["low"] <= 0 <= control["high"]
        # these see no image in their fit, so that both fits are the same one
        for score in ("l1", "ssim", "contrast"):
            assert signal.loc[(role, f"random-generator/{score}"), "value"] == 0


def test_what_edges_and_compression_tell_of_a_class_is_far_less(signal: pd.DataFrame) -> None:
    # File statistics see how rough a lesion is, so their signal is small, and not always zero.
    unknown = signal.loc["unknown"]
    assert unknown.loc["file-statistics", "high"] < unknown.loc["knows", "low"] / 2
