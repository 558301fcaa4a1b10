"""Columns of every table of a run, with what the code says of each."""

import ast
import io
import tokenize
from collections.abc import Iterator, Mapping
from pathlib import Path

from _generated import fill

from mimbench.api.columns import LEADERBOARD
from mimbench.claims import Verdict

PACKAGE = Path(__file__).parent.parent / "mimbench"
TABLES = (  # file of a run, the module and the name of its columns
    ("scores.parquet", "scores/schema.py", "COLUMNS.scores"),
    ("fits.parquet", "scores/schema.py", "COLUMNS.fits"),
    ("images.parquet", "scores/schema.py", "COLUMNS.images"),
    ("metrics.parquet", "statistics/tables/metrics.py", "METRIC_COLUMNS"),
    ("robustness.parquet", "statistics/tables/robustness.py", "ROBUSTNESS_COLUMNS"),
    ("operating.csv", "statistics/tables/operating.py", "OPERATING_COLUMNS"),
    ("class_signal.csv", "statistics/tables/class_signal.py", "CLASS_SIGNAL_COLUMNS"),
    ("skin_tone.csv", "statistics/tables/subgroups.py", "SUBGROUP_COLUMNS"),
    ("known_curve.csv", "statistics/tables/known_categories.py", "KNOWN_CURVE_COLUMNS"),
    ("left_out.csv", "statistics/tables/known_categories.py", "LEFT_OUT_COLUMNS"),
    ("external_auroc.csv", "statistics/tables/external.py", "AUROC_COLUMNS"),
    ("external_drift.csv", "statistics/tables/external.py", "DRIFT_COLUMNS"),
    ("external_sides.csv", "statistics/tables/external.py", "SIDE_COLUMNS"),
    ("external_verdicts.csv", "statistics/tables/external.py", "VERDICT_COLUMNS"),
)
COMMON = {  # what a column means in every table where its own comment says nothing
    "row": "name of the score",
    "detector": "name of the recipe",
    "control": "whether the row is not meant to know the target",
    "question": "`detection`: target or not; `open-set`: any known category or not",
    "role": "role of the other images",
    "relation": "whether the other images come from the target's source",
    "category": "what the images show",
    "corruption": "`clean` or the name of a corruption",
    "protocol": "`both` sides corrupted, or `target-only`",
    "severity": "0 clean, 1 to 5",
    "value": "the number",
    "low": "lower end of its 95 % interval",
    "high": "upper end of its 95 % interval",
    "method": "how the interval was made",
    "reason": "why there is no number",
    "caution": "why the interval covers less than it says",
    "status": "`ok`, `failed` or `not run`",
    "recipe_hash": "digest of the recipe after defaults",
    "state_hash": "digest of the trained state",
    "image_id": "of the image, as in `images.parquet`",
    "path": "file of the image",
    "n": "images",
    "n_patients": "patients",
    "n_fits": "trained models that the number is the mean over",
    "n_target_patients": "target patients",
    "n_other_patients": "patients of the other images",
    "target_images": "target images",
    "target_patients": "target patients",
    "other_images": "other images",
    "other_patients": "patients of the other images",
    "images": "number of images",
    "patients": "number of patients",
    "lowest": "the lowest of what `value` is a mean of",
    "highest": "the highest of what `value` is a mean of",
    "change_low": "lower end of the change's 95 % interval",
    "change_high": "upper end of the change's 95 % interval",
    "change_caution": "why the interval of the change covers less than it says",
    "seen_low": "lower end of its 95 % interval",
    "seen_high": "upper end of its 95 % interval",
    "seen_caution": "why the interval of `seen` covers less than it says",
    "over_low": "lower end of its 95 % interval",
    "over_high": "upper end of its 95 % interval",
    "swap": "the category that the recipe was fitted on in place of the target",
}


def on_page_markdown(markdown: str, **_: object) -> str:
    """Fill in the tables."""
    return fill(markdown, "all_tables", _all_tables)


def _all_tables() -> Iterator[str]:
    for file, module, name in TABLES:
        yield from _table(file, meanings(PACKAGE / module, name))
    yield from (
        "### `leaderboard.csv`",
        "",
        "All but the first nine stand there once for each group of other images, as "
        "`<role>_<relation>:<column>`; an estimate has `_low`, `_high` and `_caution` beside it.",
    )
    yield from _lines(LEADERBOARD)
    verdict = {}
    for line in (Verdict.__doc__ or "").partition("Attributes:")[2].splitlines():
        name, colon, words = line.strip().partition(": ")
        if colon and name in Verdict.model_fields:
            verdict[name] = words
        elif line.strip() and verdict:
            verdict[list(verdict)[-1]] += f" {line.strip()}"
    yield from _table("verdicts.json", verdict)


def _table(file: str, columns: Mapping[str, str]) -> Iterator[str]:
    yield from (f"### `{file}`", "")
    yield from _lines(columns)


def _lines(columns: Mapping[str, str]) -> Iterator[str]:
    yield from ("", "| column | meaning |", "| --- | --- |")
    yield from (
        f"| `{name}` | {words.replace('|', chr(92) + '|')} |" for name, words in columns.items()
    )
    yield ""


def meanings(path: Path, name: str) -> dict[str, str]:
    """What the comments of a module say of each key of a dictionary in it.

    Args:
        path: of the module.
        name: of the dictionary; with a dot, a key of it that holds the one asked for.

    Raises:
        ValueError: nothing says what a column means.
    """
    source = path.read_text(encoding="utf-8")
    comments = {
        token.start[0]: (
            token.string.lstrip("# "),
            source.splitlines()[token.start[0] - 1].lstrip()[0] == "#",
        )
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    found = {}
    for key, first, last in _keys(source, name):
        above, line = [], first - 1
        while line in comments and comments[line][1]:
            above.insert(0, comments[line][0])
            line -= 1
        beside = [comments[n][0] for n in range(first, last + 1) if n in comments]
        words = " ".join([*above, *beside]) or COMMON.get(key, "")
        if not words:
            raise ValueError(f"{path}: no comment says what the column {key} of {name} means.")
        found[key] = words.replace("->", "as in").replace("<", "&lt;")
    return found


def _keys(source: str, name: str) -> Iterator[tuple[str, int, int]]:
    """Keys of a dictionary with the first and last line of each."""
    outer, _, inner = name.partition(".")
    for node in ast.parse(source).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if getattr(target, "id", "") != outer or not isinstance(node.value, ast.Dict):
            continue
        own = node.value
        if inner:
            own = next(v for k, v in zip(own.keys, own.values, strict=True) if k.value == inner)
        for key, value in zip(own.keys, own.values, strict=True):
            label = key.value if isinstance(key, ast.Constant) else key.id.lower()
            yield label, key.lineno, value.end_lineno
