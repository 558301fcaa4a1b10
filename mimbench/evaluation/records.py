"""What a run says of itself in run.json: its settings, its environment, what its tables are."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mimbench.detectors.build import kind_of
from mimbench.evaluation.planning.plan import Plan
from mimbench.files import file_hash
from mimbench.runfolder.started_in import KEY
from mimbench.runfolder.store import score_code
from mimbench.scores.digests import write_sealed
from mimbench.scores.tables import BESIDE, RECORD, checksums

__all__ = ["write_metadata"]


def write_metadata(
    plan: Plan,
    folder: Path,
    environment: Mapping[str, Any],
    command: str,
) -> None:
    """Write run.json, with the SHA-256 of the tables and files that stand in `folder` by now."""
    metadata = {
        "name": plan.run.name,
        "command": command,
        KEY: str(Path.cwd()),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "environment": {**environment, "code": score_code()},
        "checksums": checksums(folder),
        "files": {name: file_hash(folder / name) for name in BESIDE if (folder / name).is_file()},
        "target": plan.dataset.target,
        "canonical_size": plan.canonical_size,
        "corruption_size": plan.corruption_size,
        "notes": list(plan.dataset.notes),
        "run": plan.run.model_dump(mode="json"),
        "detectors": [
            {
                **recipe.model_dump(mode="json"),
                "trains_on": kind_of(recipe).trains_on,
                "open_set": kind_of(recipe).open_set,
            }
            for recipe in plan.recipes
        ],
    }
    write_sealed(folder / RECORD, metadata)
