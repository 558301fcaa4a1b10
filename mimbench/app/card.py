"""What the model card says of the app beside the run: parity, answers, and what not to claim."""

from math import isfinite

from mimbench.app.answers import ANSWERS, DISAGREE, MOST_SILENT
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
    app = _app(exported.row, parities, milliseconds)
    return card.with_sections([app, _answers(exported)])


def _app(row: AppRow, parities: list[Parity], milliseconds: float | None) -> CardSection:
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
        f"Trained models of {row.name} in model.onnx: {len(row.fits)}. Before the app was "
        "written, validation images, generated abnormal pictures and their corruptions were scored "
        f"by torch and by other runtimes. A difference of more than {TOLERANCE} standard "
        "deviations, or that share of a score's distance from the threshold where this is larger, "
        "would have stopped it.",
        compared,
        browser,
        f"The threshold of each trained model was set by {row.patients} validation patients of the "
        f"target: a photo of a new patient stays below it with a probability of "
        f"{100 * row.promise:.0f} %, if it comes from the same source.",
        "A photo is accepted if at least half of the trained models accept it.",
    )
    return CardSection("App", blocks)


def _answers(exported: Exported) -> CardSection:
    header = ["Pictures", "n", *(TITLES[name] for name in ANSWERS)]
    header += [TITLES["unlike_skin" if name == "unlike" else name] for name in REASONS]
    header.append(TITLES[DISAGREE])
    reasons = [f"why_{name}" for name in REASONS]
    rows = tuple(
        (str(one["kind"]), str(one["n"]), *(f"{100 * one[name]:.0f} %" for name in
         (*ANSWERS, *reasons, DISAGREE)))
        for one in exported.shares.to_dict("records")
    )  # fmt: skip
    tested = (
        f", and {100 * exported.silent_test:.1f} % of its test images"
        if isfinite(exported.silent_test)
        else "; there is no test image of the target that this can be said of"
    )
    return CardSection(
        "Answers of the app",
        (
            f"No answer is given to {100 * exported.silent:.1f} % of the target's validation "
            f"images (at most {100 * MOST_SILENT:.0f} % are allowed){tested}. No answer or "
            f'"does not" is given to {100 * exported.caught:.1f} % of the abnormal pictures.',
            "No answer is given where the photo is darker, brighter or less sharp than the "
            "training and validation images of the target, where its colours and details are "
            "unlike theirs (histogram of colours without brightness; gradients at three sizes, and "
            "how few edges hold them), or where the trained models disagree. Several reasons can "
            "hold at once.",
            "In the table, an image of the target is judged by limits that were set without its "
            "patient and by trained models that were not trained on it. A test image is judged by "
            "the models of its fold, one of the target at thresholds that the fold's test images "
            "had no part in; one model alone cannot disagree. The other kinds are judged by the "
            "app as it is.",
            "How wide the limits are, and how far the models may disagree, was chosen so that few "
            "of the target's validation images get no answer: on photos of new patients there may "
            "be more. So it is for test images that another fold trains on or validates with.",
            CardTable(tuple(header), rows),
            "The guard knows the light and the skin tones of these images alone: on other "
            "skin tones it may give no answer more often.",
        ),
    )
