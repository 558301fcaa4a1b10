"""The gallery of a run as the page shows it: by detector, role and corruption."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mimbench.report.page.sections.section import Page, Section
from mimbench.report.page.security import picture_uri
from mimbench.runfolder.info import GalleryEntry
from mimbench.runfolder.reading import RunFolder

__all__ = ["SECTIONS", "DetectorGallery", "gallery_views"]

CASE_WORDS = "original, masked, inpainted, difference"
SHARE_SHOWN = "the original above, inpainted below"


@dataclass(frozen=True)
class Step:
    """A score with what the threshold makes of it."""

    label: str
    score: str
    decision: str  # "accepted" as target or "refused"


@dataclass(frozen=True)
class Picture:
    """One picture with its scores: one of a case, one per severity of a ladder."""

    uri: str
    alt: str
    title: str
    role: str
    category: str
    steps: tuple[Step, ...]

    @property
    def wrong(self) -> bool:
        """Whether the picture is of a wrong decision."""
        return self.title.endswith("wrong")


@dataclass(frozen=True)
class DetectorGallery:
    """What one fit of a detector makes of images.

    Attributes:
        row: the score that decides.
        threshold: in text.
        frozen: whether validation images set it.
        cases: pictures by role.
        ladders: one picture per corruption, all of the same image.
        missing: names of pictures that are not those that the run made.
    """

    row: str
    threshold: str
    frozen: bool
    cases: dict[str, list[Picture]]
    ladders: list[Picture]
    missing: list[str]


def gallery_views(run: RunFolder) -> list[DetectorGallery]:
    """Views by detector in the order of gallery.json."""
    views: dict[str, DetectorGallery] = {}
    for entry in run.gallery:
        view = views.setdefault(
            entry.row,
            DetectorGallery(entry.row, f"{entry.threshold:.3g}", entry.frozen, {}, [], []),
        )
        picture = _picture(run, entry)
        if picture is None:
            view.missing.append(entry.file)
        elif entry.corruption:
            view.ladders.append(picture)
        else:
            view.cases.setdefault(entry.role, []).append(picture)
    return list(views.values())


def _picture(run: RunFolder, entry: GalleryEntry) -> Picture | None:
    uri = _data_uri(run, entry)
    if uri is None:
        return None
    labels: Sequence[str] = [""]
    title, shown = entry.kind, CASE_WORDS
    if entry.corruption:
        labels = [str(severity) if severity else "clean" for severity in entry.severities]
        title, shown = entry.corruption.replace("_", " "), SHARE_SHOWN
    steps = tuple(
        Step(label, f"{score:.3g}", "accepted" if score <= entry.threshold else "refused")
        for label, score in zip(labels, entry.scores, strict=True)
    )
    return Picture(
        uri=uri,
        alt=f"{entry.detector} on a {entry.category} image, {title}: {shown}",
        title=title,
        role=entry.role,
        category=entry.category,
        steps=steps,
    )


def _data_uri(run: RunFolder, entry: GalleryEntry) -> str | None:
    """The picture's bytes; None if it is missing, no PNG or not the one that the run made."""
    path = run.path / "gallery" / entry.file
    if not path.is_file():
        return None
    content = path.read_bytes()
    if entry.sha256 and hashlib.sha256(content).hexdigest() != entry.sha256:
        return None
    return picture_uri(content)


def _data(page: Page) -> dict[str, Any] | None:
    views = gallery_views(page.run)
    return {"gallery": views} if views else None


SECTIONS = (
    Section(
        id="gallery",
        title="Gallery",
        nav="Gallery",
        order=170,
        data=_data,
        template="gallery.html.j2",
    ),
)
