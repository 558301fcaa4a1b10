"""Every kind of detector keeps the protocol; broken ones are told what is wrong."""

from pathlib import Path

import pytest
import torch

from mimbench.cli import main
from mimbench.detectors.build import build, scores_of
from mimbench.detectors.named import recipe_of
from mimbench.errors import DetectorError, RecipeError, UnknownNameError
from mimbench.progress import Silent
from mimbench.registry import resolve
from mimbench.testing import DetectorContract, check

BROKEN = """
import random

import torch
from mimbench import Detector


class Flipped(Detector):
    trains_on = "target"

    def fit(self, train):
        self.mean = train.target.images.float().mean((0, 2, 3))

    def score(self, batch):
        return -(batch.images.float().mean((2, 3)) - self.mean).norm(dim=1)


class Random(Flipped):
    def score(self, batch):
        return super().score(batch) + 1000 * torch.rand(len(batch))


class Shape(Flipped):
    def score(self, batch):
        return super().score(batch)[:, None]


class Module(Flipped):
    def fit(self, train):
        super().fit(train)
        torch.optim.Adam(self.parameters())


class Forgets(Flipped):
    def state(self):
        return {}


class Drops(Flipped):
    def __init__(self):
        self.scale = 1.0

    def fit(self, train):
        super().fit(train)
        self.scale = train.target.images.float().std()

    def score(self, batch):
        return super().score(batch) / self.scale

    def load(self, state):
        self.mean = state["mean"]


class Misspells(Drops):
    def load(self, state):
        self.mean, self.scale = state["mean"], state["sclae"]


class Array(Flipped):
    def score(self, batch):
        return super().score(batch).numpy()


class Ends(Flipped):
    def score(self, batch):
        super().score(batch)


class Known(Flipped):
    def fit(self, train):
        self.mean = train.known.images.float().mean((0, 2, 3))


class Bytes(Flipped):
    def score(self, batch):
        return batch.images.mean((1, 2, 3))


class Images(Flipped):
    def score(self, images):
        return images.float().mean((1, 2, 3))


class Never(Flipped):
    trains_on = "nothing"


class Seeds(Flipped):
    def fit(self, train):
        super().fit(train)
        random.random()


class Counted(Flipped):
    fits = 0

    def fit(self, train):
        Counted.fits += 1
        super().fit(train)
        train.progress(3, 4, "loss 0.5")


class Fails(Flipped):
    fits = 0

    def fit(self, train):
        Fails.fits += 1
        raise ValueError("no data")


class NoFit(Detector):
    trains_on = "target"

    def score(self, batch):
        return batch.images.float().mean((1, 2, 3))


class Fitt(NoFit):
    def fitt(self, train):
        pass


class Unsaid(Detector):
    def fit(self, train):
        pass

    def score(self, batch):
        return batch.images.float().mean((1, 2, 3))


class Scores(Detector):
    def scores(self, batch):
        return batch.images.float().mean((1, 2, 3))


class Both(Flipped):
    trains_on = ("target", "known")


class Alone:
    def score(self, batch):
        return batch.images.float().mean((1, 2, 3))
"""


class TestHistogram(DetectorContract):
    spec = "histogram"


class TestFileStatistics(DetectorContract):
    spec = "file-statistics"


class TestHarmonic(DetectorContract):
    spec = "harmonic"
    least_auroc = 0.9


class TestComplexity(DetectorContract):
    spec = "complexity"
    least_auroc = 0.9


class TestRandomGenerator(DetectorContract):
    spec = "random-generator"
    least_auroc = None  # an untrained generator knows nothing


class TestFeatures(DetectorContract):
    spec = "small_features:SmallFeatures"


TORCH = """
import torch
from torch import nn
from torch.nn.functional import mse_loss

from mimbench import Detector


class Network(Detector):
    trains_on = "target"

    def __init__(self, width: int = 4) -> None:
        self.net = nn.Sequential(nn.Conv2d(3, width, 3), nn.ReLU(), nn.Conv2d(width, 3, 3))

    def error(self, images):
        pixels = images.float() / 255
        return (self.net(pixels) - pixels[:, :, 2:-2, 2:-2]).square().mean((1, 2, 3))

    def fit(self, train):
        images = train.target.images
        optimiser = torch.optim.Adam(self.net.parameters(), lr=1e-2)
        for _ in range(40):
            optimiser.zero_grad()
            self.error(images[torch.randperm(len(images))[:16]]).mean().backward()
            optimiser.step()

    def score(self, batch):
        return self.error(batch.images)


class MadeInFit(Network):
    def __init__(self) -> None:
        pass

    def fit(self, train):
        Network.__init__(self)
        super().fit(train)


class Wider(Network):
    def fit(self, train):
        Network.__init__(self, width=6)
        super().fit(train)


class Normalised(Network):
    def __init__(self) -> None:
        super().__init__()
        self.net.insert(1, nn.BatchNorm2d(4))

    def fit(self, train):
        super().fit(train)
        self.net.eval()


class Trains(Normalised):
    def load(self, state):
        super().load(state)
        self.net.train()


class Trained(Detector):
    knows = ("mpox", "acne")

    def score(self, batch):
        return batch.images[:, 0].float().mean((1, 2))


class Fails(Network):
    def fit(self, train):
        raise ValueError("no data")
"""


@pytest.fixture
def torch_file(tmp_path: Path) -> Path:
    path = tmp_path / "networks.py"
    path.write_text(TORCH)
    return path


def test_a_module_made_in_the_constructor_passes_and_draws_from_no_generator_of_ours(
    torch_file: Path,
) -> None:
    spec = f"{torch_file}:Network"
    assert [outcome.problem for outcome in check(spec)] == [""] * 7
    weights = [build(recipe_of(spec), seed).net[0].weight for seed in (0, 0, 1)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2]), "another seed is another training"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("MadeInFit", "MadeInFit.net was learned and has no place"),
        ("Wider", "Wider.net is another"),
    ],
)
def test_what_a_load_would_drop_is_refused_with_what_to_do(
    torch_file: Path, name: str, words: str
) -> None:
    outcomes = {outcome.test: outcome.problem for outcome in check(f"{torch_file}:{name}")}
    assert words in outcomes["state survives a file"]
    assert "__init__" in outcomes["state survives a file"]
    assert "load()" in outcomes["state survives a file"]


def test_batch_normalisation_scores_in_evaluation_mode_after_a_load(torch_file: Path) -> None:
    survives = "state survives a file"
    fine = {outcome.test: outcome.problem for outcome in check(f"{torch_file}:Normalised")}
    assert fine[survives] == ""
    broken = {outcome.test: outcome.problem for outcome in check(f"{torch_file}:Trains")}
    assert "net is in training mode after load()" in broken[survives]


def test_a_headline_that_is_no_score_is_refused_and_not_left_out(tmp_path: Path) -> None:
    recipe = recipe_of("histogram").model_copy(update={"headline": ("score",)})
    with pytest.raises(RecipeError, match="without a name: leave headline out"):
        scores_of(recipe, torch.zeros(3), 3)
    own = {"l1": torch.zeros(3), "ssim": torch.zeros(3)}
    words = r"recipe histogram: headline names score, which is no score.*its scores: l1, ssim"
    with pytest.raises(RecipeError, match=words):
        scores_of(recipe, own, 3)
    asked = recipe.model_copy(update={"headline": (), "scores": ("l1", "l2")})
    with pytest.raises(RecipeError, match="scores names l2, which its detector does not yield"):
        scores_of(asked, own, 3)


def test_a_path_in_a_recipe_starts_where_the_command_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = tmp_path / "bench"
    bench.mkdir()
    monkeypatch.chdir(tmp_path)
    (bench / "mine.py").write_text(
        "def score(images):\n    return images.float().mean((1, 2, 3))\n"
    )
    recipe = bench / "mine.toml"
    recipe.write_text('name = "mine"\ndetector = "mine.py:score"\n')
    with pytest.raises(RecipeError) as raised:
        recipe_of("bench/mine.toml")
    assert f"no such file in {tmp_path}" in str(raised.value)
    assert str(raised.value).endswith("; write bench/mine.py:score.")
    recipe.write_text('name = "mine"\ndetector = "bench/mine.py:score"\n')
    assert recipe_of("bench/mine.toml").detector == "bench/mine.py:score"
    (bench / "mine.py").unlink()
    with pytest.raises(RecipeError, match=r"not where the recipe lies\.$"):
        recipe_of("bench/mine.toml")


def test_what_is_wrong_in_a_recipe_is_not_blamed_on_a_line_of_code(tmp_path: Path) -> None:
    code = tmp_path / "mine.py"
    code.write_text("def score(images):\n    return images[:, 0].float().mean((1, 2))\n")
    recipe = tmp_path / "mine.toml"
    recipe.write_text(f'name = "mine"\ndetector = "{code}:score"\nheadline = ["level"]\n')
    problems = {outcome.problem for outcome in check(str(recipe)) if outcome.problem}
    assert problems
    assert all("recipe mine: headline names level" in problem for problem in problems)
    assert not any("line 1" in problem for problem in problems)


def test_the_direction_of_a_trained_model_is_judged_only_if_that_is_asked(
    torch_file: Path,
) -> None:
    test = "higher means less like the target"
    spec = f"{torch_file}:Trained"
    (direction,) = (outcome for outcome in check(spec) if outcome.test == test)
    assert not direction.problem
    assert "not judged" in direction.note
    (asked,) = (outcome for outcome in check(spec, 0.5) if outcome.test == test)
    assert "at least 0.5" in asked.problem


def test_without_a_gpu_the_check_says_that_one_device_was_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    notes = {outcome.test: outcome.note for outcome in check("histogram")}
    noted = [test for test, note in notes.items() if "only the CPU was tried" in note]
    assert noted == ["scores are the same on every device"]


def test_an_error_of_every_test_is_printed_once(
    torch_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["mimbench", "check", f"{torch_file}:Fails"])
    assert main() == 1
    said = capsys.readouterr().out
    assert said.count("no data") == 1
    assert said.count("FAILED") == 2
    assert "6 further tests FAILED for a reason told above." in said
    monkeypatch.setattr("sys.argv", ["mimbench", "check", "histogram", "--least-auroc", "0.5"])
    assert main() == 0
    said = capsys.readouterr().out
    assert f"All {said.count('passed  ')} tests passed." in said


@pytest.mark.parametrize(
    ("name", "test", "problem"),
    [
        ("Flipped", "higher means less like the target", "AUROC 0.0"),
        ("Random", "nothing outside is changed", "score() may draw no random numbers"),
        ("Random", "fits repeat", "score() gives the same images other scores each time"),
        ("Seeds", "nothing outside is changed", "fit() must draw from train.generator"),
        ("Random", "batch size does not change scores", "its own image alone"),
        ("Shape", "scores are finite one per image", "shape (1, 1)"),
        ("Forgets", "state survives a file", "load() leaves mean unlike what fit() made"),
        ("Drops", "state survives a file", "load() does not restore scale, which state() returns"),
        ("Misspells", "state survives a file", "load() does not restore scale"),
        ("Array", "scores are finite one per image", "torch.from_numpy(values)"),
        ("Ends", "scores are finite one per image", "without a return?"),
        ("Known", "scores are finite one per image", 'trains_on = "known" gives the target'),
        ("Bytes", "scores are finite one per image", "call .float() first"),
        ("Images", "scores are finite one per image", "its images are batch.images"),
        ("Never", "scores are finite one per image", "fit() is never called"),
        ("Module", "scores are finite one per image", "call self.net.parameters()"),
    ],
)
def test_a_broken_detector_is_told_what_is_wrong(
    name: str, test: str, problem: str, tmp_path: Path
) -> None:
    path = tmp_path / "broken.py"
    path.write_text(BROKEN)
    outcomes = {outcome.test: outcome.problem for outcome in check(f"{path}:{name}")}
    assert problem in outcomes[test], outcomes


@pytest.fixture
def broken(tmp_path: Path) -> str:
    path = tmp_path / "broken.py"
    path.write_text(BROKEN)
    return str(path)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("NoFit", r'trains_on = "target" and no method fit\(train\); define it'),
        ("Fitt", r"is its fitt misspelt\?"),
        ("Unsaid", r"fit\(train\) that is never called.*set trains_on"),
        ("Scores", r"no method score\(batch\) \(is its scores misspelt\?\)"),
        ("Both", r'it can be "nothing", "target" or "known" \(the target and'),
        ("Alone", r"write `class Alone\(Detector\):`"),
    ],
)
def test_a_class_without_the_methods_that_it_needs_is_refused(
    broken: str, name: str, words: str
) -> None:
    with pytest.raises(DetectorError, match=words):
        list(check(f"{broken}:{name}"))


class Watched(Silent):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, str]] = []
        self.said: list[str] = []
        self.total = 0.0

    def stage(self, title: str, total: float) -> None:
        self.total = total

    def update(self, done: float, note: str = "", left: float | None = None) -> None:
        self.seen.append((done, note))

    def message(self, text: str) -> None:
        self.said.append(text)


def test_a_check_fits_twice_and_tells_what_it_does(broken: str) -> None:
    progress = Watched()
    list(check(f"{broken}:Counted", progress=progress))
    assert resolve(f"{broken}:Counted").fits == 2
    notes = [note for _, note in progress.seen]
    assert "fit 1 of 2: step 3 of 4, loss 0.5" in notes
    assert notes.index("fit 2 of 2") > notes.index("batch size does not change scores")
    shares = [done for done, _ in progress.seen]
    assert max(shares) == shares[-1] == progress.total == 27


def test_a_fit_that_fails_is_not_repeated(broken: str) -> None:
    problems = {outcome.problem for outcome in check(f"{broken}:Fails")}
    assert len(problems) == 1
    assert resolve(f"{broken}:Fails").fits == 1


@pytest.mark.parametrize(
    ("family", "words"), [("oneclass", "meant one-class?"), ("texture", "those of mimbench")]
)
def test_a_family_that_no_recipe_has_is_named(family: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f'extends = "histogram"\nname = "mine"\nfamily = "{family}"\n')
    progress = Watched()
    list(check(str(path), progress=progress))
    (said,) = progress.said
    assert words in said


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("tour", "'tour' is a run, neither"),
        ("nothing-like-it", "There is no detector or corruption"),
    ],
)
def test_what_is_no_detector_is_called_what_it_is(name: str, words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        list(check(name))


def test_a_recipe_that_extends_nothing_is_told_that_name(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('extends = "histogrm"\nname = "mine"\n')
    with pytest.raises(UnknownNameError, match=r"'histogrm'.*histogram"):
        list(check(str(path)))
