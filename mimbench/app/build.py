"""From the folder of a run to a static folder, in the order in which things can go wrong."""

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from mimbench import __version__
from mimbench.app.answers import MOST_SILENT, Rule, answer_shares, disagreement
from mimbench.app.browser import chromium, judged_in_chromium
from mimbench.app.card import with_app
from mimbench.app.export.export_row import Model, export_row, parity_of
from mimbench.app.export.guard import Guard, fit_guard
from mimbench.app.export.onnx_file import require_onnx
from mimbench.app.export.parity import TOLERANCE, Parity, check_parity
from mimbench.app.facts import detector_facts
from mimbench.app.folder import FORMAT, check_out, copy_folder, languages, seal, write_files
from mimbench.app.material import Material, read_material
from mimbench.app.rows import AppRow, choose_row
from mimbench.app.runtime import VERSION, runtime_files
from mimbench.app.selftest import either_direction_first, self_test
from mimbench.errors import DetectorError, TableError
from mimbench.evaluation.external.fitted_run import FittedRun, read_fitted_run
from mimbench.progress import Progress
from mimbench.report.leaderboard.entries import Leaderboard, build_leaderboard
from mimbench.report.model_card import model_card
from mimbench.runfolder.reading import read_run
from mimbench.runfolder.started_in import started_in
from mimbench.statistics.run.layout import Layout
from mimbench.statistics.tables.metrics import metrics_table

__all__ = ["App", "build_app"]

ROUNDING = 1e-3  # of what the guard measures, between runtimes
TEST_TOLERANCE = 2 * TOLERANCE  # of the page's self-test: the gate's, and what devices may add


@dataclass(frozen=True)
class App:
    """What was written.

    Attributes:
        row: name of the row.
        chosen: whether it was chosen, and not named.
        parities: other runtimes compared with torch.
        silent: share of the target's validation images that get no answer.
        caught: share of the generated abnormal pictures that get no answer or "does not".
        version: of the folder.
        standing: the row against the best control: "above", "uncertain", "not above", "control" or
            "not compared".
        control: name of that control.
    """

    row: str
    chosen: bool
    parities: tuple[Parity, ...]
    silent: float
    caught: float
    version: str
    standing: str
    control: str


def build_app(
    run: Path,
    out: Path,
    progress: Progress,
    *,
    row: str = "",
    language: str = "en",
    runtime: Path | None = None,
    browser: bool = True,
    plug_ins: Sequence[str] = (),
    accept_changed: bool = False,
) -> App:
    """Write an app of one row of a finished run.

    Args:
        run: its folder, with its fits and with its images where they were.
        out: new folder, an empty one, or that of an earlier app.
        progress: is told of each stage.
        row: name of the row; empty: the best that can be exported.
        language: in which the page starts.
        runtime: folder with the files of onnxruntime-web; None: fetched with npm.
        browser: compare the scores in Chromium, too.
        plug_ins: files and modules that the run names and that may be imported.
        accept_changed: take tables that were changed since the run wrote them too.

    Raises:
        MissingPartError: a library, the runtime or the browser is missing.
        DetectorError: the row cannot be exported, or scores differently in another runtime.
        TableError: no finished run with its fits, or no threshold.
        DataError: images of the run are gone or have changed.
        OutputError: `out` holds something else, or cannot be written.
        UnknownNameError: no such row or language.
    """
    require_onnx()
    check_out(out, language)
    if browser:
        chromium()
    fitted = read_fitted_run(run, plug_ins, accept_changed=accept_changed)
    if fitted.info.run.data.harmonise:
        raise DetectorError(
            f"{run} was made with --harmonise, which re-encodes every photo before a detector sees "
            "it. A page cannot do the same; repeat the run without."
        )
    files = runtime_files(runtime)
    folder = read_run(run, accept_changed=accept_changed)
    layout = Layout(folder.tables)
    board = build_leaderboard(folder, metrics_table(folder.tables, severities=False))
    material = read_material(run, out, progress)
    with started_in(fitted.started):
        chosen, model, rule, shares = _exported(fitted, board, layout, material, row, progress)
        test = self_test(chosen, material.pictures.pixels.shape[1])
    card = model_card(folder, chosen.name)
    facts = detector_facts(folder, board, layout, chosen, card)
    silent, caught = _silent(shares, material), _caught(shares, material)
    facts |= {"silent_target": silent, "caught_abnormal": caught}
    pictures = {f"test-{number}.png": content for number, content in enumerate(test.files)}
    about = {
        "format": FORMAT,
        "language": language,
        "languages": [{"code": code, "name": name} for code, name in languages().items()],
        "size": material.pictures.pixels.shape[1],
        "either": either_direction_first(),
        "thresholds": chosen.thresholds.tolist(),
        "rule": _as_json(rule),
        "model": {
            "sha256": hashlib.sha256(model.content).hexdigest(),
            "half": model.half,
            "fits": [fit.fit_id for fit in chosen.fits],
        },
        "versions": {"mimbench": __version__, "onnxruntime-web": VERSION,
                     "torch": torch.__version__},
        "selftest": {
            "tolerance": TEST_TOLERANCE,
            "unit": chosen.unit.tolist(),
            "pictures": [
                {"file": name, "scores": scores.tolist()}
                for name, scores in zip(pictures, test.scores, strict=True)
            ],
        },
        "facts": facts,
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as work:
        made = Path(work) / "app"
        write_files(made, about, model.content, pictures, files)
        parities, milliseconds = [model.parity], None
        if browser:
            checked, milliseconds = _in_browser(made, chosen, model, rule, material, progress)
            parities.append(checked)
        whole = with_app(card, chosen, model.half, parities, shares, milliseconds)
        (made / "card.html").write_text(whole.html(), encoding="utf-8")
        (made / "MODEL_CARD.md").write_text(whole.markdown(), encoding="utf-8")
        version = seal(made)
        copy_folder(made, out)
    return App(
        chosen.name,
        not row,
        tuple(parities),
        silent,
        caught,
        version,
        str(facts["standing"]).replace("_", " "),
        str(facts["control"]),
    )


def _exported(
    fitted: FittedRun,
    board: Leaderboard,
    layout: Layout,
    material: Material,
    name: str,
    progress: Progress,
) -> tuple[AppRow, Model, Rule, pd.DataFrame]:
    """The row of that name, or the best that can be exported."""
    guard, held_out = fit_guard(material.target_images, list(material.target_patients))
    refused: list[str] = []
    for row in choose_row(fitted, board, layout, name):
        try:
            model = export_row(row, guard, material.pictures, progress)
        except DetectorError as error:
            if name:
                raise
            refused.append(f"{row.name}: {error}")
            progress.message(f"{row.name} is passed over: {error}")
            continue
        return (
            row,
            model,
            *_judged(row, model, guard, held_out[material.held_out], material, layout),
        )
    raise DetectorError(f"No row of {fitted.folder} can be exported. {' '.join(refused)}")


def _judged(
    row: AppRow,
    model: Model,
    guard: Guard,
    held_out: NDArray[np.bool_],
    material: Material,
    layout: Layout,
) -> tuple[Rule, pd.DataFrame]:
    """The rule that makes answers of scores, and the shares of answers on clean pictures."""
    accepts = np.where(_unseen(row, material, layout), model.reference <= row.thresholds, np.nan)
    accepted = np.nanmean(accepts, axis=1)
    target = material.target
    rule = Rule(guard, disagreement(accepted[target]))
    reasons = guard.reasons(torch.from_numpy(model.seen))
    reasons[target] = held_out
    clean = material.condition == "clean"
    shares = answer_shares(rule, accepted[clean], reasons[clean], material.kind[clean])
    silent = _silent(shares, material)
    if silent > MOST_SILENT:
        raise TableError(
            f"{row.name} would give no answer to {100 * silent:.0f} % of the target's validation "
            f"images (at most {100 * MOST_SILENT:.0f} %): there are too few of them, "
            f"{int(target.sum())}, to know what such photos look like. Use a run with more images "
            "or folds."
        )
    return rule, shares


def _unseen(row: AppRow, material: Material, layout: Layout) -> NDArray[np.bool_]:
    """(N, F) which pictures a fit was not trained on."""
    seen = np.zeros((len(material.pictures), len(row.fits)), dtype=bool)
    own = material.image >= 0
    for k, (_, _, fold) in enumerate(row.row.fits):
        if fold >= 0:
            seen[own, k] = layout.trained[fold][material.image[own]]
    return ~seen


def _in_browser(
    made: Path,
    row: AppRow,
    model: Model,
    rule: Rule,
    material: Material,
    progress: Progress,
) -> tuple[Parity, float]:
    """The page's own code in Chromium compared with torch.

    Raises:
        DetectorError: it scores or answers differently.
    """
    pictures = material.pictures
    scores, answers, milliseconds = judged_in_chromium(made, pictures, progress)
    parity = parity_of("Chromium", row, model.reference, scores, pictures.names)
    check_parity(parity, row.name)
    accepted = (np.stack(scores).astype(np.float32) <= row.thresholds.astype(np.float32)).mean(1)
    seen = torch.from_numpy(model.seen)
    expected = rule.answers(accepted, rule.guard.reasons(seen))
    told = [
        rule.answers(accepted, rule.guard.widened(by).reasons(seen)) for by in (-ROUNDING, ROUNDING)
    ]
    clear = told[0] == told[1]  # rounding cannot decide
    other = np.flatnonzero(clear & (expected != np.asarray(answers)))
    if len(other):
        raise DetectorError(
            f"The page answers {answers[other[0]]!r} instead of {expected[other[0]]!r} for "
            f"{pictures.names[other[0]]}, and differently for {len(other)} pictures in all. No app "
            "is written; please report it."
        )
    return parity, milliseconds


def _as_json(rule: Rule) -> dict[str, Any]:
    guard = rule.guard
    limits = ("darkest", "brightest", "blurriest", "most")
    return {
        "disagreement": rule.disagreement,
        "guard": {name: float(getattr(guard, name)) for name in limits},
    }


def _silent(shares: pd.DataFrame, material: Material) -> float:
    """Share of the target's validation images that get no answer."""
    (target,) = set(material.kind[material.target])
    return float(shares.loc[shares["kind"] == target, "none"].iloc[0])


def _caught(shares: pd.DataFrame, material: Material) -> float:
    """Share of the generated abnormal pictures that get no answer or "does not"."""
    own = shares[shares["kind"].isin(material.kind[material.role == "abnormal"])]
    return float(((1 - own["like"]) * own["n"]).sum() / own["n"].sum())
