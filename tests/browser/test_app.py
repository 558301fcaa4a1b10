"""The app in Chromium, from a small run to an answer: offline, honest, for everybody."""

import contextlib
import functools
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from odd_pictures import encoded, scene
from PIL import Image

from mimbench.app.browser import chromium, serve
from mimbench.app.build import App, build_app
from mimbench.app.runtime import runtime_files
from mimbench.data.dataset import ImageOptions
from mimbench.data.generated import abnormal, phantom
from mimbench.errors import DetectorError, MissingPartError, OutputError, TableError
from mimbench.evaluation.planning.plan import RunFile, make_plan
from mimbench.evaluation.runner import execute
from mimbench.progress import Silent

PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
AXE = "axe-core@4.14.1"
SIZE = 48
LIMIT = 7e6  # bytes, compressed, of the first load with a mim row


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a MIM that learned next to nothing, in two folds, and of a control."""
    root = tmp_path_factory.mktemp("app-run")
    table = phantom.table(5, target_patients=48, patients_per_category=5, images_per_patient=1)
    target, other = table["category"].iloc[0], table["category"].iloc[-1]
    table = table[table["category"].isin([target, other])]
    names = {target: "mpox", other: "measles"}
    for row, pixels in zip(table.itertuples(), phantom.render(table, 64), strict=True):
        place = root / "data" / names[row.category] / f"{row.patient}-{row.Index}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place)
    small = {
        "extends": "mim", "input_size": 32, "scores": ["l1", "ssim"], "headline": ["l1"],
        "parameters": {"width": 4, "steps": 2, "batch_size": 4},
    }  # fmt: skip
    control = {"extends": "histogram", "input_size": 32}
    images = ImageOptions(data=(str(root / "data"),), canonical_size=SIZE)
    asked = {"suites": ("quick",), "severities": (3,), "folds": 2, "seeds": 1}
    plan = make_plan(RunFile(name="small", detectors=(small, control), data=images, **asked))
    assert execute(plan, root / "run", Silent(), "mimbench run").failures == ()
    return root / "run"


@pytest.fixture(scope="session")
def runtime() -> None:
    try:
        runtime_files()
    except MissingPartError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def made(
    run: Path, runtime: None, browser: Any, tmp_path_factory: pytest.TempPathFactory
) -> tuple[App, Path]:
    """The app, built in another folder than the run, and checked in Chromium."""
    out = tmp_path_factory.mktemp("app") / "out"
    # playwright starts once in a thread
    with contextlib.chdir(run.parent), ThreadPoolExecutor(1) as apart:
        return apart.submit(build_app, Path(run.name), out, Silent()).result(), out


@pytest.fixture
def folder(made: tuple[App, Path], tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(made[1], tmp_path / "app"))


@pytest.fixture
def address(folder: Path) -> Iterator[str]:
    with serve(folder) as place:
        yield place


@pytest.fixture
def open_app(browser: Any, address: str) -> Iterator[Callable[..., Any]]:
    """Open the app; errors and requests are collected."""
    contexts = []

    def opened(wait: str = "Ready.", launched: Any = browser, **options: Any) -> Any:
        context = launched.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.errors, page.requests = [], []
        page.on("console", lambda said: page.errors.append(f"{said.type}: {said.text}"))
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on("request", lambda request: page.requests.append(request.url))
        page.goto(address)
        page.locator("#status").filter(has_text=wait).wait_for(timeout=120_000)
        return page

    yield opened
    for context in contexts:
        context.close()


def answer_to(page: Any, content: bytes, name: str = "photo.png") -> str:
    page.locator("#result").evaluate("(element) => { element.hidden = true; }")
    page.locator("#file").set_input_files(
        {"name": name, "mimeType": "image/png", "buffer": content}
    )
    page.wait_for_function(
        """() => !document.getElementById("result").hidden
          || document.getElementById("status").dataset.state === "problem" """,
        timeout=120_000,
    )
    shown = page.locator("#result").is_visible()
    return str(page.locator("#answer" if shown else "#status").inner_text())


def png(pixels: np.ndarray) -> bytes:
    return encoded(Image.fromarray(pixels), "PNG")


def photo() -> bytes:
    return png(phantom.render(phantom.table(9, target_patients=1).head(1), 200)[0])


def test_a_photo_gets_an_answer_and_nothing_leaves_the_origin(
    open_app: Callable[..., Any], address: str, made: tuple[App, Path]
) -> None:
    page = open_app(**PHONE)
    assert page.get_by_text("Not a medical device").is_visible()
    assert page.get_by_text("See a clinician").is_visible()
    answer = answer_to(page, photo())
    assert answer in (
        "Looks like the photos it was fitted on",
        "Does not look like the photos it was fitted on",
        "No answer",
    )
    assert page.locator("#inpainted").is_visible()
    assert page.locator("#error").is_visible()
    assert all(request.startswith(address) for request in page.requests)
    assert page.errors == []
    assert made[0].row in ("mim/l1", "mim/ssim")
    assert made[0].chosen
    assert made[0].exported.silent <= 0.05
    # of 12 validation patients a fold leaves 6: too few for a threshold that judges test images
    assert np.isnan(made[0].exported.silent_test)
    assert "test photos" not in page.locator("#facts").inner_text()


def test_the_page_is_as_wide_as_a_small_phone_and_speaks_french(
    open_app: Callable[..., Any],
) -> None:
    page = open_app(**PHONE)
    answer_to(page, photo())
    assert 0 <= page.locator("#answer").bounding_box()["y"] < 100  # seen without scrolling
    wide = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert page.evaluate(wide)
    page.get_by_label("Language").select_option("fr")
    page.get_by_text("Ce n’est pas un dispositif médical").wait_for()
    assert page.evaluate("document.documentElement.lang") == "fr"
    assert page.evaluate(wide)
    assert "{" not in page.locator("body").inner_text()


def test_the_page_says_that_it_learned_from_drawn_pictures_and_names_the_best_control(
    open_app: Callable[..., Any], folder: Path
) -> None:
    about = json.loads((folder / "app.json").read_text(encoding="utf-8"))
    assert about["facts"]["control"] == "histogram"
    assert about["facts"]["control_auroc"] == pytest.approx(0.5, abs=0.5)
    assert not about["facts"]["drawn"]  # the test's run reads files
    about["facts"] |= {"drawn": True, "control_auroc": 0.61, "standing": "not_above"}
    (folder / "app.json").write_text(json.dumps(about), encoding="utf-8")
    page = open_app()
    assert "It has seen no photo of a person." in page.locator("#fitted").inner_text()
    assert "invented patients" in page.locator("#facts").inner_text()
    assert "a control that sees no lesions (histogram)" in page.locator("#standing").inner_text()
    assert "histogram: AUROC 0.61" in page.locator("#facts").inner_text()
    page.get_by_label("Language").select_option("fr")
    page.get_by_text("aucune photo d’une personne").wait_for()
    # no line may begin with what French sets after a space
    for mark in (" ?", " :", " %", " »", "« "):
        assert mark not in page.locator("body").inner_text(), mark


def test_no_abnormal_picture_looks_like_skin_without_a_word(
    open_app: Callable[..., Any], made: tuple[App, Path]
) -> None:
    page = open_app()
    table = abnormal.table(1).set_index("category")
    for kind in ("black", "white", "uniform_noise", "text_page"):
        pixels = abnormal.render(table.loc[[kind]], 96)[0]
        assert answer_to(page, png(pixels)) != "Looks like the photos it was fitted on", kind
    assert page.locator("#reason").inner_text()
    # a score that the guard overrules is not shown beside "no answer"
    assert page.locator("#answer").inner_text() == "No answer"
    assert not page.locator("#numbers").is_visible()


def test_files_that_are_no_photo_are_answered_in_a_sentence(open_app: Callable[..., Any]) -> None:
    page = open_app()
    assert "no picture" in answer_to(page, b"just a text", "photo.jpg")
    assert "16 pixels" in answer_to(page, encoded(scene((1, 1)), "PNG"))
    assert page.errors == []


def test_a_photo_of_48_megapixels_is_judged(open_app: Callable[..., Any]) -> None:
    page = open_app()
    small = scene((800, 600))
    large = encoded(small.resize((8000, 6000)), "JPEG", 6)
    assert answer_to(page, large, "photo.jpg")
    assert page.locator("#result").is_visible()


def test_it_works_without_a_network_after_the_first_load(open_app: Callable[..., Any]) -> None:
    page = open_app()
    page.evaluate("navigator.serviceWorker.ready.then(() => null)")
    page.context.set_offline(True)
    page.goto(page.url + "index.html")
    page.locator("#status").filter(has_text="Ready.").wait_for(timeout=120_000)
    assert answer_to(page, photo())
    page.get_by_role("link", name="Model card").click()
    page.get_by_role("link", name="Back").click()
    page.locator("#status").filter(has_text="Ready.").wait_for(timeout=120_000)
    stored = page.evaluate(
        """async () => (await Promise.all((await caches.keys()).map(async (name) =>
          (await (await caches.open(name)).keys()).map((request) => request.url)))).flat()"""
    )
    assert not any("blob" in url or "photo" in url for url in stored)
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0


def test_a_new_version_is_offered_and_replaces_the_old_one(
    open_app: Callable[..., Any], folder: Path
) -> None:
    page = open_app()
    page.evaluate("navigator.serviceWorker.ready")
    page.reload()
    page.locator("#status").filter(has_text="Ready.").wait_for(timeout=120_000)
    old = page.evaluate("caches.keys()")
    worker = folder / "sw.js"
    version = worker.read_text().split('VERSION = "')[1].split('"')[0]
    worker.write_text(worker.read_text().replace(version, "another"))
    (folder / "words" / "en.json").write_text(
        (folder / "words" / "en.json").read_text().replace("Ready.", "Ready again.")
    )
    page.evaluate("navigator.serviceWorker.getRegistration().then((one) => one.update())")
    page.get_by_role("button", name="Use it now").click(timeout=60_000)
    page.locator("#status").filter(has_text="Ready again.").wait_for(timeout=120_000)
    assert page.evaluate("caches.keys()") != old
    assert len(page.evaluate("caches.keys()")) == 1


@pytest.mark.parametrize(
    ("name", "said"),
    [("model.onnx", "not the one that was published"), ("test-1.png", "gives no answers")],
)
def test_a_changed_model_or_another_score_stops_the_page(
    open_app: Callable[..., Any], folder: Path, name: str, said: str
) -> None:
    if name.endswith(".onnx"):
        content = bytearray((folder / name).read_bytes())
        content[len(content) // 2] ^= 1
        (folder / name).write_bytes(content)
    else:
        (folder / name).write_bytes((folder / "test-0.png").read_bytes())
    page = open_app(said)
    assert page.get_by_role("button", name="Choose a photo").is_disabled()
    assert page.get_by_role("button", name="Camera").is_disabled()


def test_a_camera_gives_an_answer_and_a_missing_or_denied_one_a_sentence(
    open_app: Callable[..., Any], browser: Any
) -> None:
    flags = ["--no-sandbox", "--use-fake-device-for-media-stream"]
    # the same browser with a camera that shows a pattern
    launched = browser.browser_type.launch(executable_path=chromium(), args=flags)
    for own, said in ((browser, "No camera can be used"), (launched, "camera was not allowed")):
        page = open_app(launched=own, permissions=[])
        page.get_by_role("button", name="Camera").click()
        page.locator("#status[data-state=problem]").filter(has_text=said).wait_for(timeout=20_000)
        assert "choose a photo" in page.locator("#status").inner_text().lower()
    page = open_app(launched=launched, permissions=["camera"])
    page.get_by_role("button", name="Camera").click()
    page.wait_for_function('() => document.getElementById("video").videoWidth > 0')
    page.get_by_role("button", name="Take the photo").click()
    page.locator("#result").wait_for(timeout=60_000)
    assert page.locator("#answer").inner_text()
    assert not page.locator("#viewfinder").is_visible()
    launched.close()


def test_axe_finds_nothing_serious(open_app: Callable[..., Any], tmp_path: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("axe-core: npm is not installed")
    pack = functools.partial(subprocess.run, cwd=tmp_path, capture_output=True, timeout=300)
    pack([npm, "pack", AXE, "--silent"], check=False)
    archives = list(tmp_path.glob("*.tgz"))
    if not archives:
        pytest.skip("axe-core: npm cannot fetch it")
    shutil.unpack_archive(archives[0], tmp_path)
    axe = (tmp_path / "package" / "axe.min.js").read_text()
    for scheme in ("light", "dark"):
        page = open_app(color_scheme=scheme, **PHONE)
        answer_to(page, photo())
        page.evaluate(axe)
        found = page.evaluate("axe.run().then((result) => result.violations)")
        serious = [one["id"] for one in found if one["impact"] in ("serious", "critical")]
        assert serious == []


def test_the_first_load_is_small_and_every_file_is_local(made: tuple[App, Path]) -> None:
    app, folder = made
    assert 3e6 < app.load <= LIMIT
    worker = (folder / "sw.js").read_text()
    files = json.loads(worker[worker.index("[") : worker.index("];") + 1])
    assert {"model.onnx", "app.json", "card.html", "manifest.webmanifest"} <= set(files)
    page = (folder / "index.html").read_text()
    assert "default-src 'self'; connect-src 'self'" in page
    assert "//" not in page.replace("<!doctype html>", "")


def test_the_card_says_what_was_compared(made: tuple[App, Path]) -> None:
    card = (made[1] / "MODEL_CARD.md").read_text()
    assert "ONNX Runtime" in card
    assert "Chromium on one thread" in card
    assert "gaussian\\_noise" in card or "gaussian_noise" in card
    about = json.loads((made[1] / "app.json").read_text())
    assert about["facts"]["sensitivity"]["value"] >= 0
    assert len(about["thresholds"]) == 2


def test_the_gate_compares_the_page_in_chromium(made: tuple[App, Path]) -> None:
    assert [one.runtime for one in made[0].parities] == ["ONNX Runtime", "Chromium"]
    assert all(one.passed for one in made[0].parities)


def test_what_cannot_be_exported_and_other_folders_are_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match=r"histogram cannot be exported.*mim/l1"):
        build_app(run, tmp_path / "out", Silent(), row="histogram", browser=False)
    compact = shutil.copytree(run, tmp_path / "compact", ignore=shutil.ignore_patterns("fits"))
    with pytest.raises(TableError, match="no trained models"):
        build_app(compact, tmp_path / "out", Silent(), browser=False)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("x")
    with pytest.raises(OutputError, match="something else"):
        build_app(run, tmp_path / "other", Silent(), browser=False)
    assert not (tmp_path / "out").exists()
