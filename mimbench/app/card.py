"""What the model card says of the app beside the run: parity, answers, and what not to claim."""

import pandas as pd

from mimbench.app.answers import ANSWERS, DISAGREE
from mimbench.app.export.guard import REASONS
from mimbench.app.export.parity import TOLERANCE, Parity
from mimbench.app.exported import Exported
from mimbench.app.rows import AppRow
from mimbench.report.model_card import Block, CardSection, CardTable, ModelCard

__all__ = ["with_app"]

TITLES = {
    "like": "looks like",
    "unlike": "does not",
    "none": "no answer",
    "dark": "too dark",
    "bright": "too bright",
    "blurred": "too blurred",
    "unlike_skin": "unlike skin photos",
    DISAGREE: "models disagree",
}


def with_app(
    card: ModelCard, exported: Exported, parities: list[Parity], milliseconds: float | None
) -> ModelCard:
    """The card with the app's sections at its end.

    Args:
        card: of the row.
        exported: the row, its model, and the shares of answers by kind.
        parities: of the runtimes that were compared with torch.
        milliseconds: median time for a picture in Chromium; None: it was not checked there.
    """
    app = _app(exported.row, exported.model.half, parities, milliseconds)
    return card.with_sections([app, _answers(exported.shares)])


def _app(
    row: AppRow, half: bool, parities: list[Parity], milliseconds: float | None
) -> CardSection:
    compared = tuple(
        f"{one.runtime}: {one.pictures} pictures, largest difference of a trained model's score "
        f"{one.deviations:.1g} standard deviations ({one.largest:.1g} in the unit of the check), "
        f"{one.flipped} other decisions."
        for one in parities
    )
    browser = (
        f"A picture takes {milliseconds:.0f} ms in Chromium on one thread of the machine that "
        "built the app (median)."
        if milliseconds is not None
        else "The scores were not compared in a browser: the app was built with --no-browser."
    )
    blocks: tuple[Block, ...] = (
        "A static page that judges photos on the reader's device and sends none of them. It is a "
        "research demonstration and no medical device. It gives no probability of a disease and no "
        "advice.",
        f"Trained models of {row.name} in model.onnx: {len(row.fits)}, with weights in "
        f"{'float16' if half else 'float32'}. Before the app was written, validation images, "
        "generated abnormal pictures and their corruptions were scored by torch and by other "
        f"runtimes. A difference of more than {TOLERANCE} standard deviations, or that share of a "
        "score's distance from the threshold where this is larger, would have stopped it.",
        compared,
        browser,
        f"The threshold of each trained model was set by {row.patients} validation patients of the "
        f"target: a photo of a new patient stays below it with a probability of "
        f"{100 * row.promise:.0f} %, if it comes from the same source.",
        "A photo is accepted if at least half of the trained models accept it.",
    )
    return CardSection("App", blocks)


def _answers(shares: pd.DataFrame) -> CardSection:
    header = ["Pictures", "n", *(TITLES[name] for name in ANSWERS)]
    header += [TITLES["unlike_skin" if name == "unlike" else name] for name in REASONS]
    header.append(TITLES[DISAGREE])
    reasons = [f"why_{name}" for name in REASONS]
    rows = tuple(
        (str(one["kind"]), str(one["n"]), *(f"{100 * one[name]:.0f} %" for name in
         (*ANSWERS, *reasons, DISAGREE)))
        for one in shares.to_dict("records")
    )  # fmt: skip
    return CardSection(
        "Answers of the app",
        (
            "No answer is given where the photo is darker, brighter or less sharp than the "
            "training and validation images of the target, where its colours and details are "
            "unlike theirs (colour histogram and gradient energy), or where the trained models "
            "disagree. The shares of the target are those of its validation images, by limits that "
            "were set without the image's patient; those of the other kinds are by the app's own "
            "limits. Several reasons can hold at once.",
            CardTable(tuple(header), rows),
            "The guard knows the light and the skin tones of these images alone: on other "
            "skin tones it may give no answer more often.",
        ),
    )
