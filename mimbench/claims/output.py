"""Verdicts as a file of the run folder, and as text."""

from collections.abc import Sequence
from pathlib import Path

from mimbench.claims.statement import ClaimsFile
from mimbench.claims.untested import together
from mimbench.claims.verdict import Verdict, Verdicts
from mimbench.files import atomic_write
from mimbench.runfolder.derived import record_derived
from mimbench.scores.tables import RunTables
from mimbench.statistics.core.cautions import legend
from mimbench.text import paragraph

__all__ = ["as_text", "count_text", "exit_code", "write_verdicts"]

WORDS = (
    "supported",
    "refuted",
    "not reproduced",
    "inconclusive",
    "confounded",
    "not tested",
)
WIDTH = 100
BESIDES = "Besides, "  # before what would confound a verdict that is open


def write_verdicts(
    verdicts: Sequence[Verdict], folder: Path, tables: RunTables, claims: ClaimsFile
) -> Path:
    """Write verdicts.json into a run's folder; the page shows it beside the tables it judges.

    Args:
        verdicts: of `verify`.
        folder: of the run.
        tables: that were judged, as read from the folder.
        claims: that they are on; kept with them, so that they can be judged again.

    Raises:
        OutputError: the folder cannot be written.
    """
    path = folder / "verdicts.json"
    with atomic_write(path) as unfinished:
        content = Verdicts(claims=claims, verdicts=tuple(verdicts)).model_dump_json(indent=2)
        unfinished.write_text(f"{content}\n", encoding="utf-8")
    (folder / "verdicts.csv").unlink(missing_ok=True)  # what it was called before 0.1
    record_derived(path, tables)
    return path


def as_text(
    verdicts: Sequence[Verdict], claims: ClaimsFile, target: str, width: int = WIDTH
) -> str:
    """Verdicts as sentences for a terminal.

    Args:
        verdicts: of `verify`.
        claims: that they are on.
        target: category that the run is about.
        width: of a line, characters.
    """
    rules = "Verdicts speak of this implementation and these images."
    if any(own.effect for own in verdicts):
        rules += (
            " Their intervals contain retraining where it is known; those of the leaderboard are "
            "over patients alone."
        )
    if any(own.adjusted_p for own in verdicts):
        rules += (
            " A verdict is clear where p, Holm-adjusted over all that the run can test, is below "
            f"{claims.alpha:g}."
        )
    summary = f"Claims of {claims.name}, target {target}: {count_text(verdicts)}."
    blocks = [f"{paragraph(summary, width)}\n{paragraph(rules, width)}"]
    numbers = [own for own in verdicts if own.verdict != "not tested" or own.effect]
    tested = {(_patients(own), own.few_patients) for own in numbers}
    alike = len(numbers) > 1 and len(tested) == 1
    if alike:  # said once
        told = " ".join(f"Tested: {patients}. {few}" for patients, few in tested)
        blocks.append(paragraph(told.rstrip(), width))
    told_by: dict[str, str] = {}
    blocks += ["\n".join(_lines(own, width, told_by, tested=not alike)) for own in numbers]
    untested = [own for own in verdicts if own not in numbers]
    blocks += _not_tested(untested, width)
    if len({own.remedy for own in untested if own.remedy}) > 1:
        flags = together(own.remedy for own in untested)
        blocks.append(paragraph(f"All of these flags together: {flags}", width))
    marked = legend(own.caution for own in verdicts)
    blocks += [paragraph(marked, width)] * bool(marked)
    return "\n\n".join(blocks) + "\n"


def count_text(verdicts: Sequence[Verdict]) -> str:
    """How many verdicts there are of each kind: those of the headline rows, then the others."""
    headline = [own.verdict for own in verdicts if own.headline]
    further = [own.verdict for own in verdicts if not own.headline]
    parts = [_counted(headline)] * bool(headline)
    parts += [f"further readings: {_counted(further)}"] * bool(further)
    return "; ".join(parts)


def _counted(words: Sequence[str]) -> str:
    return ", ".join(f"{words.count(word)} {word}" for word in WORDS if word in words)


def _not_tested(verdicts: Sequence[Verdict], width: int) -> list[str]:
    """One block for each reason, with the claims and rows that it concerns."""
    by_reason: dict[tuple[str, str], dict[tuple[str, str], list[str]]] = {}
    for own in verdicts:
        of_reason = by_reason.setdefault((own.explanation, own.remedy), {})
        of_reason.setdefault((own.claim, own.statement), []).append(own.row)
    blocks = []
    for (reason, remedy), claims in by_reason.items():
        lines = [paragraph(f"NOT TESTED  {reason}", width, rest="  ")]
        for (claim, statement), rows in claims.items():
            concerned = f"{claim} ({', '.join(dict.fromkeys(rows))}): {statement}"
            lines.append(paragraph(concerned, width, first="  ", rest="    "))
        if remedy:
            told = f"To test it, add to the run's command: {remedy}"
            lines.append(paragraph(told, width, first="  ", rest="    "))
        blocks.append("\n".join(lines))
    return blocks


def exit_code(verdicts: Sequence[Verdict], *, strict: bool = False) -> int:
    """0; with `strict` 1 unless all are supported."""
    return int(strict and any(own.verdict != "supported" for own in verdicts))


def _patients(own: Verdict) -> str:
    """How many were tested, e.g. "9 target and 42 other patients"."""
    sides = ((own.target_patients, "target"), (own.other_patients, "other"))
    return f"{' and '.join(f'{count} {side}' for count, side in sides if count)} patients"


def _lines(own: Verdict, width: int, told_by: dict[str, str], *, tested: bool) -> list[str]:
    """A verdict.

    Args:
        own: the verdict.
        width: of a line, characters.
        told_by: the claim that told each sentence of what confounds; is added to.
        tested: with the patients that were tested.
    """
    reading = "" if own.headline else ", a further reading"
    lines = [f"{own.verdict.upper()}  {own.claim} ({own.row}{reading})", own.statement]
    if own.effect:
        measured = "Not counted: " * (own.verdict == "not tested")
        measured += f"{own.effect}: {own.number}, claimed: {own.claimed}"
        parts = [f"adjusted p {own.adjusted_p}"] * bool(own.adjusted_p)
        parts += [_patients(own)] * tested
        lines.append(f"{'; '.join([measured, *parts])}.")
    explained, besides, confound = own.explanation.partition(BESIDES)
    if besides and told_by.setdefault(confound, own.claim) != own.claim:
        confound = f"the same as for {told_by[confound]}."
    explained += besides + confound
    reasons = [text for text in (own.few_patients * tested, explained) if text]
    first = 2 if own.verdict == "not tested" else len(lines)  # where the numbers do not count
    lines[first:first] = reasons[::-1] if own.verdict == "not tested" else reasons
    return [paragraph(line, width, first="  " * (k > 0), rest="  ") for k, line in enumerate(lines)]
