"""Two hundred odd and malformed files go through the commands without a traceback."""

import sys
from pathlib import Path

import pandas as pd
import pytest
from corpus import write_corpus
from small_images import write_category

from mimbench.cli import main

FILES = 210


def test_odd_files_are_audited_and_run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = tmp_path / "data"
    write_category(data / "mpox", 90, 6, 1)
    write_category(data / "acne", 140, 6, 2)
    write_corpus(data, FILES)
    monkeypatch.chdir(tmp_path)

    def mimbench(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["mimbench", *map(str, arguments)])
        return main()

    assert mimbench("data", "check", data) in (0, 1)
    audited = capsys.readouterr().out
    run = ("run", "--data", data, "--canonical-size", 32, "--suite", "none", "--quiet")
    assert mimbench(*run, "--only", "histogram", "--out", tmp_path / "out") == 0
    shown = capsys.readouterr()
    assert "Traceback" not in shown.out + shown.err
    rejected = pd.read_csv(tmp_path / "out" / "rejected.csv")
    images = pd.read_parquet(tmp_path / "out" / "images.parquet")
    assert len(rejected) > 20
    assert (rejected["reason"].str.len() > 0).all()
    assert (images["category"] == "acne").sum() > 12
    assert "unreadable" in audited
