"""A verdict on a claim: what verdicts.json is the JSON of, and how its numbers are printed."""

from collections.abc import Hashable, Mapping
from math import isnan, nan
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from mimbench.claims.statement import ClaimsFile
from mimbench.errors import TableError
from mimbench.recipes import validate
from mimbench.runfolder.reading import RunFolder
from mimbench.scores.digests import read_json
from mimbench.statistics.core.cautions import mark_of

__all__ = ["Verdict", "Verdicts", "kept_claims", "verdicts_of"]

# JSON has no NaN: null stands for it.
Number = Annotated[float, BeforeValidator(lambda value: nan if value is None else value)]


class Verdict(BaseModel):
    """What a run says about one claim for one row.

    Attributes:
        claim: its id.
        row: the row that it is judged for.
        relation: of the other images to the target's source; empty if not tested.
        headline: whether this row is the one the claims file fixed beforehand.
        statement: the claim in words.
        verdict: see `mimbench.claims.verify`.
        effect: what was measured, in words; empty if nothing was.
        value: the effect.
        low: lower end of its 95 % interval over patients and retraining, unadjusted; without what
            is unknown.
        high: upper end.
        threshold: what the claim says the effect reaches.
        p: two-sided, "the effect is exactly at the threshold", Holm-adjusted over the file; NaN
            where it was not tested or part of the variance is unknown.
        target_patients: on the target's side.
        other_patients: on the other side.
        more_target_patients: how many more of them would settle it, others in proportion, if the
            effect stays as it is and the interval narrows with the square root of the number;
            NaN where it is settled or no number would.
        few_patients: that hardly any patient was tested, and what to do; empty if enough were.
        explanation: why this verdict, in a sentence.
        remedy: of a claim that was not tested, what to add to the run's command; empty where no
            flag would do.
        caution: why the interval covers less than it says; empty if it does not.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="null")

    claim: str
    row: str
    relation: str = ""
    headline: bool
    statement: str
    verdict: Literal[
        "supported", "refuted", "not reproduced", "inconclusive", "confounded", "not tested"
    ]
    effect: str = ""
    value: Number = nan
    low: Number = nan
    high: Number = nan
    threshold: Number = nan
    p: Number = nan
    target_patients: int = 0
    other_patients: int = 0
    more_target_patients: Number = nan
    few_patients: str = ""
    explanation: str = ""
    remedy: str = ""
    caution: str = ""

    @property
    def number(self) -> str:
        """The effect with its interval, e.g. "0.453 [0.342, 0.569]"."""
        ends = f"[{_number(self.low)}, {_number(self.high)}]"
        return f"{_number(self.value)} {ends}{mark_of(self.caution)}"

    @property
    def claimed(self) -> str:
        """What the effect has to reach, e.g. "0.800 or more"; a difference has to be above 0."""
        return "above 0" if self.threshold == 0 else f"{_number(self.threshold)} or more"

    @property
    def adjusted_p(self) -> str:
        """The p-value in three decimals; empty where there is none."""
        if isnan(self.p):
            return ""
        return "< 0.001" if self.p < 0.001 else f"{self.p:.3f}"


class Verdicts(BaseModel):
    """The content of verdicts.json.

    Attributes:
        claims: what was judged; None where an earlier version wrote it.
        verdicts: one per claim, row and relation.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    claims: ClaimsFile | None = None
    verdicts: tuple[Verdict, ...]


def kept_claims(folder: Path) -> ClaimsFile | None:
    """The claims that the verdicts in a folder are on; None where it has none that name them.

    Raises:
        TableError: verdicts.json is damaged.
        RecipeError: a field of it is wrong.
    """
    path = folder / "verdicts.json"
    return validate(Verdicts, read_json(path), path).claims if path.is_file() else None


def verdicts_of(run: RunFolder) -> tuple[Verdict, ...]:
    """The verdicts beside a run's tables; none where `mimbench verify` left none.

    Raises:
        RecipeError: a field of verdicts.json is wrong.
        TableError: so is one of verdicts.csv, which earlier versions left.
    """
    if run.verdicts is not None:
        return validate(Verdicts, run.verdicts, run.path / "verdicts.json").verdicts
    table = run.extras.get("verdicts")
    if table is None:
        return ()
    path = run.path / "verdicts.csv"
    return tuple(_from_csv(line, path) for line in table.to_dict("records"))


def _from_csv(line: Mapping[Hashable, Any], path: Path) -> Verdict:
    """A verdict of verdicts.csv, where numbers have three decimals and other names."""
    try:
        ends = str(line["interval_95"]).strip("[]").split(",")
        low, high = ends if len(ends) == 2 else ("", "")
        return Verdict(
            claim=line["id"],
            row=line["row"],
            headline=line["reading"] == "headline",
            statement=line["claim"],
            verdict=line["verdict"],
            effect=line["measured"],
            value=_read(line["effect"]),
            low=_read(low),
            high=_read(high),
            threshold=_read(line["claimed"]),
            p=0.0 if line["p_adjusted"] == "< 0.001" else _read(line["p_adjusted"]),
            target_patients=line["target_patients"],
            other_patients=line["other_patients"],
            more_target_patients=_read(line["more_target_patients"]),
            explanation=line["why"],
            caution=line.get("caution", ""),
        )
    except (KeyError, ValueError) as error:  # pydantic's errors are ValueErrors
        raise TableError(
            f"{path} is not what an earlier version wrote ({error}); repeat mimbench verify."
        ) from error


def _read(text: str) -> float:
    return float(text) if text else nan


def _number(value: float) -> str:
    return "" if isnan(value) else f"{round(value, 3) + 0.0:.3f}"  # no -0.000
