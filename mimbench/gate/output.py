"""The gate's result for people, for a pull request, for a CI server and for programs."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, get_args
from xml.etree import ElementTree

import pandas as pd

from mimbench.gate.comparability import Problem
from mimbench.gate.result import (
    FAILED_ROWS,
    NOT_COMPARABLE,
    PASSED,
    REGRESSION,
    WRONG_SETTINGS,
    GateResult,
    GateTest,
)
from mimbench.gate.settings import Allowed
from mimbench.scores.tables import CLEAN
from mimbench.statistics.core.cautions import legend, mark_of
from mimbench.text import counted, markdown_cell, paragraph, without_controls

__all__ = ["as_json", "as_junit", "as_markdown", "as_text"]

HEADLINES = {
    PASSED: "passed",
    REGRESSION: "failed",
    NOT_COMPARABLE: "not comparable",
    FAILED_ROWS: "incomplete, a row failed",
    WRONG_SETTINGS: "not run, its settings are wrong",
}
SHORT = 12  # digits of an image's key, which `mimbench explain` takes
MEANING = {
    "regression": "worse than the margin allows",
    "improvement": "better",
    "pass": "not worse than the margin allows",
    "inconclusive": "neither shown to be worse nor shown to be good enough",
}
SAME = {
    "scores": "every score is the same in both runs",
    "ranks": "all images keep their ranks under each condition, so these AUROCs are the same",
}


def as_text(result: GateResult, moved: pd.DataFrame | None = None, width: int | None = None) -> str:
    """Plain text for a terminal.

    Args:
        result: of the gate.
        moved: the table of `movers`.
        width: of a line, characters; None: a sentence is a line.
    """
    lines = [_headline(result), ""]
    lines += [_method(result)] * any(not test.unchanged for test in result.tests)
    lines += [f"{mark}: {text}" for mark, text in _grouped(result.problems)]
    lines += filter(None, [_remedy(result)])
    same = _unchanged(result)
    for row, verdict in result.verdicts.items():
        if any(row in rows for rows in same.values()):
            continue
        lines += ["", f"{verdict.upper():<13} {row}: {MEANING[verdict]}"]
        lines += [f"  {_sentence(test)}" for test in result.tests if test.row == row]
        if drops := _largest_drops(result, row):
            lines += [f"  largest drops inside it (unadjusted): {drops}"]
    for what, rows in same.items():
        lines += ["", f"{'PASS':<13} {_of_unchanged(what, rows)}"]
    marked = legend(test.caution for test in result.tests)
    lines += ["", marked] * bool(marked)
    if moved is not None:
        lines += ["", *_moved_lines(moved)]
    if width is not None:
        lines = [_wrapped(line, width) for line in lines]
    return "\n".join(lines) + "\n"


def _wrapped(line: str, width: int) -> str:
    """A line in several; those of a row are indented, so that its verdict stands out."""
    own = line.lstrip()
    first = " " * (len(line) - len(own))
    of_row = first or own.startswith(tuple(f"{verdict.upper()} " for verdict in MEANING))
    return paragraph(own, width, first=first, rest=f"{first}  " if of_row else "")


def as_markdown(result: GateResult, moved: pd.DataFrame | None = None) -> str:
    """Markdown for the summary of a CI job; `moved` as for `as_text`."""
    lines = [f"### {_headline(result)}", ""]
    if any(not test.unchanged for test in result.tests):
        lines += [markdown_cell(_method(result)), ""]
    lines += [f"- **{mark}**: {markdown_cell(text)}" for mark, text in _grouped(result.problems)]
    if remedy := _remedy(result):
        lines += ["", markdown_cell(remedy)]
    for what, rows in _unchanged(result).items():
        lines += ["", markdown_cell(f"**Pass**: {_of_unchanged(what, rows)}")]
    changed = [test for test in result.tests if not test.unchanged]
    if changed:
        lines += [
            "",
            "| verdict | row | condition | reference | candidate | drop | interval | p "
            "| target patients | other patients | retraining sd | 50 % power at a drop of |",
            f"|{'---|' * 12}",
        ]
    lines += [_table_line(test) for test in changed]
    for row in dict.fromkeys(test.row for test in changed):
        if drops := _largest_drops(result, row):
            lines += ["", markdown_cell(f"Largest drops inside {row} (unadjusted): {drops}")]
    marked = legend(test.caution for test in result.tests)
    lines += ["", marked] * bool(marked)
    if moved is not None:
        first, *images = _moved_lines(moved)
        lines += ["", markdown_cell(first), "", *(f"- {markdown_cell(i.strip())}" for i in images)]
    return "\n".join(lines) + "\n"


def _table_line(test: GateTest) -> str:
    return (
        f"| {test.verdict} | {markdown_cell(test.row)} | {markdown_cell(test.condition)} "
        f"| {test.reference:.3f} | {test.candidate:.3f} | {test.drop:+.3f} | {_interval(test)} "
        f"| {_p(test)} | {test.target_patients} | {test.other_patients} | {_retraining_sd(test)} "
        f"| {'unknown' if math.isnan(test.visible) else f'{test.visible:.3f}'} |"
    )


def _retraining_sd(test: GateTest) -> str:
    if test.retraining_sd:
        return f"{test.retraining_sd:.3f}"
    return "none" if test.repeatable else "excluded"


def as_junit(result: GateResult) -> str:
    """JUnit XML: one test case per test of the family and per problem; doubts are properties."""
    suite = ElementTree.Element("testsuite", name="mimbench gate")
    doubts = [problem for problem in result.problems if problem.kind == "tables"]
    if doubts:
        noted = _add(suite, "properties")
        for doubt in doubts:
            _add(noted, "property", name=doubt.kind, value=doubt.message)
    for test in result.tests:
        case = _case(suite, test.row, test.condition)
        if test.verdict in result.fails:
            _add(case, "failure", message=_explained(test))
        elif test.verdict == "inconclusive":
            _add(case, "system-out").text = without_controls(_explained(test))
    for problem in result.problems:
        if problem in doubts:
            continue
        case = _case(suite, problem.row or problem.kind, problem.message)
        kind = "skipped" if problem.allowed else "error"
        _add(case, kind, message=problem.message)
    for name, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error")):
        suite.set(name, str(len(list(suite.iter(tag)))))
    suite.set("skipped", str(len(list(suite.iter("skipped")))))
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def as_json(result: GateResult, moved: pd.DataFrame | None = None) -> str:
    """JSON with everything that the gate found; a number that cannot be had is null.

    `moved` as for `as_text`.
    """
    content = {
        "exit_code": result.exit_code,
        "settings": result.settings.model_dump(mode="json"),
        "verdicts": result.verdicts,
        "problems": [asdict(problem) for problem in result.problems],
        "tests": [_finite(asdict(test)) for test in result.tests],
        "diagnosis": [_finite(line) for line in result.diagnosis.to_dict("records")],
    }
    if moved is not None:
        content["moved"] = [_finite(line) for line in moved.to_dict("records")]
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


def _finite(line: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        str(name): None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in line.items()
    }


def _headline(result: GateResult) -> str:
    counts = pd.Series(list(result.verdicts.values()), dtype=str).value_counts()
    parts = [f"{count} {verdict}" for verdict, count in counts.items()]
    return f"Gate {HEADLINES[result.exit_code]}: {', '.join(parts) or 'nothing was compared'}"


def _remedy(result: GateResult) -> str:
    """What to do where not all that was asked could be compared; empty where it could."""
    if result.exit_code not in (NOT_COMPARABLE, FAILED_ROWS):
        return ""
    refused = {problem.kind for problem in result.problems if not problem.allowed}
    if not any(problem.row for problem in result.problems) and refused == {"missing-row"}:
        return ""  # of no single row; it says itself what to do
    if not result.tests and refused <= {"missing-row", "nan"}:
        return (
            "No row has an AUROC in both runs. Repeat the run that lacks it, or name a row that "
            "both have: --row NAME."
        )
    if result.exit_code == FAILED_ROWS:
        return (
            "Mend the detector and repeat the run in which it failed; or report the row without "
            "failing: --allow missing-row."
        )
    flags = [f"--allow {kind}" for kind in sorted(refused & set(get_args(Allowed)))]
    if not flags:  # a refused difference that cannot be allowed names its remedy itself
        return ""
    return (
        "Repeat the run that differs, with the images, conditions and recipes of the other; or "
        f"report the difference without failing: {' '.join(flags)}."
    )


def _method(result: GateResult) -> str:
    asked = result.settings
    tested = sum(not test.unchanged for test in result.tests)
    return (
        f"AUROC against {asked.role} categories ({asked.relation.replace('-', ' ')}), paired on "
        f"common images; margin {asked.margin:g}; at most {asked.alpha:.0%} false alarms over the "
        f"family of {counted(tested, 'test')}. p is of a drop of at most the margin, "
        f"Holm-adjusted over the family; intervals are "
        f"{100 * (1 - 2 * asked.alpha):.3g}% and of one test alone."
    )


def _sentence(test: GateTest) -> str:
    p = f", p {_p(test)}" if _p(test) else ""
    about = f"{test.target_patients} target and {test.other_patients} other patients"
    if test.retraining_sd:
        about += f", retraining sd {test.retraining_sd:.3f}"
    elif not test.repeatable:
        about += ", compares these two models, retraining variance excluded"
    power = f"50 % power at a drop of {test.visible:.3f}"
    if math.isnan(test.visible):
        power = "power unknown, since no patient differs"
    return (
        f"{test.condition}: AUROC {test.reference:.3f} -> {test.candidate:.3f}, "
        f"drop {test.drop:+.3f} {_interval(test)}{p}; {about}; {power}"
    )


def _largest_drops(result: GateResult, row: str) -> str:
    """The largest drops of a row that do not print as 0."""
    worst = result.diagnosis[result.diagnosis["row"] == row].nlargest(3, "drop")
    shown = worst[worst["drop"].round(3) > 0]
    return ", ".join(f"{part.condition} {part.drop:+.3f}" for part in shown.itertuples())


def _unchanged(result: GateResult) -> dict[str, dict[str, float]]:
    """By what did not change: such rows, with their AUROC on clean images."""
    rows: dict[str, dict[str, float]] = {}
    for test in result.tests:
        if test.unchanged and test.condition == CLEAN:
            rows.setdefault(test.unchanged, {})[test.row] = test.candidate
    return rows


def _of_unchanged(what: str, rows: Mapping[str, float]) -> str:
    named = ", ".join(f"{row} {area:.3f}" for row, area in rows.items())
    return f"{counted(len(rows), 'row')} in which {SAME[what]} (with its clean AUROC): {named}"


def _explained(test: GateTest) -> str:
    """The sentence with what its mark means."""
    return f"{_sentence(test)} {legend([test.caution])}".rstrip()


def _interval(test: GateTest) -> str:
    return f"[{test.low:+.3f}, {test.high:+.3f}]" + mark_of(test.caution)


def _p(test: GateTest) -> str:
    """Of a drop; empty where the row is better, of which it says nothing."""
    if test.verdict == "improvement":
        return ""
    return "< 0.001" if test.p < 0.001 else f"{test.p:.3f}"


def _grouped(problems: Sequence[Problem]) -> Iterator[tuple[str, str]]:
    """What kind of thing is wrong, and a sentence on what; rows with the same problem share it."""
    groups: dict[tuple[str, str, str], list[Problem]] = {}
    for problem in problems:
        alike = problem.message.replace(problem.row, "*") if problem.row else problem.message
        groups.setdefault((problem.kind, _mark(problem), alike), []).append(problem)
    for (_, mark, _), (first, *others) in groups.items():
        also = f"; the same holds for {', '.join(other.row for other in others)}" * bool(others)
        said = first.message + also
        yield mark, said if said.endswith(("?", "!")) else f"{said}."


def _mark(problem: Problem) -> str:
    if problem.allowed:
        return "Allowed"
    if problem.failed:
        return "Failed"
    return "Wrong" if problem.kind == "settings" else "Not comparable"


def _moved_lines(moved: pd.DataFrame) -> list[str]:
    if moved.empty:
        return ["No image moved towards the wrong end."]
    return [
        "Images that moved most towards the wrong end (rank 0: most like the target, 1: least):",
        *(
            f"  {image['row']}: {image['path'] or image['image_id'][:SHORT]} ({image['category']}) "
            f"{image['before']:.2f} to {image['after']:.2f}"
            for image in moved.to_dict("records")
        ),
    ]


def _case(suite: ElementTree.Element, group: str, name: str) -> ElementTree.Element:
    return _add(suite, "testcase", classname=f"gate.{group}", name=name)


def _add(parent: ElementTree.Element, tag: str, **attributes: str) -> ElementTree.Element:
    """An element whose text XML 1.0 can hold: it has no control characters, however written."""
    plain = {name: without_controls(text) for name, text in attributes.items()}
    return ElementTree.SubElement(parent, tag, plain)
