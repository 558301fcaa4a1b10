"""What a user reads about a wrong field of a file."""

from pathlib import Path

import pytest

from mimbench.claims.statement import ClaimsFile
from mimbench.errors import RecipeError
from mimbench.evaluation.planning.flags import resolve_run
from mimbench.gate import GateSettings
from mimbench.recipes import validate


@pytest.mark.parametrize(
    ("model", "table", "allowed"),
    [
        (ClaimsFile, {"name": "a", "claims": []}, ("claim", "alpha")),
        (ClaimsFile, {"name": "a", "claim": [{"id": "b", "row": "mim/l1"}]}, ("rows", "against")),
        (GateSettings, {"retraining": {"mim/l1": {"spread": 0.1}}}, ("sd", "seeds")),
    ],
)
def test_an_unknown_field_names_those_of_its_own_table(
    model: type, table: dict[str, object], allowed: tuple[str, ...]
) -> None:
    with pytest.raises(RecipeError) as error:
        validate(model, table, "file.toml")
    (said,) = [part for part in str(error.value).split("; unknown") if "allowed" in part]
    named = said.partition("allowed: ")[2].split("; ")[0].rstrip(".").split(", ")
    assert set(allowed) <= set(named)


def test_an_entry_of_a_list_is_called_by_its_id_or_name(tmp_path: Path) -> None:
    first = {"id": "a", "statement": "b", "kind": "at_least", "rows": ["c"], "bound": 0.6}
    wrong = [{**first, "id": "finds-unknown", "bounds": 0.6}, {**first, "id": "wide", "bound": 6.0}]
    with pytest.raises(RecipeError) as error:
        validate(ClaimsFile, {"name": "x", "claim": [first, *wrong, {"id": 3}]}, "file.toml")
    assert "unknown field claim.finds-unknown.bounds, meant bound?" in str(error.value)
    assert "claim.wide.bound must be below 1" in str(error.value)
    assert "claim.3.id must be a text" in str(error.value)


def test_a_wrong_flag_is_named_as_the_user_wrote_it() -> None:
    for given, said in (
        ({"folds": 0}, "--folds must be 1 or more, not 0."),
        ({"canonical_size": 16}, "--canonical-size must be 32 or more, not 16."),
    ):
        with pytest.raises(RecipeError) as error:
            resolve_run("default", given)
        assert str(error.value) == said


def test_a_field_that_is_nearly_right_gets_the_right_one(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('detectors = ["mim"]\nfold = 2\n[data]\ndata = ["phantom"]\n')
    with pytest.raises(RecipeError, match=r"mine\.toml: unknown field fold, meant folds\?"):
        resolve_run(str(path), {})


def test_a_list_with_a_wrong_entry_is_not_called_too_short_as_well() -> None:
    claim = {"id": "a", "statement": "b", "kind": "at_least", "rows": ["c"], "bound": 0.6}
    for wrong, said in (([{**claim, "roles": "unknown"}], "roles"), ([], "claim needs 1 or more")):
        with pytest.raises(RecipeError) as error:
            validate(ClaimsFile, {"name": "a", "claim": wrong}, "file.toml")
        assert said in str(error.value)
        assert ("1 or more" in str(error.value)) == (not wrong)
