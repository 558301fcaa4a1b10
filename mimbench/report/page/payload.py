"""The numbers that the page's script draws, as small as they can be written."""

import base64
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mimbench.report.figures.families import by_family
from mimbench.report.figures.styles import RowStyle
from mimbench.report.leaderboard.entries import Leaderboard
from mimbench.report.leaderboard.groups import Group
from mimbench.report.leaderboard.lookup import rounded
from mimbench.scores.tables import CLEAN
from mimbench.statistics.tables.definitions import METRICS as ALL_METRICS

__all__ = ["METRICS", "page_payload"]

NONE = -(2**15)  # in place of a value that there is not
METRICS = {metric.name: metric.title for metric in ALL_METRICS if metric.on_page}
# Beyond this many numbers only headline scores are drawn, so that the page stays below 5 MB.
MOST_CELLS = 150_000
ALL = "*"
MEAN = -1


def page_payload(
    metrics: pd.DataFrame,
    board: Leaderboard,
    styles: Mapping[str, RowStyle],
    claimed: Collection[str] = (),
) -> dict[str, Any]:
    """Rows, groups, conditions and values for the script of the page.

    `values[metric][protocol][group][row]` is a flat list over corruptions (first the mean of all),
    severities (first their mean) and (value, low, high), in thousandths; None where not measured.
    `clean[metric][group][row]` is one such triple. Rows in `claimed` are among those shown first.
    """
    means = metrics[
        (metrics["question"] == "detection")
        & (metrics["category"] == "")
        & metrics["metric"].isin(list(METRICS))
    ]
    entries = board.entries
    if len(means) > MOST_CELLS:
        entries = tuple(entry for entry in entries if entry.headline or entry.row in claimed)
    rows = [entry.row for entry in entries]
    first = board.first_rows
    means = means[means["row"].isin(rows)]
    corrupted = means[means["corruption"] != CLEAN]
    corruptions = [ALL, *sorted(set(corrupted["corruption"]) - {ALL})]
    severities = [MEAN, *sorted(int(s) for s in set(corrupted["severity"]) if s > 0)]
    return {
        "rows": [
            {
                "name": entry.row,
                "control": entry.control,
                "few": entry.row in board.leading_rows or entry.row in claimed,
                "first": entry.row in first,
                "family": entry.detector.family,
                "colour": styles[entry.row].colour,
                "dashes": styles[entry.row].dashes,
                "marker": styles[entry.row].marker,
            }
            for entry in entries
        ],
        "groups": [_group(board, group) for group in board.groups],
        "primary": board.groups.index(board.primary) if board.primary else 0,
        "corruptions": corruptions,
        "families": [
            [name, [corruptions.index(one) for one in own]]
            for name, own in by_family(corruptions[1:]).items()
        ],
        "severities": severities,
        "metrics": METRICS,
        "lower_is_better": [m.name for m in ALL_METRICS if m.on_page and m.lower_is_better],
        "clean": _clean(means, board.groups, rows),
        "values": _values(corrupted, board.groups, rows, corruptions, severities),
    }


def _group(board: Leaderboard, group: Group) -> dict[str, Any]:
    cells = (entry.cell(group, "auroc") for entry in board.entries)
    first = next((cell for cell in cells if cell is not None), None)
    counts = ("n_target", "n_target_patients", "n_other", "n_other_patients")
    return {"label": group.label, **{name: getattr(first, name, 0) for name in counts}}


def _clean(
    means: pd.DataFrame, groups: Sequence[Group], rows: Sequence[str]
) -> dict[str, list[list[str]]]:
    table = means[means["corruption"] == CLEAN]
    return {
        metric: _nested(table[table["metric"] == metric], groups, rows, [CLEAN], [0])
        for metric in METRICS
    }


def _values(
    corrupted: pd.DataFrame,
    groups: Sequence[Group],
    rows: Sequence[str],
    corruptions: Sequence[str],
    severities: Sequence[int],
) -> dict[str, dict[str, list[list[str]]]]:
    parts = dict(tuple(corrupted.groupby(["metric", "protocol"], observed=True)))
    nested: dict[str, dict[str, list[list[str]]]] = {}
    for (metric, protocol), part in parts.items():
        cells = _nested(part, groups, rows, corruptions, severities)
        nested.setdefault(str(metric), {})[str(protocol)] = cells
    return nested


def _nested(
    table: pd.DataFrame,
    groups: Sequence[Group],
    rows: Sequence[str],
    corruptions: Sequence[str],
    severities: Sequence[int],
) -> list[list[str]]:
    """Thousandths by group and row, packed: corruptions, severities and (value, low, high)."""
    shape = (len(groups), len(rows), len(corruptions), len(severities), 3)
    cells = np.full(shape, np.nan)
    pairs = pd.MultiIndex.from_arrays(
        [[group.role for group in groups], [group.relation for group in groups]]
    )
    place = (
        pairs.get_indexer(pd.MultiIndex.from_frame(table[["role", "relation"]])),
        pd.Index(rows).get_indexer(pd.Index(table["row"])),
        pd.Index(corruptions).get_indexer(pd.Index(table["corruption"])),
        pd.Index(severities).get_indexer(pd.Index(table["severity"])),
    )
    cells[place] = table[["value", "low", "high"]].to_numpy(float)
    return [[_packed(row) for row in group] for group in cells]


def _packed(values: NDArray[np.float64]) -> str:
    """Thousandths of values as base64 of little-endian integers of 16 bits; `NONE` where none."""
    return base64.b64encode(_thousandths(values.ravel()).astype("<i2").tobytes()).decode("ascii")


def _thousandths(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """The thousandths nearest to `values` of those that the script prints as `rounded` does.

    The script rounds thousandths to hundredths, half up; rounding twice could print another number
    than the tables of the page, which round the value itself.
    """
    there = np.isfinite(values)
    own = np.where(there, values, 0.0)
    hundredths = np.rint(own * 100).astype(np.int64)
    near_half = np.abs(own * 100 - np.floor(own * 100) - 0.5) < 1e-6  # a product is not exact
    for k in np.flatnonzero(near_half):
        hundredths[k] = round(float(rounded(float(own[k]))) * 100)
    thousandths = np.rint(own * 1000).astype(np.int64)
    lowest, highest = 10 * hundredths - 5, 10 * hundredths + 4
    return np.where(there, np.minimum(np.maximum(thousandths, lowest), highest), NONE)
