"""What a model card says in words: the model, its use, caveats, and how to repeat the numbers."""

from collections.abc import Iterator, Sequence

from mimbench import __version__
from mimbench.claims import Verdict, verdicts_of
from mimbench.report.cautions import cautions
from mimbench.report.model_card.card import Block, CardSection, CardTable, Code
from mimbench.report.model_card.numbers import control_sentences
from mimbench.report.model_card.subject import Subject
from mimbench.scores.tables import CLEAN
from mimbench.text import counted

__all__ = [
    "caveats",
    "details",
    "intended_use",
    "out_of_scope",
    "reproduction",
    "summary",
    "verdicts",
]

SHOWN = 12  # digits of a digest in a table


def summary(subject: Subject) -> tuple[str, ...]:
    """The verdicts, then where the row stands against the controls."""
    if subject.entry.control:
        return (
            f"{subject.row} is a control. It is not meant to know what {subject.run.target} looks "
            "like, and no claim is judged for it.",
        )
    return (*_judged(subject), *control_sentences(subject))


def _judged(subject: Subject) -> Iterator[str]:
    """The verdicts on clean images, those that say the same in one sentence."""
    clean = [own for own in subject.verdicts if own.claim.endswith("clean")]
    alike: dict[tuple[str, str], list[str]] = {}
    for own in clean:
        role = own.claim.partition("-")[0]
        where = " ".join(part for part in (role, own.relation.replace("-", " ")) if part)
        alike.setdefault((own.verdict, own.explanation), []).append(where)
    for (verdict, why), places in alike.items():
        yield (
            f"Does {subject.row} separate {subject.run.target} from other images better than "
            f"chance ({', '.join(places)}; clean images)? {verdict.capitalize()}. {why}"
        )


def details(subject: Subject) -> CardSection:
    """What the model is."""
    info, run = subject.detector, subject.run
    fits = subject.fits
    sizes = f"{info.input_size} px square" if info.input_size else "unknown"
    models = [
        f"{counted(len(fits), 'trained model')}: "
        f"{counted(max(1, fits['fold'].nunique()), 'fold')}, "
        f"{counted(max(1, fits['seed'].nunique()), 'seed')}"
    ]
    facts = [
        ("score", f"{subject.row}; higher = less like {run.target}"),
        ("detector", info.name),
        ("what it is", info.description),
        ("family", info.family),
        ("source", info.reference),
        ("input", f"RGB image, {sizes}"),
        ("trained models", models[0]),
        ("parameters", ", ".join(f"{key} = {value}" for key, value in info.parameters.items())),
        ("run", f"{run.name}, {run.info.date[:10]}" if run.info.date else run.name),
        ("made with", f"mimbench {run.info.environment.get('mimbench', 'unknown')}"),
    ]
    rows = tuple((name, str(value)) for name, value in facts if value)
    blocks: list[Block] = [CardTable(("", "value"), rows)]
    if info.elsewhere:
        blocks.append(
            "Another program made its scores; mimbench knows nothing of the model behind them."
        )
    return CardSection("Model details", tuple(blocks))


def intended_use(subject: Subject) -> CardSection:
    """What the numbers are for."""
    target = subject.run.target
    what = (
        f"Research on how well a score separates images of {target} from other images, and how "
        "much corruptions take from it. The numbers hold for the images, categories and "
        "corruptions that are named below."
    )
    generated = "All images are generated, so that this card says nothing of photos of people."
    return CardSection("Intended use", (what, *[generated] * subject.run.generated))


def out_of_scope(subject: Subject) -> CardSection:
    """What was not tested, and so must not be concluded."""
    tables = subject.run.tables
    images = tables.images
    others = images.loc[images["role"] != "target", "category"].nunique()
    names = [str(n) for n in tables.scores["corruption"].unique() if n != CLEAN]
    lines = [
        "Diagnosis, triage, or any decision about a person: nothing here was tested for that.",
        f"Categories other than the {others} that were tested.",
        f"Corruptions other than the {len(names)} that were measured."
        if names
        else "Corrupted images: none were measured.",
    ]
    if not subject.run.generated and subject.tones.empty:
        lines.append("Any statement about skin tones: they are unknown for these images.")
    if "external" not in set(images["role"]):
        lines.append("Target images of another site or camera: none were tested.")
    return CardSection("Out of scope", (tuple(lines),))


def verdicts(subject: Subject) -> CardSection:
    """Whether the row is better than chance by the rules of `mimbench verify`, and other claims."""
    found: list[Verdict] = [*subject.verdicts]
    found += [own for own in verdicts_of(subject.run) if own.row == subject.row]
    if not found:
        return CardSection("Verdicts", ("No claim was judged for this row.",))
    rows = tuple(
        (
            own.statement,
            own.relation.replace("-", " ") or "–",
            own.verdict,
            f"{own.number}, claimed {own.claimed}" if own.effect else "–",
            own.explanation,
        )
        for own in found
    )
    words = (
        "Supported means: clear over patients and retraining, above every control of its input "
        "size, and dependent on the learned category where the row learned that alone. The first "
        "claims are those of this card, judged as a family of their own; the others were judged "
        "with mimbench verify."
    )
    header = ("claim", "relation", "verdict", "measured, over patients and retraining", "why")
    return CardSection("Verdicts", (words, CardTable(header, rows)))


def caveats(subject: Subject) -> CardSection:
    """What a reader must not conclude."""
    lines: list[str] = []
    if not subject.named:
        rivals = sum(own.headline and not own.control for own in subject.board.entries)
        if rivals > 1:
            lines.append(
                f"This row was chosen because its AUROC is the highest of {rivals} rows, so that "
                "its numbers are on the high side. Name a row that was fixed beforehand (--row)."
            )
    lines += cautions(subject.run, subject.board)
    lines += [note for note in subject.run.info.notes if "known fault of" in note]
    lines += _audit(subject)
    return CardSection("Caveats", (tuple(lines) or "None that mimbench knows of.",))


def _audit(subject: Subject) -> Iterator[str]:
    """Warnings and errors of the audit of the images, where the run made one."""
    table = subject.run.extras.get("audit")
    for line in () if table is None else table.to_dict("records"):
        if line["severity"] in ("warning", "error"):
            yield f"Audit of the images, {line['severity']}: {line['message']}"


def reproduction(subject: Subject, command: Sequence[str]) -> CardSection:
    """Versions, digests and the commands behind the numbers."""
    run = subject.run
    environment = [(name, str(value)) for name, value in run.info.environment.items()]
    digests = [
        (str(fit["detector"]), str(fit["fold"]), str(fit["seed"]),
         str(fit["recipe_hash"])[:SHOWN], str(fit["state_hash"])[:SHOWN])
        for fit in subject.fits.to_dict("records")
    ]  # fmt: skip
    tables = [(f"{name}.parquet", digest) for name, digest in run.info.checksums.items()]
    blocks: list[Block] = []
    if run.info.command:
        blocks += ["The run:", Code(run.info.command)]
    blocks += [f"This card, with mimbench {__version__}:", Code(" ".join(command))]
    if tables:
        blocks += ["SHA-256 of the run's tables:", CardTable(("table", "SHA-256"), tuple(tables))]
    header = ("detector", "fold", "seed", "recipe", "state")
    blocks += [
        "Digests of recipe and trained state, first digits:",
        CardTable(header, tuple(digests)),
    ]
    if environment:
        blocks += ["Versions:", CardTable(("what", "version"), tuple(environment))]
    return CardSection("Versions and digests", tuple(blocks))
