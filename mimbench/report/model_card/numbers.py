"""What a model card says in numbers: metrics, skin tone, corruption, controls, class signal."""

from collections.abc import Iterator, Mapping
from math import isnan
from typing import Any

from mimbench.report.leaderboard.columns import COLUMNS, with_values
from mimbench.report.leaderboard.groups import Group
from mimbench.report.leaderboard.lookup import (
    MEAN_CELL,
    Estimates,
    Measure,
    interval_text,
    rounded,
)
from mimbench.report.leaderboard.notes import board_legend, difference_text, sample_note
from mimbench.report.model_card.card import Block, CardSection, CardTable
from mimbench.report.model_card.subject import Subject
from mimbench.report.page.sections.operating import operating_lines
from mimbench.scores.tables import CLEAN, RunTables
from mimbench.statistics.tables.class_signal import class_signal_table
from mimbench.statistics.tables.operating import operating_table
from mimbench.statistics.tables.row_metrics import MEAN_SEVERITY
from mimbench.statistics.tables.subgroups import FEWEST_PATIENTS, GAP
from mimbench.text import counted

__all__ = [
    "class_signal",
    "control_sentences",
    "controls",
    "corruption",
    "metrics",
    "skin_tone",
]

STANDINGS = {
    "above": "is above the best control",
    "uncertain": "is not clearly above the best control",
    "not above": "does not beat the best control",
}


def metrics(subject: Subject) -> CardSection:
    """The row's measures by group of other images, and what the frozen threshold gives."""
    entry, groups = subject.entry, subject.board.groups
    shown = [column for column in COLUMNS if column.page and column.measure is not None]
    shown = [c for c in shown if any(with_values([c], [entry], group) for group in groups)]
    rows = [
        (
            group.label,
            *(column.text(entry, group) for column in shown),
            _counts(subject, group),
        )
        for group in groups
    ]
    header = ("other images", *(column.page for column in shown), "tested")
    blocks: list[Block] = [CardTable(header, tuple(rows))]
    blocks += [note for note in (board_legend(subject.board), sample_note(subject.board)) if note]
    blocks.append(
        "AUROC is the chance that another image gets a higher score than a target image; 0.5 is "
        "chance. FPR@95TPR: share of other images accepted when 95 % of the target is accepted. "
        "The intervals here leave retraining out; those of the verdicts contain it where it is "
        "known, so that one number can have two intervals."
    )
    return CardSection("Metrics", (*blocks, *_threshold(subject)))


def _counts(subject: Subject, group: Group) -> str:
    auroc = subject.entry.cell(group, "auroc")
    if auroc is None:
        return "n/a"
    return (
        f"{counted(auroc.n_target, 'target image')} of "
        f"{counted(auroc.n_target_patients, 'patient')}, {counted(auroc.n_other, 'other image')} "
        f"of {counted(auroc.n_other_patients, 'patient')}"
    )


def _threshold(subject: Subject) -> Iterator[Block]:
    own = subject.run.tables.scores["score"] == subject.row
    tables = subject.run.tables
    tables = RunTables(tables.scores[own], tables.fits, tables.images)
    groups = [group for group in subject.board.groups if not group.external]
    lines, reason = operating_lines(operating_table(tables), groups, [subject.row])
    if not lines:
        yield f"No operating threshold: {reason or 'no validation scores'}."
        return
    (line,) = lines
    refused = [
        f"specificity on {group.label} {text}"
        for group, text in zip(groups, line.specificity, strict=True)
    ]
    yield (
        "At the threshold that was frozen on validation images for 95 % sensitivity: sensitivity "
        f"{line.sensitivity}; {'; '.join(refused)}; lowest sensitivity under corruption "
        f"{line.lowest}."
    )


def skin_tone(subject: Subject) -> CardSection:
    """AUROC and sensitivity by tone, the gap, and the tones that are too small."""
    tones = subject.tones
    if tones.empty:
        if subject.run.generated:
            text = "Not measured: the images are generated."
        else:
            text = (
                "Not measured: the skin tone of the images is unknown. Nothing here says whether "
                "the detector does worse on some skin."
            )
        return CardSection("By skin tone", (text,))
    rows: list[tuple[str, ...]] = []
    small: dict[str, list[str]] = {}
    for line in tones.to_dict("records"):
        group = Group(str(line["role"]), str(line["relation"]))
        auroc = line["metric"] == "auroc"
        gap = line["group"] == GAP
        rows.append(
            (
                "gap, best minus worst" if gap else str(line["group"]),
                "AUROC" if auroc else str(line["metric"]),
                group.label if auroc else "–",
                str(line["reason"]) if isnan(line["value"]) else interval_text(line),
                "–" if gap else str(line["target_patients"]),
                "–" if gap or not auroc else str(line["other_patients"]),
            )
        )
        if str(line["reason"]).startswith("too small"):
            where = f"AUROC, {group.label}" if auroc else str(line["metric"])
            small.setdefault(str(line["group"]), []).append(where)
    header = (
        *("skin tone", "measure", "other images", "value [95 % interval]"),
        *("target patients", "other patients"),
    )
    blocks: list[Block] = [CardTable(header, tuple(rows))]
    if small:
        named = [f"{tone} ({'; '.join(places)})" for tone, places in small.items()]
        blocks.append(
            f"Too small to be measured: {', '.join(named)}. A tone needs {FEWEST_PATIENTS} "
            "patients on each side; where it has fewer, nothing is known of the detector on it."
        )
    if not any(row[0].startswith("gap") for row in rows):
        blocks.append("No gap can be given: fewer than two tones are large enough.")
    return CardSection("By skin tone", tuple(blocks))


def corruption(subject: Subject) -> CardSection:
    """AUROC under each corruption, on the group that sorts the leaderboard."""
    scores = subject.run.tables.scores
    names = [str(name) for name in scores["corruption"].unique() if name != CLEAN]
    group = subject.board.primary
    if not names or group is None:
        return CardSection("Under corruption", ("Not measured: the run has no corruption.",))
    estimates, lines = Estimates(subject.metrics), []
    for name in [*names, MEAN_CELL[0]]:
        cell = (name, MEAN_SEVERITY)
        found = [
            estimates.get(subject.row, group, Measure(metric, cell, protocol))
            for metric, protocol in (
                *(("auroc", "both"), ("auroc_drop", "both")),
                *(("auroc", "target-only"), ("auroc_drop", "target-only")),
            )
        ]
        texts = ["n/a" if own is None else own.text() for own in found]
        drop = found[1].value if found[1] is not None else float("nan")
        label = "mean of all" if name == MEAN_CELL[0] else name.replace("_", " ")
        lines.append((drop, (label, *texts)))
    *own, mean = lines
    own.sort(key=lambda line: (isnan(line[0]), -line[0]))
    levels = sorted({int(s) for s in scores.loc[scores["severity"] > 0, "severity"].unique()})
    size = f" Images were corrupted at {subject.board.corrupted_at}." * bool(
        subject.board.corrupted_at
    )
    words = (
        f"Against {group.label}; mean over severities {', '.join(map(str, levels))}; the largest "
        f"drop first. A drop is the clean AUROC minus that under the corruption.{size} "
        "Corruptions are simulated."
    )
    header = (
        *("corruption", "AUROC, both sides corrupted", "drop"),
        *("AUROC, target alone corrupted", "drop, target alone"),
    )
    return CardSection(
        "Under corruption", (words, CardTable(header, (mean[1], *(x[1] for x in own))))
    )


def controls(subject: Subject) -> CardSection:
    """The row beside the controls, which do not know the target."""
    entry, board = subject.entry, subject.board
    if entry.control:
        text = "This row is a control itself: it is not meant to know what the target looks like."
        return CardSection("Controls", (text,))
    sentences = control_sentences(subject)
    beside = [
        board.entry(name)
        for name in dict.fromkeys(
            row for row in map(str, subject.compared.scores["score"].unique()) if row != entry.row
        )
        if name in {own.row for own in board.entries}
    ]
    rows = [
        (
            own.row,
            own.detector.description,
            *(
                cell.text() if (cell := own.cell(group, "auroc")) is not None else "n/a"
                for group in board.groups
            ),
        )
        for own in beside
    ]
    blocks: list[Block] = [tuple(sentences)]
    if rows:
        header = ("control", "what it is", *(f"AUROC, {group.label}" for group in board.groups))
        blocks.append(CardTable(header, tuple(rows)))
    blocks += [f"Warning about the images. {warning}" for warning in board.warnings]
    return CardSection("Controls", tuple(blocks))


def control_sentences(subject: Subject) -> list[str]:
    """Where the row stands against the best control, a sentence for each group of other images."""
    entry, board = subject.entry, subject.board
    sentences = []
    for group in board.groups:
        if group not in entry.over_control:
            sentences.append(
                f"{group.label}: no control of its input size was run, so nothing shows that it "
                "uses more than image statistics."
            )
            continue
        name, value = entry.best_control[group]
        about = board.entry(name).detector.description.rstrip(".")
        called = f"{name} ({about})" if about else name
        standing = STANDINGS.get(entry.standing(group), "is not compared with the best control")
        sentences.append(
            f"{group.label}: {entry.row} {standing}, {called}, which reaches AUROC "
            f"{rounded(value)}; difference {difference_text(entry.over_control[group])}."
        )
    return sentences


def class_signal(subject: Subject) -> CardSection:
    """The swap test: whether the score depends on the category that was learned."""
    table = class_signal_table(subject.compared)
    lines = [line for line in table.to_dict("records") if line["row"] == subject.row]
    target = subject.run.target
    if not lines:
        words = (
            "No swap test: the row does not learn from the target alone."
            if subject.trains_on not in ("target", "")
            else "No swap test was made, so nothing here shows that the score depends on "
            f"{target}. Run with --swap and a known category."
        )
        return CardSection("Class signal", (words,))
    rows = [_signal(line) for line in lines]
    header = (
        *("other images", "fitted instead on", "AUROC", "AUROC, fitted so"),
        *("class signal", "beyond the closest control", "note"),
    )
    words = (
        f"The same recipe was trained on another category in place of {target} and scored the same "
        "images. The class signal is the difference of the two AUROCs; around zero, the score does "
        f"not depend on {target}. Beyond a control: what such a difference exceeds that of a "
        "control by."
    )
    return CardSection("Class signal", (words, CardTable(header, tuple(rows))))


def _signal(line: Mapping[Any, Any]) -> tuple[str, ...]:
    swap = line["role"] == "swap"
    beyond = f"{interval_text(line, 'over_control', 'over_')} ({line['control']})"
    notes = [str(line[name]) for name in ("note", "reason") if line[name]]
    if line["not_compared"]:
        notes.append(f"no class signal of {line['not_compared']}")
    return (
        "the swap category itself" if swap else Group(line["role"], line["relation"]).label,
        str(line["swap"]),
        rounded(line["auroc"]),
        rounded(line["auroc_swap"]),
        interval_text(line),
        beyond if line["control"] else "–",
        "; ".join(notes),
    )
