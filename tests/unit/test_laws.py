"""Laws that hold for any input: rankings, linear combinations, kernels, names, run files."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mimbench import corruptions
from mimbench.data.categories import canonical_category
from mimbench.data.options import ImageOptions
from mimbench.evaluation.planning.flags import resolve_run
from mimbench.evaluation.planning.plan import RunFile
from mimbench.statistics.core.influence import Influence, combine
from mimbench.statistics.run.clustered_auroc import Cells

scores = st.integers(-8, 8).map(lambda level: level / 4)  # ties are common, arithmetic is exact
side = st.integers(2, 12).flatmap(lambda n: arrays(np.float64, n, elements=scores))
owners = st.integers(0, 2**32 - 1)


def influence(target: np.ndarray, other: np.ndarray, seed: int = 0) -> Influence:
    """AUROC of `other` above `target`, images owned by randomly drawn patients of either side."""
    draws = np.random.default_rng(seed)
    own = draws.integers(0, len(target), len(target))
    its = len(target) + draws.integers(0, len(other), len(other))
    total = len(target) + len(other)
    return Cells(own, its, n_patients=total).influence(target, other)


@given(side, side)
def test_exchanging_the_sides_turns_an_auroc_around(target: np.ndarray, other: np.ndarray) -> None:
    there, back = influence(target, other), influence(other, target)
    assert there.value[0] + back.value[0] == pytest.approx(1, abs=1e-12)


@given(side, side, owners)
def test_a_rising_map_of_the_scores_changes_nothing(
    target: np.ndarray, other: np.ndarray, seed: int
) -> None:
    before = influence(target, other, seed)
    after = influence(np.exp(target) - 7, np.exp(other) - 7, seed)
    assert after.value[0] == before.value[0]
    np.testing.assert_array_equal(after.id, before.id)
    np.testing.assert_array_equal(after.ood, before.ood)


@given(side, side, owners)
def test_the_order_of_the_images_does_not_count(
    target: np.ndarray, other: np.ndarray, seed: int
) -> None:
    draws = np.random.default_rng(seed)
    own, its = np.arange(len(target)), len(target) + np.arange(len(other))
    first, second = draws.permutation(len(target)), draws.permutation(len(other))
    total = len(target) + len(other)
    before = Cells(own, its, n_patients=total).influence(target, other)
    after = Cells(own[first], its[second], n_patients=total).influence(target[first], other[second])
    assert after.value[0] == before.value[0]
    assert after.variance[0] == pytest.approx(before.variance[0], abs=1e-15)


weights = st.floats(-3, 3, allow_nan=False)


@given(st.data(), weights, weights, weights)
def test_combinations_are_linear(data: st.DataObject, a: float, b: float, c: float) -> None:
    target, other = data.draw(side), data.draw(side)
    again = arrays(np.float64, len(target), elements=scores)
    its = arrays(np.float64, len(other), elements=scores)
    x, y = influence(target, other), influence(data.draw(again), data.draw(its))
    inner = combine([x, y], [a, b])
    for name in ("value", "id", "ood"):
        expected = (a + c) * getattr(x, name) + b * getattr(y, name)
        np.testing.assert_allclose(
            getattr(combine([inner, x], [1, c]), name), expected, rtol=1e-9, atol=1e-12
        )


@given(side, side, owners, weights)
def test_a_difference_to_itself_is_nothing(
    target: np.ndarray, other: np.ndarray, seed: int, weight: float
) -> None:
    own = influence(target, other, seed)
    nothing = combine([own, own], [weight, -weight])
    assert nothing.value[0] == 0
    assert replace(nothing, bound=None).variance[0] == 0


@pytest.mark.slow
@settings(max_examples=60)
@given(
    st.sampled_from(corruptions.names()),
    st.integers(1, 5),
    st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=4, unique=True),
    st.integers(0, 2**32 - 1),
)
def test_an_image_is_corrupted_alike_in_every_batch(
    name: str, severity: int, keys: list[int], seed: int
) -> None:
    draws = np.random.default_rng(seed)
    images = draws.integers(0, 256, (len(keys), 40, 40, 3), dtype=np.uint8)
    order = draws.permutation(len(keys))
    together = corruptions.apply(images, name, severity, keys)
    shuffled = corruptions.apply(images[order], name, severity, [keys[k] for k in order])
    np.testing.assert_array_equal(shuffled, together[order])
    alone = corruptions.apply(images[:1], name, severity, keys[:1])
    np.testing.assert_array_equal(alone, together[:1])


names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,20}", fullmatch=True)


@given(
    name=names,
    detectors=st.lists(names, min_size=1, max_size=3),
    severities=st.lists(st.integers(1, 5), max_size=3),
    folds=st.integers(1, 20),
    seeds=st.integers(1, 50),
    known=st.lists(st.integers(1, 9), max_size=3),
    fold=st.none() | st.integers(1, 5),
)
def test_a_run_file_survives_being_written_and_read(
    name: str,
    detectors: list[str],
    severities: list[int],
    folds: int,
    seeds: int,
    known: list[int],
    fold: int | None,
) -> None:
    run = RunFile(
        name=name, detectors=tuple(detectors), severities=tuple(severities), folds=folds,
        seeds=seeds, known_curve=tuple(known), given_fold=fold, data=ImageOptions(),
    )  # fmt: skip
    assert RunFile.model_validate(json.loads(json.dumps(run.model_dump(mode="json")))) == run


@given(
    folds=st.none() | st.integers(1, 20),
    plan_seed=st.none() | st.integers(0, 2**63 - 1),
    known_curve=st.none() | st.lists(st.integers(1, 9), min_size=1, max_size=3),
    swap=st.lists(names, max_size=2),
    harmonise=st.none() | st.just(True),
    canonical_size=st.none() | st.integers(32, 512),
)
def test_a_flag_and_the_same_field_of_a_file_make_the_same_run(
    tmp_path_factory: pytest.TempPathFactory, **said: Any
) -> None:
    path = tmp_path_factory.mktemp("run") / "study.toml"
    head = 'detectors = ["mim"]\n'
    of_data = {"harmonise", "canonical_size"}
    told = {name: value for name, value in said.items() if value not in (None, [])}
    fields = {name: json.dumps(value) for name, value in told.items()}  # JSON lists are TOML's
    own = [f"{name} = {value}\n" for name, value in fields.items() if name not in of_data]
    data = [f"{name} = {value}\n" for name, value in fields.items() if name in of_data]
    path.write_text("".join([head, *own, "[data]\n", 'data = ["phantom"]\n', *data]))
    by_file = resolve_run(str(path), {})
    path.write_text(head + '[data]\ndata = ["phantom"]\n')
    if "known_curve" in told:
        told["known_curve"] = ",".join(map(str, told["known_curve"]))
    assert resolve_run(str(path), told) == by_file


words = st.lists(
    st.text(st.characters(categories=("L", "N")), min_size=1, max_size=6), min_size=1, max_size=3
)


@given(words, st.sampled_from([" ", "_", "-", "  ", " - "]))
def test_a_category_has_one_name_in_every_spelling(parts: list[str], between: str) -> None:
    name = canonical_category(between.join(parts))
    assert canonical_category(name) == name
    assert canonical_category(f" {'_'.join(parts)} ") == name
    assert canonical_category(between.join(parts).casefold()) == name
