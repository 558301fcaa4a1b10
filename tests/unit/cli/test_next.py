"""What a run says that its user may do next."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from mimbench.cli.run import _say_what_is_next

FAILED = ("data audit", "fail", "web: separated by file facts; --harmonise, added to the command")
FEW = ("power", "fail", "few patients")


@pytest.mark.parametrize(
    ("final", "checks", "said"),
    [
        (
            None,
            [FAILED],
            "next: mimbench verify runs/mine; or table, compare, gate with this folder",
        ),
        ("", [FEW], "next: open the page; or table, compare, gate with this folder"),
        ("", [FAILED], "next: the same command with --harmonise, since the check of the data"),
        ("mimbench run", [FEW], "it takes):\nmimbench run"),
        ("mimbench run", [FAILED], "mimbench run\nAdd --harmonise, since the check of the data"),
    ],
)
def test_harmonising_is_next_where_the_audit_failed_a_run_for_claims(
    final: str | None,
    checks: list[tuple[str, str, str]],
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = SimpleNamespace(board=SimpleNamespace(checks=checks))
    _say_what_is_next(Path("runs/mine"), False, final, made)
    printed = capsys.readouterr().out
    assert said in printed
    assert ("--harmonise" in printed) == ("--harmonise" in said)
