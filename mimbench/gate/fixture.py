"""The gate as a pytest fixture: `pytest_plugins = ["mimbench.gate.fixture"]` in a conftest.py.

def test_no_regression(mimbench_gate):
mimbench_gate("reference", "candidate", margin=0.02)
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mimbench.gate.comparison import gate
from mimbench.gate.folders import folder_settings
from mimbench.gate.output import as_text
from mimbench.scores.reading import read_tables

__all__ = ["mimbench_gate"]


@pytest.fixture(scope="session")
def mimbench_gate() -> Callable[..., None]:
    """Compare two run folders, by default on headline rows; fails where the command would."""

    def check(reference: str | Path, candidate: str | Path, **settings: Any) -> None:
        asked = folder_settings(Path(reference), None, settings)
        result = gate(read_tables(Path(reference)), read_tables(Path(candidate)), asked)
        if result.exit_code:
            pytest.fail(as_text(result), pytrace=False)

    return check
