"""What controls show of the images at a size that other rows of the run do not see."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from mimbench.scores.tables import CLEAN, RunTables
from mimbench.statistics.core.estimate import Estimate
from mimbench.statistics.run.comparisons import Quantity, RunAurocs
from mimbench.statistics.run.controls import row_facts, sized_name
from mimbench.statistics.run.uncertainty import paired_difference

__all__ = ["larger_size_warnings"]


@dataclass(frozen=True)
class _Larger:
    """One score of a control at a size that some other rows of the run do not see.

    Attributes:
        row: the control's.
        size: that it sees, pixels.
        smaller: rows of the same score at the smallest size that other rows see; empty if none.
        smaller_size: that size, pixels.
    """

    row: str
    size: int
    smaller: str
    smaller_size: int


def larger_size_warnings(tables: RunTables, level: float = 0.95) -> tuple[str, ...]:
    """What controls show of the images that is not to be seen at the size of other rows.

    Args:
        tables: of a run.
        level: confidence level of the intervals.

    Returns:
        A paragraph for each score of a control that separates the target from a group of images at
        a larger size, and clearly better than at the size of other rows where that was computed.
    """
    facts, scores = row_facts(tables), tables.scores
    larger = list(_larger(facts[facts.index.isin(scores["score"].unique())]))
    if not larger:
        return ()
    aurocs = RunAurocs(replace(tables, scores=scores[scores["corruption"] == CLEAN]))
    found = [(control, _separated(control, aurocs, level)) for control in larger]
    return tuple(_paragraph(control, places) for control, places in found if places)


def _larger(facts: pd.DataFrame) -> Iterator[_Larger]:
    sizes = facts.loc[~facts["control"] & (facts["input_size"] > 0), "input_size"]
    if sizes.empty:
        return
    smallest = int(sizes.min())
    controls = facts[facts["control"]].reset_index(names="row")
    controls["score"] = [str(row).partition("/")[2] for row in controls["row"]]
    controls["base"] = [
        detector.removesuffix(sized_name("", size))
        for detector, size in zip(controls["detector"], controls["input_size"], strict=True)
    ]
    beside = controls[controls["input_size"] == smallest]
    for control in controls[controls["input_size"] > smallest].itertuples():
        same = beside[(beside["base"] == control.base) & (beside["score"] == control.score)]
        smaller = str(same["row"].iloc[0]) if len(same) else ""
        yield _Larger(str(control.row), int(str(control.input_size)), smaller, smallest)


def _separated(control: _Larger, aurocs: RunAurocs, level: float) -> list[str]:
    """Groups of images that the control separates at its size and not as well at the smaller."""
    places = []
    for role, relation in aurocs.groups():
        large = aurocs.measured(Quantity(control.row, role=role, relation=relation))
        area = large.patients.area_estimates(level)[0]
        if not area.low > 0.5:  # nor where there is no number
            continue
        words = f"{role} images, {relation.replace('-', ' ')}: AUROC {_interval(area)}"
        if control.smaller:
            small = aurocs.measured(Quantity(control.smaller, role=role, relation=relation))
            if not paired_difference(large, small, level)[0].low > 0:
                continue
            area = small.patients.area_estimates(level)[0]
            words += f", at {control.smaller_size} px {_interval(area)}"
        places.append(words)
    return places


def _interval(area: Estimate) -> str:
    return f"{area.value:.2f} [{area.low:.2f}, {area.high:.2f}]"


def _paragraph(control: _Larger, places: Sequence[str]) -> str:
    size, smaller = f"{control.size} px", f"{control.smaller_size} px"
    lost = (
        f"These images differ from the target in something that is lost at {smaller}."
        if control.smaller
        else f"Whether that is still to be seen at {smaller} was not measured."
    )
    return (
        f"The control {control.row} at {size} separates the target from {'; from '.join(places)}. "
        f"{lost} Rows that see {smaller} are not compared with this control."
    )
