"""Claims as data: what is said about which rows, over which images, and from which number on."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mimbench.recipes import read_toml, validate

__all__ = ["Claim", "ClaimsFile", "read_claims"]

Kind = Literal["at_least", "superior", "non_inferior", "degrades_less", "needs_no_known"]
NEEDS: dict[str, tuple[str, ...]] = {
    "at_least": ("bound",),
    "superior": ("against",),
    "non_inferior": ("against", "margin"),
    "degrades_less": ("against", "corruptions"),
    "needs_no_known": ("against", "margin"),
}


class Claim(BaseModel):
    """One statement; every row and relation to the target's source gets its own verdict.

    - `at_least`: the metric is `bound` or more. Where the bound is somebody's estimate from other
      images, not a level that was promised, say so by `bound_is`: a number that is clearly below
      it does not refute anybody, it does not reproduce the estimate.
    - `superior`: the AUROC is above that of every row in `against`.
    - `non_inferior`: it is not below any of them by `margin` or more.
    - `degrades_less`: from clean to the mean over `corruptions` it loses less than each of them.
    - `needs_no_known`: of a detector that sees no known category. It is not below any of
      `against`, which saw all of them, by `margin` or more; and each of `against` is worse with
      the fewest known categories of the known-curve, since to do without what nobody needs is no
      merit.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", description="Name of the claim in this file."
    )
    statement: str = Field(min_length=1, description="What is claimed, in a sentence.")
    source: str = Field(default="", description="Where the claim comes from.")
    kind: Kind = Field(description="What is tested; see the kinds.")
    rows: tuple[str, ...] = Field(
        min_length=1,
        description="Rows that it is about; the first is the headline, fixed beforehand.",
    )
    against: tuple[str, ...] = Field(default=(), description="Rows to compare with.")
    bound: float | None = Field(
        default=None, gt=0, lt=1, description="Value of the metric to be reached."
    )
    bound_is: Literal["required", "estimate"] = Field(
        default="required", description="`estimate`: the bound is somebody's, of other images."
    )
    margin: float | None = Field(
        default=None, gt=0, lt=1, description="Difference of AUROC that does not matter."
    )
    metric: Literal["auroc", "sensitivity", "specificity"] = Field(
        default="auroc", description="The last two are at the frozen threshold, on clean images."
    )
    question: Literal["detection", "open-set"] = Field(
        default="detection",
        description="`detection`: target against others; `open-set`: target and known categories "
        "against others.",
    )
    role: Literal["target", "known", "unknown", "abnormal", "external", "ood"] = Field(
        default="unknown", description="Role of the other images; `ood` for the open-set question."
    )
    relation: Literal["", "same-source", "other-source"] = Field(
        default="",
        description="Whether they come from the target's source; empty: a verdict for each.",
    )
    category: str = Field(
        default="", description="One category; empty: the mean over those of the role."
    )
    sources: tuple[str, ...] = Field(
        default=(), description="Sources of the images that are not the target; empty: all."
    )
    where: dict[str, str] = Field(
        default_factory=dict, description="Column of the images = value: only these images."
    )
    corruptions: tuple[str, ...] = Field(
        default=(),
        description='Corruptions, of which those count that the run has; `["*"]`: all; empty: '
        "clean images.",
    )
    protocol: Literal["both", "target-only"] = Field(
        default="both", description="Which images are corrupted."
    )

    @property
    def needs_threshold(self) -> bool:
        """Whether it is about a frozen threshold, or about images on which one is tested."""
        return self.metric != "auroc" or self.role == "external"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        wanted = NEEDS[self.kind]
        for field in ("bound", "against", "margin", "corruptions"):
            given = getattr(self, field) not in (None, ())
            if field in wanted and not given:
                raise ValueError(f"a claim of the kind {self.kind} needs '{field}'")
            optional = field == "corruptions" and self.kind != "needs_no_known"
            if given and field not in wanted and not optional:
                raise ValueError(f"a claim of the kind {self.kind} has no '{field}'")
        if self.bound_is == "estimate" and self.kind != "at_least":
            raise ValueError(f"a claim of the kind {self.kind} has no 'bound_is'")
        if self.metric != "auroc" and (self.kind != "at_least" or self.corruptions):
            raise ValueError(f"{self.metric} can be claimed by 'at_least' on clean images only")
        return self


class ClaimsFile(BaseModel):
    """Claims that are judged together: their tests are one family."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(description="Of the file's claims.")
    description: str = Field(default="", description="What they are about.")
    alpha: float = Field(
        default=0.05,
        gt=0,
        lt=0.5,
        description="A verdict is clear if p, Holm-adjusted over the file, is below it.",
    )
    claim: tuple[Claim, ...] = Field(min_length=1, description="The claims, as `[[claim]]`.")

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        ids = [claim.id for claim in self.claim]
        doubled = sorted({name for name in ids if ids.count(name) > 1})
        if doubled:
            raise ValueError(f"two claims have the id '{doubled[0]}'")
        return self


def read_claims(name: str) -> ClaimsFile:
    """Read shipped claims by name, or a claims file by its path.

    Raises:
        UnknownNameError: neither a shipped name nor a file.
        RecipeError: the file has a missing, unknown or contradictory field.
    """
    table, path = read_toml("claims", name)
    return validate(ClaimsFile, table, path)
