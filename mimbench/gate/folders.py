"""The gate on two run folders: one family of tests for the command and for the pytest fixture."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mimbench.errors import TableError
from mimbench.gate.comparability import scoreless
from mimbench.gate.settings import GateSettings, read_gate_file
from mimbench.recipes import validate
from mimbench.scores.tables import RunTables, read_tables

__all__ = ["folder_settings"]


def folder_settings(
    reference: Path,
    file: Path | None = None,
    fields: Mapping[str, Any] | None = None,
    *,
    accept_changed: bool = False,
) -> GateSettings:
    """Settings of the gate against a run folder.

    Args:
        reference: folder of the run that is good enough.
        file: gate file; by default none.
        fields: of the gate file, which win over it.
        accept_changed: as of `read_tables`.

    Returns:
        The settings; the rows are by default the headline rows of the reference that are no
        controls, and what failed in it.

    Raises:
        RecipeError: the gate file or a field is wrong.
        TableError: the folder has no tables, or its run.json is not readable.
    """
    settings = read_gate_file(file) if file is not None else GateSettings()
    given = {**settings.model_dump(), **(fields or {})}
    if not given["rows"]:
        tables = read_tables(reference, accept_changed=accept_changed)
        given["rows"] = [*_headlines(reference / "run.json", tables), *scoreless(tables)]
    return validate(GateSettings, given, "gate")


def _headlines(path: Path, tables: RunTables) -> list[str]:
    """Rows of no control that speak for their detector; without run.json all of them."""
    controls = set(tables.fits.loc[tables.fits["control"], "detector"])
    headline = _recorded(path)
    rows = []
    for row in sorted(tables.scores["score"].unique()):
        detector, _, score = str(row).partition("/")
        chosen = headline.get(detector)
        if detector not in controls and (not chosen or score in chosen):
            rows.append(str(row))
    return rows


def _recorded(path: Path) -> dict[str, list[str]]:
    """Headline scores of each detector as run.json has them."""
    if not path.is_file():
        return {}
    try:
        detectors = json.loads(path.read_text(encoding="utf-8")).get("detectors", [])
        return {one["name"]: list(one.get("headline", [])) for one in detectors}
    except (UnicodeDecodeError, json.JSONDecodeError, AttributeError, KeyError, TypeError) as error:
        raise TableError(f"{path} is not readable as a run's description: {error}.") from error
