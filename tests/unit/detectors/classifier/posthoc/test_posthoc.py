"""Post-hoc scores: which way they point, that they are an image's own, and what is not run."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from pytorch_ood import detector
from sklearn.covariance import ledoit_wolf_shrinkage
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from mimbench.detectors.build import scores_of
from mimbench.detectors.classifier.posthoc import OPEN_SET, SCORES, PostHoc, TrainingOutputs
from mimbench.detectors.classifier.posthoc.logits import ALWAYS, fit_temperature, logit_scores
from mimbench.detectors.classifier.posthoc.outputs import Outputs, forward
from mimbench.detectors.classifier.posthoc.span import Span
from mimbench.detectors.gaussian import Gaussian, shrinkage
from mimbench.detectors.networks.network import Network
from mimbench.detectors.networks.preprocessing import Preprocessing
from mimbench.errors import DetectorError
from mimbench.recipes import Recipe

SIDE, WIDTH = 16, 24
IMAGENET = Preprocessing((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
COLOURS = ((200, 40, 40), (40, 200, 40), (40, 40, 200))


def photos(count: int, seed: int, colours: tuple[tuple[int, ...], ...] = COLOURS) -> Tensor:
    """Noisy images, of each colour in turn: uint8 (count, 3, SIDE, SIDE)."""
    rng = np.random.default_rng(seed)
    level = np.asarray(colours)[np.arange(count) % len(colours)][:, :, None, None]
    shade = rng.normal(1, 0.05, (count, 1, 1, 1))
    noisy = level * shade + rng.normal(0, 10, (count, 3, SIDE, SIDE))
    return torch.from_numpy(noisy.clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def training() -> TrainingOutputs:
    """A small network that tells red (the target), green and blue images apart, and its outputs."""
    generator = torch.Generator().manual_seed(0)
    head = nn.Linear(WIDTH, 3)
    body = nn.Sequential(
        nn.Conv2d(3, WIDTH, 4, stride=4, bias=False),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.2),
        head,
    ).eval()
    for parameter in body.parameters():
        nn.init.normal_(parameter, std=0.15, generator=generator)
    network = Network(body, head, IMAGENET)
    images, labels = photos(150, 1), torch.arange(150) % 3
    optimiser = torch.optim.Adam(body.parameters(), lr=1e-2)
    for _ in range(60):
        optimiser.zero_grad()
        cross_entropy(network(images), labels, label_smoothing=0.1).backward()
        optimiser.step()
    network.requires_grad_(False)
    trained, held_out = forward(network, images), forward(network, photos(30, 2))
    return TrainingOutputs(
        network,
        trained.logits,
        trained.features,
        labels,
        held_out.logits,
        torch.arange(30) % 3,
    )


@pytest.fixture(scope="module")
def posthoc(training: TrainingOutputs) -> PostHoc:
    return PostHoc(SCORES, training, {})


def scored(posthoc: PostHoc, training: TrainingOutputs, images: Tensor) -> dict[str, Tensor]:
    with torch.inference_mode():
        found = posthoc(forward(training.network, images))
    return {name: values for name, values in found.items() if isinstance(values, Tensor)}


def auroc(inside: Tensor, outside: Tensor) -> float:
    pairs = outside.double()[:, None] - inside.double()[None, :]
    return float((pairs > 0).double().mean() + 0.5 * (pairs == 0).double().mean())


GREY = ((95, 92, 96),)
# OpenMax cannot refuse an image with small logits, whose share of "unknown" is 1 / (K + 1); dropout
# changes little where features are small; RankFeat's own test is below.
OUTSIDE = {"openmax": ((250, 10, 10),), "mc-dropout": ((255, 255, 255),)}


@pytest.mark.parametrize("name", [name for name in SCORES if name != "rankfeat"])
def test_higher_means_more_ood_on_separable_data(
    name: str, posthoc: PostHoc, training: TrainingOutputs
) -> None:
    red = scored(posthoc, training, photos(45, 3, COLOURS[:1]))
    other = scored(posthoc, training, photos(45, 4, OUTSIDE.get(name, GREY)))
    assert name not in posthoc.not_run, posthoc.not_run
    assert auroc(red[name], other[name]) > 0.95
    if name not in OPEN_SET:
        known = scored(posthoc, training, photos(45, 5, COLOURS[1:]))
        assert auroc(red[name], known[name]) > 0.95


@pytest.mark.parametrize("name", [name for name in SCORES if name != "rankfeat"])
def test_a_score_depends_on_no_images_but_those_that_it_says_it_is_fitted_on(
    name: str, posthoc: PostHoc, training: TrainingOutputs
) -> None:
    half = torch.arange(len(training.labels)) % 2 == 0
    others = {
        "training": {
            "logits": training.logits[half],
            "features": training.features[half],
            "labels": training.labels[half],
        },
        "validation": {
            "held_out_logits": 3 * training.held_out_logits.flip(0),
            "held_out_labels": training.held_out_labels.flip(0),
        },
    }
    images = photos(9, 8)
    before = scored(posthoc, training, images)[name]
    for part, changed in others.items():
        if part != SCORES[name].fitted_on:
            elsewhere = replace(training, **changed)
            after = scored(PostHoc([name], elsewhere, {}), elsewhere, images)[name]
            assert torch.equal(before, after), part


def test_scores_of_logits_alone_are_declared() -> None:
    assert tuple(ALWAYS) == tuple(logit_scores(torch.zeros(1, 2)))


def test_rankfeat_sees_a_class_below_the_strongest_direction(training: TrainingOutputs) -> None:
    generator = torch.Generator().manual_seed(5)
    common = torch.rand(WIDTH, generator=generator)
    place = torch.tensor([[3.0, 3.0], [-3.0, -3.0]])
    weight = training.head().weight[0]

    def maps(strength: float) -> Outputs:
        noise = 0.02 * torch.randn(40, WIDTH, 2, 2, generator=generator)
        found = common[:, None, None] * place + strength * weight[:, None, None] + noise
        features = found.mean((2, 3))
        return Outputs(torch.zeros(40), training.head()(features), features, found)

    fitted = PostHoc(["rankfeat"], training, {})
    inside, outside = fitted(maps(1.0))["rankfeat"], fitted(maps(0.0))["rankfeat"]
    assert isinstance(inside, Tensor)
    assert isinstance(outside, Tensor)
    assert auroc(inside, outside) > 0.95


def test_an_image_has_the_same_scores_alone_and_among_others(
    posthoc: PostHoc, training: TrainingOutputs
) -> None:
    images = torch.cat([photos(6, 6), photos(3, 7, GREY)])
    together = scored(posthoc, training, images)
    alone = [scored(posthoc, training, image[None]) for image in images]
    for name, values in together.items():
        single = torch.cat([one[name] for one in alone])
        spread = float(values.max() - values.min())
        assert float((values - single).abs().max()) <= 1e-3 * spread, name


def test_no_score_reads_or_changes_global_random_state(training: TrainingOutputs) -> None:
    numpy_state = str(np.random.get_state(legacy=False))  # noqa: NPY002 - only looked at
    before = torch.get_rng_state()
    found = scored(PostHoc(SCORES, training, {}), training, photos(4, 8))
    torch.manual_seed(77)
    again = scored(PostHoc(SCORES, training, {}), training, photos(4, 8))
    torch.set_rng_state(before)
    assert str(np.random.get_state(legacy=False)) == numpy_state  # noqa: NPY002
    for name in found:
        assert torch.equal(found[name], again[name]), name


def test_own_scores_are_those_of_pytorch_ood_where_it_is_right(training: TrainingOutputs) -> None:
    """pytorch-ood 0.4.0: plain energy and MaxLogit; MSP in ranks; Mahalanobis when n is large."""
    logits = torch.randn(200, 4, generator=torch.Generator().manual_seed(1))
    own = logit_scores(logits)
    torch.testing.assert_close(own["energy"], detector.EnergyBased.score(logits))
    torch.testing.assert_close(own["maxlogit"], detector.MaxLogit.score(logits))
    assert own["msp"].argsort().equal(detector.MaxSoftmax.score(logits.double()).argsort())
    features = torch.randn(3000, 5, generator=torch.Generator().manual_seed(2))
    labels = torch.arange(3000) % 2
    theirs = detector.Mahalanobis(None).fit_features(features, labels).predict_features(features)
    ours = Gaussian.fit(features, labels).distances(features).amin(1)
    # theirs is half the distance, by the scatter instead of the covariance
    assert np.corrcoef(ours.numpy(), theirs.numpy())[0, 1] > 0.999


class Masked(nn.Module):
    """Dropout with the masks of `mc-dropout` in turn."""

    def __init__(self, width: int, share: float) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.masks = (torch.rand(30, width, generator=generator) >= share).float() / (1 - share)
        self.turn = -1

    def forward(self, features: Tensor) -> Tensor:
        self.turn += 1
        return features * self.masks[self.turn]


@pytest.mark.parametrize("count", [12, 150])
def test_scores_in_fewer_coordinates_are_those_of_pytorch_ood(
    training: TrainingOutputs, count: int
) -> None:
    """pytorch-ood 0.4.0 on the features themselves; 12 images span half of their dimensions."""
    few = replace(
        training,
        logits=training.logits[:count],
        features=training.features[:count],
        labels=training.labels[:count],
    )
    found = scored(PostHoc(SCORES, few, {}), few, images := photos(40, 11))
    outputs = forward(training.network, images)
    head, (features, labels) = few.head(), (few.features, few.labels)
    knn = detector.KNN(None, k=5).fit_features(features, labels)
    torch.testing.assert_close(
        found["knn"], knn.predict_features(outputs.features), rtol=1e-4, atol=1e-6
    )
    floor = 1e-2 * float(features.var(0).mean())
    gmm = detector.GMM(None, reg=floor).fit_features(features, labels)
    apart = found["gmm"] - gmm.predict_features(outputs.features)
    torch.testing.assert_close(apart, apart[:1].expand(40), rtol=1e-6, atol=1e-3)
    vim = detector.ViM(None, min(count, WIDTH) // 2, head.weight, head.bias)
    vim.fit_features(features, labels)
    torch.testing.assert_close(
        found["vim"].float(), vim.predict_features(outputs.features), rtol=1e-3, atol=1e-3
    )
    # in single precision it adds 10,000 to a distance and loses the third decimal
    openmax = detector.OpenMax(None, alpha=1).fit_logits(few.logits.double(), labels)
    theirs = openmax.predict_logits(outputs.logits.double())
    torch.testing.assert_close(found["openmax"].sigmoid(), theirs, rtol=1e-4, atol=1e-6)
    gradnorm = detector.GradNorm(head).predict(outputs.features)
    torch.testing.assert_close(found["gradnorm"].float(), gradnorm, rtol=1e-3, atol=1e-4)
    dropout = detector.MCD(nn.Sequential(Masked(WIDTH, 0.2), head), samples=30)
    torch.testing.assert_close(found["mc-dropout"], dropout.predict(outputs.features))


def test_shrinkage_is_that_of_scikit_learn_in_few_coordinates_too() -> None:
    """scikit-learn's ledoit_wolf_shrinkage, also where images are fewer than dimensions."""
    for n, d in ((10, 60), (200, 12)):
        features = torch.randn(n, d, generator=torch.Generator().manual_seed(n)).double()
        features = features * torch.linspace(0.1, 2, d)
        centred = features - features.mean(0)
        expected = ledoit_wolf_shrinkage(centred.numpy(), assume_centered=True)
        assert shrinkage(centred, d) == pytest.approx(expected)
        labels, test = torch.zeros(n, dtype=torch.long), 2 * features[:5].flip(1)
        span = Span.of(features)
        few = Gaussian.fit(span(features), labels, d).distances(span(test))
        torch.testing.assert_close(few, Gaussian.fit(features, labels).distances(test))


def far_from_training() -> tuple[TrainingOutputs, Outputs, Outputs]:
    """Features of fewer images than dimensions, of target images, and of images between classes.

    The last have more than the others in directions in which no training image has anything.
    """
    generator = torch.Generator().manual_seed(11)
    n, width, known = 60, 400, 40
    labels = torch.arange(n) % 3
    centres = torch.zeros(3, width)
    centres[:, :known] = 1.3 * torch.randn(3, known, generator=generator)

    def around(centre: Tensor, elsewhere: float) -> Outputs:
        features = torch.zeros(len(centre), width)
        features[:, :known] = torch.randn(len(centre), known, generator=generator)
        strange = torch.randn(len(centre), width - known, generator=generator)
        features[:, known:] = elsewhere * strange
        return Outputs(torch.zeros(1), torch.zeros(len(centre), 3), features + centre, None)

    trained = around(centres[labels], 0.0)
    head = nn.Linear(width, 3, bias=False)
    network = Network(nn.Sequential(head), head, IMAGENET)
    nn.init.zeros_(head.weight)
    known_of = TrainingOutputs(
        network, trained.logits, trained.features, labels, trained.logits, labels
    )
    between = centres.mean(0).expand(50, -1)
    return known_of, around(centres[:1].expand(50, -1), 0.3), around(between, 0.6)


@pytest.mark.parametrize("name", ["relative-mahalanobis", "relative-mahalanobis-target"])
def test_relative_distances_ignore_what_no_training_image_has(name: str) -> None:
    few, target, between = far_from_training()
    fitted = PostHoc([name], few, {})
    found = [fitted(outputs)[name] for outputs in (target, between)]
    values = [score for score in found if isinstance(score, Tensor)]
    assert auroc(values[0], values[1]) > 0.95
    stranger = replace(target, features=target.features.clone(), _shared={})
    stranger.features[:, -50:] += 3
    again = fitted(stranger)[name]
    assert isinstance(again, Tensor)
    torch.testing.assert_close(again, values[0], rtol=1e-4, atol=1e-3)


def test_posterior_ranks_as_softmax_and_does_not_saturate() -> None:
    logits = 3 * torch.randn(500, 3, generator=torch.Generator().manual_seed(3))
    posterior = logit_scores(logits)["posterior"]
    assert posterior.argsort().equal((-logits.double().softmax(1)[:, 0]).argsort())
    sure = logit_scores(torch.tensor([[200.0, 0.0], [300.0, 0.0], [0.0, 200.0], [0.0, 300.0]]))
    assert sure["posterior"].tolist() == [-200.0, -300.0, 200.0, 300.0]


def test_temperature_has_the_least_loss() -> None:
    generator = torch.Generator().manual_seed(4)
    logits = 20 * torch.randn(300, 3, generator=generator)
    labels = torch.multinomial((logits / 8).softmax(1), 1, generator=generator)[:, 0]
    best = fit_temperature(logits, labels)
    losses = [float(cross_entropy(logits / (best * k), labels)) for k in (0.9, 1.0, 1.1)]
    assert losses[1] < min(losses[0], losses[2])
    assert 6 < best < 10


def test_what_cannot_run_is_its_own_row_with_the_reason(training: TrainingOutputs) -> None:
    few = TrainingOutputs(
        training.network,
        training.logits[:12],
        training.features[:12],
        training.labels[:12],
        training.held_out_logits,
        training.held_out_labels,
    )
    found = PostHoc(["posterior", "pnml", "knn", "she"], few, {})
    assert "more than 24 training images, there are 12" in found.not_run["pnml"]
    scores = found(forward(training.network, photos(3, 9)))
    assert isinstance(scores["pnml"], DetectorError)
    recipe = Recipe(name="small", detector="classifier", scores=("posterior", "pnml", "knn"))
    assert list(scores_of(recipe, scores, 3)) == ["small/posterior", "small/knn"]
