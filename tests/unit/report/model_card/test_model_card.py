"""Model cards: the numbers and verdicts of one row, in words that are no stronger than these."""

import re
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from made_tables import Made, made_images, made_tables
from synthetic_run import write_synthetic_run

from mimbench.claims import Claim, ClaimsFile, verify
from mimbench.cli import main
from mimbench.errors import UnknownNameError
from mimbench.report.model_card import CardSection, CardTable, Code, ModelCard, model_card
from mimbench.runfolder.reading import DetectorInfo, RunFolder, read_run

CATEGORIES = {"mpox": ("target", "clinic", 60), "measles": ("known", "clinic", 40)}
CATEGORIES |= {"acne": ("unknown", "clinic", 60)}
HISTOGRAM = DetectorInfo(name="histogram", description="A colour histogram.", control=True)
ABOVE = {"mim": Made(0.85, 0.05, swap=0.5), "histogram": Made(0.6, control=True)}
BELOW = {"mim": Made(0.85, swap=0.5), "histogram": Made(0.97, control=True), "cnn": Made(0.55)}


def _run(folder: Path, rows: dict[str, Made], images: pd.DataFrame | None = None) -> RunFolder:
    tables = made_tables(
        rows, images=made_images(CATEGORIES) if images is None else images, seeds=(0, 1, 2)
    )
    run = read_run(write_synthetic_run(folder, tables))
    return replace(run, info=run.info.model_copy(update={"detectors": (HISTOGRAM,)}))


@pytest.fixture(scope="module")
def above(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return _run(tmp_path_factory.mktemp("above") / "run", ABOVE)


@pytest.fixture(scope="module")
def below(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return _run(tmp_path_factory.mktemp("below") / "run", BELOW)


@pytest.fixture(scope="module")
def card(above: RunFolder) -> ModelCard:
    return model_card(above, "mim")


def section(card: ModelCard, title: str) -> CardSection:
    return next(own for own in card.sections if own.title == title)


def text(own: CardSection) -> str:
    return ModelCard("", "", (), (own,)).markdown()


def test_the_verdicts_are_those_of_verify(above: RunFolder, card: ModelCard) -> None:
    claims = [
        Claim(
            id=f"{role}-{len(under)}",
            statement="It is better than chance.",
            kind="at_least",
            bound=0.5,
            rows=("mim",),
            role=role,
            corruptions=under,
        )
        for role in ("known", "unknown")
        for under in ((), ("*",))
    ]
    found = verify(above.tables, ClaimsFile(name="same", claim=tuple(claims)))
    (table,) = (b for b in section(card, "Verdicts").blocks if isinstance(b, CardTable))
    at = table.header.index("verdict")
    assert [row[at] for row in table.rows] == [own.verdict for own in found]
    assert {own.verdict for own in found if own.claim.startswith("unknown")} == {"supported"}


def test_a_row_that_a_colour_histogram_beats_is_said_to_and_nothing_is_supported(
    below: RunFolder,
) -> None:
    made = model_card(below, "mim")
    said = " ".join(made.summary)
    assert "does not beat the best control, histogram (A colour histogram)" in said
    assert "Confounded" in said
    assert "Supported" not in said


def test_metrics_have_intervals_and_corruptions_the_largest_drop_first(card: ModelCard) -> None:
    (table,) = (b for b in section(card, "Metrics").blocks if isinstance(b, CardTable))
    auroc = [row[table.header.index("AUROC")] for row in table.rows]
    assert all(re.match(r"0\.\d\d \[0\.\d\d, [01]\.\d\d\]", cell) for cell in auroc)
    (table,) = (b for b in section(card, "Under corruption").blocks if isinstance(b, CardTable))
    assert [row[0] for row in table.rows] == ["mean of all", "gaussian noise"]


def test_two_intervals_of_one_number_are_told_apart(card: ModelCard) -> None:
    assert "The intervals here leave retraining out" in text(section(card, "Metrics"))
    assert "measured, over patients and retraining" in text(section(card, "Verdicts"))


def test_the_swap_test_is_shown_or_said_to_be_missing(
    card: ModelCard, below: RunFolder, tmp_path: Path
) -> None:
    assert "measles" in text(section(card, "Class signal"))
    missing = model_card(below, "cnn")
    assert "No swap test was made" in text(section(missing, "Class signal"))


def test_tones_are_measured_with_their_gap_and_small_ones_are_named(
    card: ModelCard, tmp_path: Path
) -> None:
    assert "gap, best minus worst" in text(section(card, "By skin tone"))
    images = made_images(CATEGORIES)
    rare = images["patient"].isin(["mpox-1", "acne-1"])
    images.loc[rare, "skin_tone"] = "III"
    small = text(section(model_card(_run(tmp_path / "run", ABOVE, images), "mim"), "By skin tone"))
    assert re.search(r"Too small to be measured: .*III \(AUROC, unknown, same source", small)
    assert "10 patients" in small


def test_unknown_tones_and_patients_are_said_to_be_unknown(tmp_path: Path) -> None:
    images = made_images(CATEGORIES).drop(columns="skin_tone")
    run = _run(tmp_path / "run", ABOVE, images)
    notes = ("clinic: no patients are known, so each image counts as its own patient.",)
    run = replace(run, info=run.info.model_copy(update={"notes": notes}))
    made = model_card(run, "mim")
    assert "unknown" in text(section(made, "By skin tone"))
    data = text(section(made, "Evaluation data"))
    assert "Skin tone: unknown for all images" in data
    assert "unknown (each image counts as one)" in data
    assert "skin tones" in text(section(made, "Out of scope"))


def test_training_data_of_a_one_class_row_are_the_target_alone(tmp_path: Path) -> None:
    images = made_images(CATEGORIES)
    third = images["patient"].str.endswith("1") & images["role"].isin(["target", "known"])
    images.loc[third, "split_0"] = "train"
    run = _run(tmp_path / "run", ABOVE, images)
    (table,) = (
        block
        for block in section(model_card(run, "mim"), "Training data").blocks
        if isinstance(block, CardTable)
    )
    (line,) = table.rows
    trained = third & (images["role"] == "target")
    assert line[:3] == ("target", "mpox", "clinic")
    assert line[3] == str(trained.sum())
    assert line[5] == str(images.loc[trained, "patient"].nunique())


def test_the_licence_is_that_of_the_public_set_or_unknown(above: RunFolder) -> None:
    notes = ("clinic: read as HAM10000: 60 mpox (30 patients).",)
    run = replace(above, info=above.info.model_copy(update={"notes": notes}))
    said = text(section(model_card(run, "mim"), "Licence of the images"))
    assert "CC BY-NC 4.0" in said
    assert "10.7910/DVN/DBW86T" in said
    assert "licence unknown" in text(section(model_card(above, "mim"), "Licence of the images"))


def test_a_row_that_nobody_named_is_said_to_be_chosen_by_its_number(
    below: RunFolder, card: ModelCard
) -> None:
    chosen = model_card(below)
    assert chosen.row == "mim"
    assert "highest of 2 rows" in text(section(chosen, "Caveats"))
    assert "highest of" not in text(section(card, "Caveats"))


def test_a_control_is_called_one_and_an_unknown_row_gets_the_names(below: RunFolder) -> None:
    assert "is a control" in " ".join(model_card(below, "histogram").summary)
    with pytest.raises(UnknownNameError, match="mim"):
        model_card(below, "mimm")


def test_further_sections_stand_where_they_are_asked_to(card: ModelCard) -> None:
    more = CardSection("App", ("On a phone.", ("a", "b"), CardTable(("x",), (("1",),)), Code("go")))
    titles = [own.title for own in card.with_sections([more], before="Caveats").sections]
    assert titles.index("App") + 1 == titles.index("Caveats")
    assert card.with_sections([more]).sections[-1] == more


def test_text_of_strangers_stays_text_and_the_page_loads_nothing(above: RunFolder) -> None:
    evil = HISTOGRAM.model_copy(update={"description": "<script>alert(1)</script> | [x](http://e)"})
    info = above.info.model_copy(update={"detectors": (evil,)})
    made = model_card(replace(above, info=info), "mim")
    page = made.html()
    assert "<script" not in page
    assert "Content-Security-Policy" in page
    assert not re.search(r'(?:src|href)="(?!data:)', page)
    assert "<script" not in made.markdown()
    assert "](http" not in made.markdown()


def test_the_command_writes_markdown_into_the_run_and_html_on_request(
    above: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "card.html"
    command = ["mimbench", "card", str(above.path), "--row", "mim", "--html", str(page)]
    monkeypatch.setattr(sys, "argv", command)
    assert main() == 0
    lines = (above.path / "MODEL_CARD.md").read_text().splitlines()
    assert lines[0] == "# Model card: mim"
    headings = [line for line in lines if line.startswith("## ")]
    assert {"## Intended use", "## Caveats", "## Versions and digests"} <= set(headings)
    assert page.read_text().startswith("<!DOCTYPE html>")
