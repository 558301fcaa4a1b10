"""Make a candidate the new reference."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from mimbench.errors import OutputError, TableError
from mimbench.gate.comparability import row_fits
from mimbench.gate.settings import GateSettings
from mimbench.runfolder.compact import write_compact
from mimbench.scores.reading import read_tables
from mimbench.scores.run_files import refuse_links
from mimbench.scores.tables import RECORD, TABLES, RunTables
from mimbench.statistics.run.retraining import FREEDOM
from mimbench.text import listed

__all__ = ["trained_too_seldom", "update_reference"]

FILES = {*(f"{name}.parquet" for name in TABLES), RECORD}  # that are replaced
BESIDE = {
    "README.md",
    "leaderboard.csv",
    "leaderboard.md",
    "leaderboard.tex",
    "run.toml",
    "gate.toml",
    ".gitattributes",
}


def update_reference(
    reference: Path, candidate: Path, rows: Sequence[str] = (), *, lose_rows: bool = False
) -> tuple[str, ...]:
    """Replace the tables of a reference by those of a candidate, written as `runs compact` does.

    A reference without run.json stays so: it gets the candidate's three tables as they are. Another
    keeps the rows that it has, beside the headline rows.

    Args:
        reference: a folder of tables alone, as a repository keeps them; made if it is not there.
        candidate: folder of a finished run.
        rows: further rows to keep, such as those that a gate file names.
        lose_rows: whether the candidate may lack rows of the reference, which are not judged then.

    Returns:
        Names of the files that were written, sorted.

    Raises:
        OutputError: the reference is the folder of a whole run, or cannot be written; or the
            candidate lacks rows of it.
        TableError: a table of the candidate is missing or wrong.
    """
    offered = _rows(read_tables(candidate))  # before anything of the reference is touched
    there = {path.name for path in reference.iterdir()} if reference.is_dir() else set()
    other = sorted(there - FILES - BESIDE)
    if other:
        raise OutputError(
            f"{reference} holds more than a reference ({', '.join(other[:3])}); to keep a run as "
            f"one, choose a new folder: mimbench gate NEW {candidate} --update."
        )
    had: set[str] = set()
    if there:
        refuse_links(reference)
        had = _rows_there(reference)
    if lost := sorted({*had, *rows} - offered):
        _refuse_to_lose(lost, reference, candidate, lose_rows)
    compact = RECORD in there or not there & FILES
    try:
        with TemporaryDirectory() as place:
            made = Path(place) / "made"
            if compact:
                write_compact(candidate, made, rows=had.union(rows) & offered)
            else:
                made.mkdir()
                for name in TABLES:
                    shutil.copyfile(candidate / f"{name}.parquet", made / f"{name}.parquet")
            reference.mkdir(parents=True, exist_ok=True)
            written = sorted(path.name for path in made.iterdir())
            for name in written:
                shutil.copyfile(made / name, reference / name)
    except OSError as error:
        raise OutputError(f"{reference} cannot be updated: {error.strerror}.") from error
    return tuple(written)


def trained_too_seldom(reference: Path, settings: GateSettings) -> tuple[str, ...]:
    """Rows that can be compared only with the same weights: their retraining is unknown.

    Args:
        reference: folder of the reference.
        settings: the rows that are gated, and the spreads that are recorded for them.
    """
    tables = read_tables(reference)
    found = []
    for row in settings.rows:
        fits = row_fits(tables, row)
        random = fits[fits["seed"].notna()]
        freedom = len(random) - random.groupby("fold", dropna=False).ngroups
        if len(random) and freedom < FREEDOM and row not in settings.retraining:
            found.append(row)
    return tuple(found)


def _rows(tables: RunTables) -> set[str]:
    return {str(row) for row in tables.scores["score"].unique()}


def _rows_there(reference: Path) -> set[str]:
    """Rows of a reference; none where its tables cannot be read, which is why it is replaced."""
    try:
        return _rows(read_tables(reference, accept_changed=True))
    except TableError:
        return set()


def _refuse_to_lose(lost: Sequence[str], reference: Path, candidate: Path, allowed: bool) -> None:
    if not allowed:
        raise OutputError(
            f"{candidate} has no scores for the {listed('row', lost)}, which {reference} has "
            "or the gate names; nothing would judge them from now on. Nothing was replaced. If "
            "that is meant: --allow missing-row."
        )
