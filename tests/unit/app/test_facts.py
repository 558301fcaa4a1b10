"""What the first screen says of the images that a detector was fitted on."""

import pandas as pd
import pytest

from mimbench.app.facts import all_drawn


@pytest.mark.parametrize(
    ("formats", "drawn"),
    [(["generated", "generated"], True), (["generated", "JPEG"], False), (["PNG"], False)],
)
def test_only_images_that_no_file_holds_are_called_drawn(formats: list[str], drawn: bool) -> None:
    assert all_drawn(pd.DataFrame({"format": formats})) is drawn
    assert not all_drawn(pd.DataFrame({"patient": formats}))
