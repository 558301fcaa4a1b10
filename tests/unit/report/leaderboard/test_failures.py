"""How rows without a number are told."""

from mimbench.report.leaderboard.failures import Failure, rows_together, told_together

WEIGHTS = "not run: no weights for resnet50"


def test_rows_of_a_detector_with_one_reason_are_one_line() -> None:
    many = [Failure(f"resnet50/{name}", WEIGHTS) for name in ("msp", "dice", "react", "vim")]
    few = [Failure("mim/lpips", WEIGHTS), Failure("mim/features", WEIGHTS)]
    other = [Failure("mim/critic", "timed out"), Failure("padim", "timed out")]
    found = told_together([*many, *few, *other])
    assert [(failure.row, failure.words) for failure in found] == [
        ("resnet50 (4 scores)", WEIGHTS),
        ("mim/lpips, mim/features", WEIGHTS),
        ("mim/critic", "failed: timed out"),
        ("padim", "failed: timed out"),
    ]


def test_many_rows_in_a_sentence_are_counted_by_detector() -> None:
    rows = [*(f"mim/{name}" for name in ("l1", "l2", "ssim", "critic")), "harmonic/a", "plain"]
    assert rows_together(rows) == "mim (4 scores), harmonic/a, plain"
