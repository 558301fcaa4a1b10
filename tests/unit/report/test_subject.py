"""The title of a report says what was measured, and nothing of what was not."""

from types import SimpleNamespace

import pandas as pd
import pytest

from mimbench.report.subject import what_was_measured


@pytest.mark.parametrize(
    ("controls", "title"),
    [
        ([False, False, True], "mpox against 1 other category: 2 detectors and 1 control"),
        ([True, True], "mpox against 1 other category: 2 controls"),
        ([False], "mpox against 1 other category: 1 detector"),
    ],
)
def test_the_title_counts_the_rows_that_there_are(controls: list[bool], title: str) -> None:
    tables = SimpleNamespace(
        images=pd.DataFrame({"category": ["mpox", "acne", "acne"]}),
        scores=pd.DataFrame({"severity": [0], "corruption": ["clean"]}),
    )
    rows = {str(k): SimpleNamespace(control=own) for k, own in enumerate(controls)}
    run = SimpleNamespace(tables=tables, target="mpox", detectors=rows)
    assert what_was_measured(run) == title
