"""One written report for all tests of this folder."""

import dataclasses

import pytest
from synthetic_run import synthetic_tables, write_synthetic_run

from mimbench.report import Report, write_report
from mimbench.scores import RunTables


@pytest.fixture(scope="session")
def tables() -> RunTables:
    """Two of the run's corruptions are enough here."""
    full = synthetic_tables()
    kept = full.scores["corruption"].isin(["clean", "brightness", "motion_blur"])
    return dataclasses.replace(full, scores=full.scores[kept])


@pytest.fixture(scope="session")
def report(tables: RunTables, tmp_path_factory: pytest.TempPathFactory) -> Report:
    return write_report(write_synthetic_run(tmp_path_factory.mktemp("run"), tables))
