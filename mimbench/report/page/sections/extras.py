"""Optional sections of the page: tables that not every run has, in words and cells."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from mimbench.report.leaderboard.entries import Leaderboard
from mimbench.report.leaderboard.groups import Group
from mimbench.report.leaderboard.lookup import interval_text, rounded
from mimbench.report.page.sections.external import external_frame, external_notes
from mimbench.report.page.sections.known import (
    curve_findings,
    curve_lines,
    left_out_findings,
    left_out_lines,
)
from mimbench.report.page.sections.validation import untaught
from mimbench.report.results import Results
from mimbench.runfolder.reading import RunFolder
from mimbench.scores.tables import CLEAN

__all__ = ["Extra", "extras"]

SUBGROUP_MEASURES = {"auroc": "AUROC"}
SIDES = {
    "no ID images": "no target images in this group",
    "no OOD images": "no other images in this group",
}
MOST_ROWS = 200  # of a table on the page; its file has all
WORDS = {
    "known_curve": (
        "Number of known categories",
        "Does a classifier need diverse images of other categories? It was trained again with "
        "fewer known categories, in several random orders that add categories step by step, and "
        "tested on the same images of unknown categories. More categories bring more images too. "
        "Detectors that train on the target alone see none. Intervals cover patients, and hold for "
        "these orders and trainings; more of them (--seeds 3, --folds 3) leave less to luck.",
    ),
    "left_out": (
        "Known categories left out",
        "Classifiers were trained again without each group of known categories in turn, and "
        "tested on the group that they never saw: near-OOD from the collection that they know. "
        "Beside it the same detector, trained on all, on the same images. Intervals cover "
        "patients and hold for these trainings. By category: left_out.csv.",
    ),
    "external_auroc": (
        "External test",
        "How the detectors of this run do on another site's images. AUROC compares external target "
        "images with external images of other categories. Images of the run's own collections take "
        "no part: a score that recognises the collection would seem to recognise the disease. "
        "Verdict per image: external_verdicts.csv.",
    ),
    "harmonise": (
        "With and without harmonising",
        "Clean AUROC on the images as they are, and after all collections were cropped, resampled "
        "and re-encoded alike. What harmonising takes away was told by the file, not the skin.",
    ),
    "calibration": (
        "Calibration",
        "How far the posteriors of classifiers are from the truth, on undamaged target and known "
        "images. Brier score and expected calibration error (ECE): 0 is perfect, lower is better.",
    ),
    "validation": (
        "Classifiers on their validation images",
        "Can a classifier tell the categories it was trained on? One line per fit, on patients "
        "held out of its training. Balanced accuracy is the mean over categories. The calibration "
        "error (ECE) is taken after the one temperature that fits these images best.",
    ),
    "subgroups": (
        "Subgroups",
        "The same numbers within groups of images: is somebody served worse? AUROC compares the "
        "target and other images of a group; sensitivity is the share of its target images that "
        "are accepted at the frozen threshold. Gap: best minus worst group.",
    ),
}


@dataclass(frozen=True)
class Extra:
    """An optional table.

    Attributes:
        stem: name of its file without ".csv".
        more: rows that only the file has.
        findings: sentences that say what it shows.
    """

    stem: str
    title: str
    words: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    more: int
    findings: tuple[str, ...] = ()


def extras(run: RunFolder, results: Results) -> dict[str, Extra]:
    """Tables that this run has, by file stem."""
    board, curve, left_out = results.board, results.known_curve, results.left_out
    external = results.external
    tables = {
        **run.extras,
        "known_curve": curve_lines(curve, board) if len(curve) else curve,
        "left_out": left_out_lines(left_out, board) if len(left_out) else left_out,
        "external_auroc": external_frame(external) if external is not None else pd.DataFrame(),
        "harmonise": _harmonise(results.harmonise),
        "calibration": _calibration(results.calibration),
        "validation": _validation(results.validation),
        "subgroups": _subgroups(run.extras.get("subgroups", pd.DataFrame()), board),
    }
    findings = {
        "known_curve": curve_findings(curve, board),
        "left_out": left_out_findings(left_out, board),
        "external_auroc": tuple(external_notes(external)) if external is not None else (),
        "validation": untaught(run.tables),
    }
    return {
        stem: _extra(stem, tables[stem], findings.get(stem, ()))
        for stem in WORDS
        if len(tables.get(stem, ()))
    }


def _extra(stem: str, table: pd.DataFrame, findings: tuple[str, ...]) -> Extra:
    shown = table.drop(columns="caution", errors="ignore").head(MOST_ROWS)
    title, words = WORDS[stem]
    return Extra(
        stem=stem,
        title=title,
        words=words,
        columns=tuple(str(column).replace("_", " ") for column in shown.columns),
        rows=tuple(tuple(map(str, row)) for row in shown.to_numpy(object)),
        more=len(table) - len(shown),
        findings=findings,
    )


def _harmonise(table: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "score": line["row"],
            "other images": _group(line),
            "AUROC as they are": interval_text(line, "as_is", "as_is_"),
            "AUROC harmonised": interval_text(line, "harmonised", "harmonised_"),
            "change": rounded(line["change"]),
        }
        for line in table.to_dict("records")
    )


def _calibration(table: pd.DataFrame) -> pd.DataFrame:
    if table.empty:
        return table
    clean = table[table["corruption"] == CLEAN]
    return pd.DataFrame(
        {
            "score": row,
            **{
                str(line["metric"]).replace("brier", "Brier score").replace("ece", "ECE"): (
                    interval_text(line)
                )
                for line in part.to_dict("records")
            },
        }
        for row, part in clean.groupby("row", sort=False)
    )


def _validation(table: pd.DataFrame) -> pd.DataFrame:
    shown = table.drop(columns=["fit_id"], errors="ignore").astype(object)
    shown = shown.where(shown.notna(), "none")
    return shown.map(lambda cell: rounded(cell) if isinstance(cell, float) else cell)


def _subgroups(table: pd.DataFrame, board: Leaderboard) -> pd.DataFrame:
    """Lines of subgroups.csv (`mimbench.report.subgroups`), text already."""
    controls = {entry.row for entry in board.entries if entry.control}
    return pd.DataFrame(
        {
            "score": f"{line['row']} (control)" if line["row"] in controls else line["row"],
            "measure": SUBGROUP_MEASURES.get(line["metric"], line["metric"]),
            "other images": "–" if line["metric"] == "sensitivity" else _group(line),
            "group": f"{str(line['by']).replace('_', ' ')}: {line['group']}",
            "value [95 % interval]": SIDES.get(value, value),
            "target patients": line["target_patients"],
            "other patients": "–" if line["metric"] == "sensitivity" else line["other_patients"],
        }
        for line in table.to_dict("records")
        if (value := str(line["value_and_95_interval"]))
    )


def _group(line: Mapping[Any, Any]) -> str:
    return Group(str(line["role"]), str(line["relation"])).label
