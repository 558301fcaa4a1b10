"""Make a candidate the new reference."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from mimbench.errors import OutputError
from mimbench.runfolder.compact import write_compact
from mimbench.scores.reading import read_tables
from mimbench.scores.run_files import refuse_links
from mimbench.scores.tables import RECORD, TABLES

__all__ = ["update_reference"]

FILES = {*(f"{name}.parquet" for name in TABLES), RECORD}  # that are replaced
BESIDE = {
    "README.md",
    "leaderboard.csv",
    "leaderboard.md",
    "run.toml",
    "gate.toml",
    ".gitattributes",
}


def update_reference(reference: Path, candidate: Path) -> tuple[str, ...]:
    """Replace the tables of a reference by those of a candidate, written as `runs compact` does.

    A reference without run.json stays so: it gets the candidate's three tables as they are.

    Args:
        reference: a folder of tables alone, as a repository keeps them; made if it is not there.
        candidate: folder of a finished run.

    Returns:
        Names of the files that were written, sorted.

    Raises:
        OutputError: the reference is the folder of a whole run, or cannot be written.
        TableError: a table of the candidate is missing or wrong.
    """
    read_tables(candidate)  # before anything of the reference is touched
    there = {path.name for path in reference.iterdir()} if reference.is_dir() else set()
    other = sorted(there - FILES - BESIDE)
    if other:
        raise OutputError(
            f"{reference} holds more than a reference ({', '.join(other[:3])}); to keep a run as "
            f"one, choose a new folder: mimbench gate NEW {candidate} --update."
        )
    if there:
        refuse_links(reference)
    compact = RECORD in there or not there & FILES
    try:
        with TemporaryDirectory() as place:
            made = Path(place) / "made"
            if compact:
                write_compact(candidate, made)
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
