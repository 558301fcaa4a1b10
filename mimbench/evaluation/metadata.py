"""What a run says of itself in run.json: its settings, its environment, what its tables are."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mimbench.detectors.build import kind_of
from mimbench.evaluation.plan import Plan
from mimbench.evaluation.store import code_version
from mimbench.files import whole

__all__ = ["on_record", "write_metadata"]


def on_record(folder: Path) -> dict[str, Any]:
    """What the run's last end wrote; empty if it has none, or its record cannot be read."""
    try:
        record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def write_metadata(
    plan: Plan,
    folder: Path,
    environment: Mapping[str, Any],
    command: str,
    sums: Mapping[str, str],
) -> None:
    """Write run.json; `sums` are the tables' checksums."""
    metadata = {
        "name": plan.run.name,
        "command": command,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "environment": {**environment, "code": code_version()},
        "checksums": dict(sums),
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
    with whole(folder / "run.json") as partial:
        partial.write_text(json.dumps(metadata, indent=2), encoding="utf-8")
