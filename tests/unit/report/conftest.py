"""One written report for all tests of this folder."""

import pytest
from synthetic_run import synthetic_tables, write_synthetic_run

from mimbench.report import Report, write_report
from mimbench.scores import RunTables


@pytest.fixture(scope="session")
def tables() -> RunTables:
    return synthetic_tables()


@pytest.fixture(scope="session")
def report(tables: RunTables, tmp_path_factory: pytest.TempPathFactory) -> Report:
    return write_report(write_synthetic_run(tmp_path_factory.mktemp("run"), tables))
