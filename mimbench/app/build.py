"""From the folder of a run to a static folder, in the order in which things can go wrong."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mimbench.app.about import about_app
from mimbench.app.browser import chromium, judged_in_chromium
from mimbench.app.card import with_app
from mimbench.app.export.export_row import parity_of
from mimbench.app.export.onnx_file import require_onnx
from mimbench.app.export.parity import Parity, check_parity
from mimbench.app.exported import Exported, export_best
from mimbench.app.facts import detector_facts
from mimbench.app.folder import CARD, check_out, copy_folder, first_load, seal, write_files
from mimbench.app.material import Material, read_material
from mimbench.app.rows import restored_rows
from mimbench.app.runtime import runtime_files
from mimbench.app.selftest import self_test
from mimbench.errors import DetectorError
from mimbench.evaluation.external.fitted_run import FittedRun, read_fitted_run
from mimbench.progress import Progress
from mimbench.report.leaderboard.entries import build_leaderboard
from mimbench.report.model_card import ModelCard, model_card
from mimbench.runfolder.reading import read_run
from mimbench.runfolder.started_in import started_in
from mimbench.statistics.run.layout import Layout
from mimbench.statistics.tables.metrics import metrics_table

__all__ = ["App", "build_app"]

ROUNDING = 1e-3  # of what the guard measures, between runtimes


@dataclass(frozen=True)
class App:
    """What was written.

    Attributes:
        exported: the row, its model and how often it answers what.
        facts: what the page says of it, see `detector_facts`.
        chosen: whether the row was chosen, and not named.
        parities: other runtimes compared with torch.
        version: of the folder.
        load: bytes of the first load, see `first_load`.
    """

    exported: Exported
    facts: Mapping[str, Any]
    chosen: bool
    parities: tuple[Parity, ...]
    version: str
    load: int

    @property
    def row(self) -> str:
        """Name of the row."""
        return self.exported.row.name

    @property
    def standing(self) -> str:
        """Against the best control, e.g. "above" or "not above", see `Entry.standing`."""
        return str(self.facts["standing"]).replace("_", " ")

    @property
    def control(self) -> str:
        """Name of the best control."""
        return str(self.facts["control"])


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
        plug_ins: files, modules and recipes (.toml) that the run names and whose code may be
            imported; rows of other code cannot be chosen.
        accept_changed: take tables that were changed since the run wrote them too.

    Raises:
        MissingPartError: a library, the runtime or the browser is missing.
        DetectorError: the row cannot be exported, or scores differently in another runtime.
        TableError: no finished run with its fits, or no threshold.
        DataError: images of the run are gone or have changed.
        OutputError: `out` holds something else, or cannot be written.
        UnknownNameError: no such row or language.
    """
    run = run.absolute()  # what follows works in the folder in which it was started
    require_onnx()
    check_out(out, language)
    if browser:
        chromium()
    fitted = _fitted(run, plug_ins, accept_changed)
    files = runtime_files(runtime)
    if fitted.left_out and not row:
        progress.message(fitted.left_out)
    folder = read_run(run, accept_changed=accept_changed)
    layout = Layout(folder.tables)
    board = build_leaderboard(folder, metrics_table(folder.tables, resamples=0, severities=False))
    with started_in(fitted.started):
        rows = restored_rows(fitted, board, layout, row)
    material = read_material(run, out, progress)
    with started_in(fitted.started):
        exported = export_best(rows, material, layout, not row, progress)
        test = self_test(exported.row, material.canonical)
    card = model_card(folder, exported.row.name)
    facts = detector_facts(folder, board, layout, exported.row, card)
    about = about_app(exported, material.canonical, test, facts, language)
    with tempfile.TemporaryDirectory() as work:
        made = Path(work) / "app"
        write_files(made, about, exported.model.content, test.pictures, files)
        parities = _finish(made, exported, card, material if browser else None, progress)
        version, load = seal(made), first_load(made)
        copy_folder(made, out)
    return App(exported, facts, not row, parities, version, load)


def _fitted(run: Path, plug_ins: Sequence[str], accept_changed: bool) -> FittedRun:
    """The run with its fits.

    Raises:
        DetectorError: its detectors never saw a photo as it is.
    """
    fitted = read_fitted_run(run, plug_ins, accept_changed=accept_changed)
    if fitted.info.run.data.harmonise:
        raise DetectorError(
            f"{run} was made with --harmonise, which re-encodes every photo before a detector sees "
            "it. A page cannot do the same; repeat the run without."
        )
    return fitted


def _finish(
    made: Path,
    exported: Exported,
    card: ModelCard,
    material: Material | None,
    progress: Progress,
) -> tuple[Parity, ...]:
    """Compare the page with torch and write its card; `material` None: not in a browser.

    Raises:
        DetectorError: the page scores or answers differently.
    """
    parities, milliseconds = [exported.model.parity], None
    if material is not None:
        checked, milliseconds = _in_browser(made, exported, material, progress)
        parities.append(checked)
    whole = with_app(card, exported, parities, milliseconds)
    (made / CARD).write_text(whole.html(back="./"), encoding="utf-8")
    (made / "MODEL_CARD.md").write_text(whole.markdown(), encoding="utf-8")
    return tuple(parities)


def _in_browser(
    made: Path, exported: Exported, material: Material, progress: Progress
) -> tuple[Parity, float]:
    """The page's own code in Chromium compared with torch.

    Raises:
        DetectorError: it scores or answers differently.
    """
    row, model, rule, pictures = exported.row, exported.model, exported.rule, material.pictures
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
