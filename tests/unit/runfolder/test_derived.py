"""What is recorded of files that follow from a run's tables."""

import json
from pathlib import Path

import pandas as pd
from made_tables import Made, made_tables
from synthetic_run import write_synthetic_run

from mimbench.runfolder.derived import RECORD, write_derived
from mimbench.scores.reading import read_tables


def test_a_file_that_is_no_longer_there_leaves_the_record(tmp_path: Path) -> None:
    made = made_tables({"mim": Made(0.9), "harmonic": Made(0.6, control=True)})
    folder = write_synthetic_run(tmp_path / "run", made)
    tables, rows = read_tables(folder), pd.DataFrame({"of": ["these"]})
    for name in ("first.csv", "second.csv"):
        write_derived(rows, folder / name, tables)
    (folder / "first.csv").unlink()
    write_derived(rows, folder / "third.csv", tables)
    record = json.loads((folder / RECORD).read_text())
    assert {"second.csv", "third.csv"} <= record.keys()
    assert "first.csv" not in record
