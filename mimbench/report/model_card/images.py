"""What a model card says of the images: which trained and tested the row, and whose they are."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from mimbench.recipes import names, read_toml
from mimbench.report.model_card.card import Block, CardSection, CardTable
from mimbench.report.model_card.subject import Subject
from mimbench.text import counted

__all__ = ["evaluation_data", "licences", "tone_counts", "training_data"]

TRAINS_ON = {"target": ("target",), "known": ("target", "known")}
NO_PATIENTS = "no patients are known"  # in a note of a run on one of its data sets


def training_data(subject: Subject) -> CardSection:
    """The images that the row was trained on, with patients and skin tones."""
    roles = TRAINS_ON.get(subject.trains_on, ())
    if not roles:
        sentence = {
            "nothing": "It was not trained in this run: it needs no training, or came trained.",
            "rows": "It combines scores of other rows, and trains on nothing else.",
        }.get(subject.trains_on, "unknown: the run does not record what it was trained on.")
        return CardSection("Training data", (sentence,))
    images = subject.run.tables.images
    among = subject.part("train") & images["role"].isin(roles).to_numpy(dtype=bool)
    blocks: list[Block] = [_sizes(subject, among), tone_counts(subject, _ever(among))]
    validation = subject.part("validation") & images["role"].isin(roles).to_numpy(dtype=bool)
    if validation.any():
        blocks.append(
            f"{_range(validation.sum(axis=1))} further images per trained model were held out of "
            "training, to stop it and to set the threshold."
        )
    return CardSection("Training data", (_trained_on(subject), *blocks))


def _trained_on(subject: Subject) -> str:
    target = subject.run.target
    if subject.trains_on == "target":
        return f"Images of {target} alone. It saw no image of any other category."
    return f"Images of {target} and of the known categories, which are named here."


def evaluation_data(subject: Subject) -> CardSection:
    """The images that the row was tested on."""
    images = subject.run.tables.images
    tested = subject.part("test")
    folds = subject.run.tables.folds
    how = (
        f"Patients were divided into {folds} folds; each image of the target and of known "
        "categories is tested by the model that did not see its patient."
        if folds > 1
        else "One division of the patients into training, validation and test part."
    )
    sources = sorted({str(name) for name in images.loc[_ever(tested), "source"] if name})
    blocks: list[Block] = [how, _sizes(subject, tested), tone_counts(subject, _ever(tested))]
    blocks += [f"Sources of the tested images: {', '.join(sources)}."] * bool(sources)
    blocks += [
        "No image of the target comes from a second site (role external), so the score was not "
        "tested at one."
    ] * ("external" not in set(images["role"]))
    return CardSection("Evaluation data", tuple(blocks))


def _sizes(subject: Subject, among: NDArray[np.bool_]) -> CardTable:
    """Images and patients by data set, role and category, over all folds and per fold."""
    images = subject.run.tables.images
    unknown = {name for name in images["dataset"].unique() if _no_patients(subject, str(name))}
    used = _ever(among)
    rows = []
    for (role, category, dataset), part in images[used].groupby(
        ["role", "category", "dataset"], sort=False
    ):
        own = part.index.to_numpy()
        patients = f"{part['patient'].nunique()}"
        if dataset in unknown:
            patients = "unknown (each image counts as one)"
        rows.append(
            (
                str(role),
                str(category),
                str(dataset),
                str(len(part)),
                _range(among[:, own].sum(axis=1)),
                patients,
            )
        )
    header = ("role", "category", "data", "images", "images per fold", "patients")
    return CardTable(header, tuple(rows))


def _no_patients(subject: Subject, dataset: str) -> bool:
    return any(
        note.startswith(f"{dataset}: ") and NO_PATIENTS in note for note in subject.run.info.notes
    )


def tone_counts(subject: Subject, used: NDArray[np.bool_]) -> str:
    """How many of some images have which skin tone, as a sentence."""
    images = subject.run.tables.images
    if subject.run.generated:
        return "Skin tone: none, the images are generated."
    if "skin_tone" not in images:
        return "Skin tone: unknown for all images."
    tones = images.loc[used, "skin_tone"].fillna("").astype(str)
    counts = tones[tones != ""].value_counts().sort_index()
    if counts.empty:
        return "Skin tone: unknown for all images."
    parts = [f"{tone} {counted(int(count), 'image')}" for tone, count in counts.items()]
    parts += [f"unknown {counted(int((tones == '').sum()), 'image')}"] * bool((tones == "").any())
    return f"Skin tone: {', '.join(parts)}."


def _ever(among: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(N,) which images are among them in any fold."""
    return np.asarray(among.any(axis=0))


def _range(counts: Sequence[int] | NDArray[np.int64]) -> str:
    low, high = int(min(counts)), int(max(counts))
    return str(low) if low == high else f"{low} to {high}"


def licences(subject: Subject) -> CardSection:
    """Whose the images are, by data set: what is recorded of public sets, else unknown."""
    images = subject.run.tables.images
    lines = []
    for name in map(str, images["dataset"].unique()):
        own = images["dataset"] == name
        if "format" in images and (images.loc[own, "format"] == "generated").all():
            lines.append(f"{name}: generated by mimbench, no photos.")
        else:
            lines.append(f"{name}: {_licence(subject, name)}")
    return CardSection("Licence of the images", (tuple(lines),))


def _licence(subject: Subject, dataset: str) -> str:
    """What is known of a folder's images, by the set that the run took it for."""
    for about in _published():
        if f"{dataset}: read as {about['title']}: " in " ".join(subject.run.info.notes):
            said = (
                f"licence {about['licence']}" if about.get("licence") else "licence: see its page"
            )
            doubt = " (taken for it by the names of its folders)"
            doubt = doubt if about["reader"] == "named-folders" else ""
            where = f"doi:{about['doi']}" if about.get("doi") else about["page"]
            return f"{about['title']}{doubt}; {said}; {where}."
    return "licence unknown: no public data set that mimbench knows."


def _published() -> Iterator[dict[str, str]]:
    """The facts of the public data sets."""
    return (read_toml("sets", name)[0] for name in names("sets"))
