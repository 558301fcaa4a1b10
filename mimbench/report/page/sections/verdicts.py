"""Verdicts about claims, as the page shows them: the headline first, further readings below."""

from dataclasses import dataclass

import pandas as pd

from mimbench.claims.output import claimed
from mimbench.statistics.core.cautions import MARK

__all__ = ["ClaimView", "claim_views"]


@dataclass(frozen=True)
class Reading:
    """One verdict: on which score, why, and the numbers behind it in one line."""

    verdict: str
    row: str
    why: str
    evidence: str


@dataclass(frozen=True)
class ClaimView:
    """A claim with its headline reading and further ones."""

    claim: str
    headline: Reading
    further: tuple[Reading, ...]


def claim_views(table: pd.DataFrame | None) -> list[ClaimView]:
    """Claims in the order of verdicts.csv (`mimbench.claims.output.verdict_table`)."""
    if table is None or table.empty:
        return []
    views = []
    for _, part in table.groupby("id", sort=False):
        lines = part.to_dict("records")
        lines.sort(key=lambda line: line["reading"] != "headline")
        readings = [_reading({str(key): str(value) for key, value in x.items()}) for x in lines]
        views.append(ClaimView(str(lines[0]["claim"]), readings[0], tuple(readings[1:])))
    return views


def _reading(line: dict[str, str]) -> Reading:
    parts = []
    if line["measured"]:
        mark = MARK * bool(line.get("caution"))
        parts.append(f"{line['measured']}: {line['effect']} {line['interval_95']}{mark}")
        parts += [f"claimed {claimed(float(line['claimed']))}"] * bool(line["claimed"])
        parts += [f"adjusted p {line['p_adjusted']}"] * bool(line["p_adjusted"])
        parts.append(
            f"{line['target_patients']} target and {line['other_patients']} other patients"
        )
    return Reading(line["verdict"], line["row"], line["why"], "; ".join(parts))
