"""How a table for a publication is written."""

import pandas as pd

from mimbench.report.leaderboard.publication import Cell, Publication
from mimbench.report.leaderboard.publication_formats import as_latex, latex_text


def test_latex_has_minus_signs_in_numbers_alone_and_headings_of_several_lines() -> None:
    row = (Cell("probe-64/msp"), Cell("-0.01 [-0.14, 0.12]", mark="best"))
    table = Publication(
        "A run.", "a_run, tone = VI", ("score", "drop, unknown"), (row,), (), pd.DataFrame()
    )
    latex = as_latex(table)
    assert r"probe-64/msp & \textbf{$-$0.01 [$-$0.14, 0.12]} \\" in latex
    assert r"\label{tab:a-run-tone-VI}" in latex
    assert r"score & \shortstack[r]{drop \\ unknown} \\" in latex


def test_every_mark_has_its_command_in_latex() -> None:
    assert latex_text("†‡§¶") == r"\textdagger{}\textdaggerdbl{}\S{}\P{}"
