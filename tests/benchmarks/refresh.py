"""Write again what follows from the scores of committed runs.

`python -m tests.benchmarks.refresh results/*/` after a change of how numbers are compared. The
tables of a compact run lie beside its scores; those scores are clean ones, so the columns of
corrupted numbers stay as the whole run gave them. Verdicts: `mimbench verify results/NAME`.
"""

import argparse
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv

from mimbench.progress import Silent
from mimbench.report.leaderboard.formats import leaderboard_frame, leaderboard_markdown
from mimbench.report.results import compute_results
from mimbench.runfolder.reading import read_run
from mimbench.statistics.core.cautions import MARK

TABLES = ("class_signal", "known_curve", "left_out")


def refresh(folder: Path) -> None:
    """Write leaderboard.csv, leaderboard.md and the other tables that are there again."""
    run = read_run(folder)
    results = compute_results(run, Silent())
    path = folder / "leaderboard.csv"
    kept = pd.read_csv(path, keep_default_na=False, na_values=[""])
    merge(kept, leaderboard_frame(results.board)).to_csv(path, index=False)
    path = folder / "leaderboard.md"
    before = path.read_text(encoding="utf-8")
    title = before.splitlines()[0].removeprefix("# ")
    path.write_text(merge_markdown(before, leaderboard_markdown(results.board, title)), "utf-8")
    for name in TABLES:
        if (folder / f"{name}.csv").is_file():
            table = pa.Table.from_pandas(getattr(results, name), preserve_index=False)
            options = pa_csv.WriteOptions(quoting_style="needed")
            pa_csv.write_csv(table, folder / f"{name}.csv", options)


def merge(before: pd.DataFrame, now: pd.DataFrame) -> pd.DataFrame:
    """The new table with those columns that only the old one has numbers in."""
    old = before.set_index("row").reindex(now["row"])
    merged = now.set_index("row").copy()
    columns = [*before.columns[1:], *(name for name in merged if name not in before)]
    lost = [name for name in old if name not in merged or merged[name].isna().all()]
    merged = pd.concat([merged.drop(columns=lost, errors="ignore"), old[lost]], axis=1)
    return merged[columns].reset_index()


def merge_markdown(before: str, now: str) -> str:
    """The same of the Markdown table; notes below it are the new ones.

    What the mark beside an interval means stays: intervals of the old columns may bear it.
    """
    head, rows, old_notes = parse(before)
    new_head, new_rows, notes = parse(now)
    marked = [note for note in old_notes if MARK in note]
    notes = [next(iter(marked), note) if MARK in note else note for note in notes]
    lines = [head, ["---"] * len(head)]
    for name, cells in new_rows.items():
        new = dict(zip(new_head, cells, strict=True))
        old = dict(zip(head, rows.get(name, [""] * len(head)), strict=True))
        lines.append([new.get(column, old[column]) for column in head])
    table = ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join([now.splitlines()[0], "", *table, *notes]) + "\n"


def parse(text: str) -> tuple[list[str], dict[str, list[str]], list[str]]:
    """Head, rows by name, and the lines below the table."""
    lines = text.splitlines()
    table = [line for line in lines if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table]
    last = max(k for k, line in enumerate(lines) if line.startswith("|"))
    return cells[0], {row[0]: row for row in cells[2:]}, lines[last + 1 :]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    for folder in parser.parse_args().folders:
        if (folder / "scores.parquet").is_file():
            refresh(folder)
            print(f"{folder}: written again")


if __name__ == "__main__":
    main()
