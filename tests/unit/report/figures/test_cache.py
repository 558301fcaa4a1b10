"""A figure counts as drawn only while its numbers, its style and our code are the same."""

import subprocess
import sys
from functools import partial
from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure

from mimbench.report.figures import cache
from mimbench.report.figures.cache import fingerprint


def draw(values: list[float]) -> Figure:
    figure = Figure()
    figure.subplots().plot(values)
    return figure


def test_a_fingerprint_changes_with_numbers_style_and_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "statistics" / "ranking.py"
    source.parent.mkdir()
    source.write_text("SHARE = 1.0")
    monkeypatch.setattr(cache, "PACKAGE", tmp_path)
    cache._drawn_by.cache_clear()
    try:
        first = fingerprint(partial(draw, [1.0, 2.0]))
        assert fingerprint(partial(draw, [1.0, 2.0])) == first
        assert fingerprint(partial(draw, [1.0, 2.5])) != first
        with mpl.rc_context({"lines.linewidth": 7.0}):
            assert fingerprint(partial(draw, [1.0, 2.0])) != first
        source.write_text("SHARE = 0.5")
        cache._drawn_by.cache_clear()
        assert fingerprint(partial(draw, [1.0, 2.0])) != first
    finally:
        cache._drawn_by.cache_clear()


def test_what_a_figure_depends_on_is_known_without_pyplot() -> None:
    code = (
        "import sys; from mimbench.report.figures.cache import style_in_effect; "
        "style_in_effect(); sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
