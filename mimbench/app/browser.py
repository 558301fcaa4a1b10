"""The app's own code in headless Chromium, which must score as torch does."""

import base64
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mimbench.app.export.export_row import Pictures
from mimbench.errors import MissingPartError
from mimbench.progress import Progress

__all__ = ["chromium", "judged_in_chromium", "serve"]

NAMES = ("chromium", "chromium-browser", "google-chrome")
BATCH = 16  # pictures that are handed to the browser at once

LOAD = """async () => {
  const about = await (await fetch("app.json")).json();
  const { Judge } = await import("./judge.js");
  const judge = await Judge.load(about);
  await judge.test();
  window.judged = async (encoded, count) => {
    const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
    const each = bytes.length / count;
    const found = [];
    for (let k = 0; k < count; k += 1) {
      const started = performance.now();
      const outputs = await judge.outputs(bytes.slice(k * each, (k + 1) * each));
      found.push({
        scores: [...outputs.scores],
        answer: judge.answer(outputs).answer,
        milliseconds: performance.now() - started,
      });
    }
    return found;
  };
}"""


class _Quiet(SimpleHTTPRequestHandler):
    """Serves a folder with the types that browsers ask for, and says nothing."""

    extensions_map = {  # noqa: RUF012 - as the class above has it
        **SimpleHTTPRequestHandler.extensions_map,
        ".mjs": "text/javascript",
        ".js": "text/javascript",
        ".wasm": "application/wasm",
        ".webmanifest": "application/manifest+json",
    }

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve a folder on this machine alone; yields its address."""
    handler = partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def chromium() -> str:
    """Path of a Chromium that playwright can drive.

    Raises:
        MissingPartError: there is none, or playwright is not installed.
    """
    try:
        import playwright.sync_api  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingPartError(
            "The app is checked in a browser, which needs playwright: pip install 'mimbench[app]'; "
            "--no-browser leaves the check out, and the card says so."
        ) from error
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        raise MissingPartError(
            f"The app is checked in a browser, and none of {', '.join(NAMES)} is installed. "
            "--no-browser leaves the check out, and the card says so."
        )
    return path


def judged_in_chromium(
    folder: Path, pictures: Pictures, progress: Progress
) -> tuple[list[NDArray[np.float64]], list[str], float]:
    """Scores and answers that the app's code gives in Chromium.

    Args:
        folder: of the app.
        pictures: to judge.
        progress: is told of each.

    Returns:
        The scores (F,) and the answer of each picture, and the median time for one, milliseconds.

    Raises:
        MissingPartError: there is no browser.
    """
    path = chromium()
    from playwright.sync_api import sync_playwright

    progress.stage("Scoring in Chromium", len(pictures))
    found: list[dict[str, Any]] = []
    with serve(folder) as address, sync_playwright() as running:
        browser = running.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            page = browser.new_context(service_workers="block").new_page()
            page.goto(address)
            page.evaluate(LOAD)
            for start in range(0, len(pictures), BATCH):
                part = pictures.pixels[start : start + BATCH].transpose(0, 3, 1, 2)
                encoded = base64.b64encode(np.ascontiguousarray(part).tobytes()).decode()
                found += page.evaluate(
                    "([encoded, count]) => window.judged(encoded, count)", [encoded, len(part)]
                )
                progress.update(len(found))
        finally:
            browser.close()
    scores = [np.asarray(one["scores"], dtype=np.float64) for one in found]
    times = [float(one["milliseconds"]) for one in found]
    return scores, [str(one["answer"]) for one in found], float(np.median(times))
