"""The tables of results/mim-ablation.md.

    python tests/benchmarks/ablation.py RUN [--base mim] [--scores residual contrast l1 ssim]
    python tests/benchmarks/ablation.py RUN --of mim
    python tests/benchmarks/ablation.py RUN --by-fold ROW [ROW ...]
    python tests/benchmarks/ablation.py RUN --swap ROW [ROW ...]
    python tests/benchmarks/ablation.py RUN --roughness ROW [ROW ...]

Every variant's clean AUROC on each group of images and its paired difference from the base, for
each score that both have. Intervals are 95 %, clustered by patient; p-values of the differences are
adjusted by Holm over the whole table. A difference is starred if its adjusted p is below 0.05 and,
where the run has several seeds, it exceeds what retraining does to it in 19 of 20 cases.

--of: all scores of one detector. --by-fold: each row's AUROC on each fold, the mean over seeds.
--swap: class signals. --roughness: Spearman's correlation with the untrained error, in each fit.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from mimbench.errors import TableError, UnknownNameError
from mimbench.report.figures.samples import clean_samples, fit_auroc
from mimbench.report.leaderboard.groups import Group
from mimbench.scores.reading import read_tables
from mimbench.scores.splits import split_column
from mimbench.scores.tables import CLEAN, RunTables
from mimbench.statistics.run.comparisons import Quantity, RunAurocs, holm
from mimbench.statistics.run.uncertainty import Measured, paired_difference
from mimbench.statistics.tables.class_signal import class_signal_table


def main() -> None:
    """Read the command line and print what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--base", default="mim")
    parser.add_argument("--scores", nargs="+", default=["residual", "contrast", "l1", "ssim"])
    parser.add_argument("--of", metavar="DETECTOR")
    for name in ("--by-fold", "--swap", "--roughness"):
        parser.add_argument(name, nargs="+", metavar="ROW")
    options = parser.parse_args()
    tables = read_tables(options.run)
    for row in [*(options.by_fold or ()), *(options.swap or ()), *(options.roughness or ())]:
        if row not in (known := sorted(tables.scores["score"].unique())):
            raise UnknownNameError("row", row, known)
    if options.by_fold:
        print_folds(tables, options.by_fold)
    elif options.swap:
        print_swap(tables, options.swap)
    elif options.roughness:
        print_roughness(tables, options.roughness)
    elif options.of:
        print_scores(tables, options.of)
    else:
        print_variants(tables, options.base, options.scores)


def print_table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """A Markdown table."""
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for line in lines:
        print(f"| {' | '.join(line)} |")


def print_folds(tables: RunTables, rows: list[str]) -> None:
    """One table for each group of images: a row's folds, and the range of single fits."""
    samples = clean_samples(tables, rows)
    groups = list(dict.fromkeys(g for row in rows for s in samples[row] for g in s.others))
    for group in groups:
        folds = range(tables.folds)
        lines = []
        for row in rows:
            found = [(s.fold, fit_auroc(s, group)) for s in samples[row] if group in s.others]
            means = [np.mean([value for fold, value in found if fold == k]) for k in folds]
            ends = [value for _, value in found if value is not None]
            cells = [f"{mean:.3f}" for mean in means]
            lines.append([row, *cells, f"{min(ends):.3f} to {max(ends):.3f}"])
        print(f"\n### {group.label}\n")
        print_table(["row", *(f"fold {k}" for k in folds), "single fits"], lines)


def print_swap(tables: RunTables, rows: list[str]) -> None:
    """One table for each group of images: what the swapped fit changes, beside the best control."""
    found = class_signal_table(tables)
    found = found[found["row"].isin(rows)]
    for (swap, role, relation), part in found.groupby(["swap", "role", "relation"], sort=False):
        group = Group(str(role), str(relation)).label if role != "swap" else "the category itself"
        print(f"\n### Fitted on {swap}: {group}\n")
        lines = []
        for line in part.sort_values("row", key=lambda row: row.map(rows.index)).itertuples():
            above = "" if not line.control else interval(line, "over_") + f" ({line.control})"
            limit = f"{line.null_limit:.2f}" if np.isfinite(line.null_limit) else "n/a"
            ends = (f"{line.auroc:.3f}", f"{line.auroc_swap:.3f}")
            lines.append([line.row, *ends, line.reason or interval(line), limit, above])
        heads = ["row", "on target", "on swap", "signal", "retraining", "minus best control's"]
        print_table(heads, lines)


def interval(line: object, prefix: str = "") -> str:
    """A difference with its interval."""
    value = getattr(line, f"{prefix}control" if prefix else "value")
    low, high = getattr(line, f"{prefix}low"), getattr(line, f"{prefix}high")
    return f"{value:+.3f} [{low:+.2f}, {high:+.2f}]"


def print_roughness(tables: RunTables, rows: list[str]) -> None:
    """Correlation of each row with an untrained inpainter's error: mean and range over fits."""
    clean = tables.scores[tables.scores["corruption"] == CLEAN]
    rough = clean[clean["score"] == "harmonic/rough"].drop_duplicates("image_id")
    rough = rough.set_index("image_id")["value"]
    fits = tables.fits[tables.main_fits].set_index("fit_id")
    images = tables.images.set_index("image_id")
    roles = list(dict.fromkeys(images["role"]))
    lines = []
    for row in rows:
        own = clean[(clean["score"] == row) & clean["fit_id"].isin(fits.index)]
        if fits.loc[own["fit_id"].unique(), "fold"].isna().any():
            raise TableError(f"{row} sees no image in its fit, so it has no fold.")
        found: dict[str, list[float]] = {role: [] for role in roles}
        for fit_id, part in own.groupby("fit_id", sort=False):
            split = images.loc[part["image_id"], split_column(fits.loc[fit_id, "fold"])]
            held = part[(split == "test").to_numpy()]
            for role, values in held.groupby(images.loc[held["image_id"], "role"].to_numpy()):
                found[str(role)].append(spearmanr(values["value"], rough[values["image_id"]])[0])
        cells = [f"{np.mean(v):+.2f} ({min(v):+.2f} to {max(v):+.2f})" for v in found.values()]
        lines.append([row, *cells])
    print_table(["row", *roles], lines)


def print_scores(tables: RunTables, detector: str) -> None:
    """AUROC of all scores of a detector."""
    aurocs = RunAurocs(tables)
    groups = aurocs.groups()
    lines = []
    for row in (row for row in aurocs.rows if row.startswith(f"{detector}/")):
        found = [aurocs.measured(Quantity(row, role=a, relation=b)) for a, b in groups]
        if not found[0].reasons[0]:
            lines.append([row.removeprefix(f"{detector}/"), *map(area, found)])
    print_table(["score", *(Group(*group).label for group in groups)], lines)


def area(number: Measured) -> str:
    """An AUROC with its interval."""
    found = number.area_estimates()[0]
    return f"{found.value:.3f} [{found.low:.2f}, {found.high:.2f}]"


def print_variants(tables: RunTables, of: str, scores: Sequence[str]) -> None:
    """One table for each score: a variant's AUROCs and their differences from the base's."""
    aurocs = RunAurocs(tables)
    groups = aurocs.groups()
    lines, p_values = [], []
    for score in scores:
        base = f"{of}/{score}"
        rows = [row for row in aurocs.rows if row.endswith(f"/{score}")]
        for row in sorted(rows, key=lambda row: row != base):
            cells = []
            for role, relation in groups:
                places = [Quantity(name, role=role, relation=relation) for name in (row, base)]
                own, other = map(aurocs.measured, places)
                text = area(own)
                if row == base:
                    cells.append((text, None))
                    continue
                gap = paired_difference(own, other)[0]
                text += f" ({gap.value:+.3f} [{gap.low:+.2f}, {gap.high:+.2f}]"
                p_values.append(gap.p)
                cells.append((text, len(p_values) - 1))
            lines.append((score, row.removesuffix(f"/{score}"), cells))
    clear = holm(np.asarray(p_values)) < 0.05
    for score in scores:
        print(f"\n### Score: {score}\n")
        print_table(
            ["variant", *(Group(*group).label for group in groups)],
            [
                [name, *(t if k is None else f"{t}{'*' * int(clear[k])})" for t, k in cells)]
                for measured, name, cells in lines
                if measured == score
            ],
        )
    print(f"\n{len(p_values)} differences; * adjusted p below 0.05, over patients and retraining.")


if __name__ == "__main__":
    main()
