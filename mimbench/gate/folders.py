"""The gate on two run folders: one family of tests for the command and for the pytest fixture."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mimbench.gate.comparability import scoreless
from mimbench.gate.settings import GateSettings, read_gate_file
from mimbench.recipes import validate
from mimbench.runfolder.info import RunInfo, read_run_info
from mimbench.scores.reading import read_tables
from mimbench.scores.tables import RunTables

__all__ = ["folder_settings", "stated_settings"]


def stated_settings(
    file: Path | None = None, fields: Mapping[str, Any] | None = None
) -> GateSettings:
    """Settings as they are stated, before any run is read; arguments as of `folder_settings`.

    Raises:
        RecipeError: the gate file or a field is wrong.
    """
    settings = read_gate_file(file) if file is not None else GateSettings()
    return validate(GateSettings, {**settings.model_dump(), **(fields or {})}, "gate")


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
        RecipeError: the gate file, a field, or a field of run.json is wrong.
        TableError: the folder has no tables, or its run.json is not readable.
    """
    settings = stated_settings(file, fields)
    if settings.rows:
        return settings
    tables = read_tables(reference, accept_changed=accept_changed)
    info, _ = read_run_info(reference, accept_changed=accept_changed)
    return settings.model_copy(update={"rows": (*_headlines(info, tables), *scoreless(tables))})


def _headlines(info: RunInfo, tables: RunTables) -> list[str]:
    """Rows of no control that speak for their detector; without run.json all of them."""
    controls = set(tables.fits.loc[tables.fits["control"], "detector"])
    described = {detector.name: detector for detector in info.detectors}
    rows = []
    for row in sorted(map(str, tables.scores["score"].unique())):
        name = row.partition("/")[0]
        if name not in controls and (name not in described or described[name].is_headline(row)):
            rows.append(row)
    return rows
