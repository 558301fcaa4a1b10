"""Fits with fewer known categories: which there are, what they see, and what they leave alone."""

from itertools import pairwise
from pathlib import Path

import pytest
from small_plans import executed, planned

from mimbench.errors import RecipeError
from mimbench.evaluation.fitting import training_rows
from mimbench.evaluation.planning.flags import resolve_run
from mimbench.evaluation.planning.known_subsets import withheld_from
from mimbench.scores.tables import RunTables
from mimbench.statistics.tables.known_categories import known_curve_table, left_out_table

KNOWN = ["a", "b", "c", "d", "e", "f"]


def shown_by_order(counts: tuple[int, ...], orders: int, seed: int) -> dict[str, list[set[str]]]:
    found: dict[str, list[set[str]]] = {}
    for less in withheld_from(KNOWN, counts, orders, 0, seed):
        for study in less.studies:
            found.setdefault(study, []).append(set(KNOWN) - set(less.categories))
    return found


def test_the_curve_only_adds_categories_and_uses_each_equally_often() -> None:
    by_order = shown_by_order((4, 1, 2, 6, 9), 3, seed=0)
    assert len(by_order) == 3
    for steps in by_order.values():
        assert [len(shown) for shown in steps] == [1, 2, 4]
        assert all(fewer < more for fewer, more in pairwise(steps))
    for step, times in enumerate((0.5, 1, 2)):
        shown = [name for steps in by_order.values() for name in steps[step]]
        assert len(shown) == times * len(KNOWN)
        assert max(map(shown.count, KNOWN)) == max(1, times)
    assert by_order != shown_by_order((1, 2, 4), 3, seed=1)


def test_every_known_category_is_left_out_once() -> None:
    groups = withheld_from(KNOWN, (), 3, 4, seed=0)
    assert [len(less.categories) for less in groups] == [2, 2, 1, 1]
    assert sorted(name for less in groups for name in less.categories) == KNOWN
    assert len(withheld_from(KNOWN, (), 3, 99, seed=0)) == 6


def test_a_set_that_serves_both_is_fitted_once() -> None:
    both = withheld_from(["a", "b"], (1,), 3, 2, seed=0)
    assert len(both) == 2
    assert all(len(less.studies) == 2 for less in both)


@pytest.fixture(scope="module")
def run(
    folders: dict[str, Path], plugin: Path, tmp_path_factory: pytest.TempPathFactory
) -> RunTables:
    plan = planned(
        folders,
        [f"{plugin}:Spy", f"{plugin}:Brightness"],
        suites=("quick",),
        known_curve=(1,),
        leave_out_groups=2,
    )
    return executed(plan, tmp_path_factory.mktemp("withheld"))


def test_a_fit_sees_no_image_of_what_is_withheld_from_it(
    folders: dict[str, Path], plugin: Path
) -> None:
    plan = planned(folders, [f"{plugin}:Spy"], folds=3, known_curve=(1,))
    main = [spec for spec in plan.fits if not spec.withheld]
    less = [spec for spec in plan.fits if spec.withheld]
    assert (len(main), len(less)) == (3, 6)
    for spec in less:
        seen = training_rows(plan, spec)
        for rows in seen.values():
            assert not set(plan.images["category"].iloc[rows]) & set(spec.withheld)
        known = set(plan.images["category"].iloc[seen["known"]])
        assert known == {"measles", "eczema"} - set(spec.withheld)


def test_only_what_trains_on_known_categories_is_fitted_again_and_only_clean_images_are_scored(
    run: RunTables,
) -> None:
    extra = run.fits[~run.main_fits]
    assert extra["detector"].tolist() == ["Spy", "Spy"]
    assert set(extra["withheld"]) == {"eczema", "measles"}
    own = run.scores[run.scores["fit_id"].isin(extra["fit_id"])]
    assert set(own["corruption"]) == {"clean"}
    assert len(set(run.scores["corruption"])) == 5


def test_both_tables_come_out_of_such_a_run(run: RunTables) -> None:
    curve = known_curve_table(run).set_index(["row", "known"])
    assert curve.index.tolist() == [("Spy", 1), ("Spy", 2), ("Brightness", 0)]
    assert curve["value"].tolist() == [1.0, 1.0, 1.0]  # nothing to learn from known categories
    left_out = left_out_table(run)
    assert set(left_out["category"]) == {"", "eczema", "measles"}
    assert left_out.groupby("row")["seen"].count().to_dict() == {"Brightness": 0, "Spy": 3}


def test_another_known_category_or_left_out_groups_refit_no_target_only_detector(
    folders: dict[str, Path], plugin: Path, tmp_path: Path
) -> None:
    detectors = [f"{plugin}:Brightness", f"{plugin}:Spy"]
    first = executed(planned(folders, detectors, known=("measles",)), tmp_path)
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "fits").iterdir()}
    more = executed(planned(folders, detectors, leave_out_groups=2), tmp_path)
    old, new = (
        dict(table.fits.loc[table.main_fits, ["detector", "fit_id"]].to_numpy())
        for table in (first, more)
    )
    assert old["Brightness"] == new["Brightness"]
    assert old["Spy"] != new["Spy"]
    assert {path: path.stat().st_mtime_ns for path in written} == written


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"known": ("measles",), "known_curve": (1,), "leave_out_groups": 2},
         "Not run: the known-curve and leaving out groups, which needs 2 known categories"),
        ({"detectors": ["histogram"], "known_curve": (1,)}, "no detector of this run trains on"),
        ({"known_curve": (1, 9)}, "known-curve ends at 2"),
        ({"known_curve": (1,)}, "3 trained models, 2 of them of Spy with fewer known categories"),
    ],
)  # fmt: skip
def test_what_is_fitted_and_what_cannot_be_is_said_before_the_start(
    folders: dict[str, Path], plugin: Path, options: dict[str, object], words: str
) -> None:
    plan = planned(folders, **{"detectors": [f"{plugin}:Spy"], **options})
    assert words in " ".join(plan.dataset.notes)


def test_the_flag_is_a_list_of_numbers() -> None:
    assert resolve_run("default", {"known_curve": "1,2,4"}).known_curve == (1, 2, 4)
    with pytest.raises(RecipeError, match="known-curve"):
        resolve_run("default", {"known_curve": "1,many"})
    with pytest.raises(RecipeError, match="known-curve"):
        resolve_run("default", {"known_curve": "0,1"})
