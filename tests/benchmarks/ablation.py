"""The tables of results/mim-ablation.md.

    python tests/benchmarks/ablation.py RUN [--base mim]
    python tests/benchmarks/ablation.py RUN --by-fold ROW [ROW ...]

Every variant's clean AUROC on each group of images and its paired difference from the base, for
each score that both have. Intervals are 95 %, clustered by patient; p-values of the differences are
adjusted by Holm over the whole table. By fold: each row's AUROC on each fold, the mean over seeds.
"""

import argparse
from pathlib import Path

import numpy as np

from mimbench.report.samples import clean_samples, fit_auroc
from mimbench.scores import RunTables, read_tables
from mimbench.statistics.comparisons import Quantity, RunAurocs, holm
from mimbench.statistics.influence import paired_difference

SCORES = ("residual", "contrast", "l1", "ssim")


def main() -> None:
    """Read the command line and print one table for each score."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--base", default="mim")
    parser.add_argument("--by-fold", nargs="+", metavar="ROW")
    options = parser.parse_args()
    tables = read_tables(options.run)
    if options.by_fold:
        print_folds(tables, options.by_fold)
    else:
        print_variants(tables, options.base)


def print_folds(tables: RunTables, rows: list[str]) -> None:
    """One table for each group of images: a row's folds, and the range of single fits."""
    samples = clean_samples(tables, rows)
    groups = list(dict.fromkeys(g for row in rows for s in samples[row] for g in s.others))
    for group in groups:
        folds = range(tables.folds)
        heads = " | ".join(f"fold {k}" for k in folds)
        print(f"\n### {group.label}\n\n| row | {heads} | single fits |")
        print("|---|" + "---|" * (tables.folds + 1))
        for row in rows:
            found = [(s.fold, fit_auroc(s, group)) for s in samples[row] if group in s.others]
            means = [np.mean([value for fold, value in found if fold == k]) for k in folds]
            ends = [value for _, value in found if value is not None]
            cells = [f"{mean:.3f}" for mean in means] + [f"{min(ends):.3f} to {max(ends):.3f}"]
            print(f"| {row} | {' | '.join(cells)} |")


def print_variants(tables: RunTables, of: str) -> None:
    """One table for each score: a variant's AUROCs and their differences from the base's."""
    aurocs = RunAurocs(tables)
    groups = aurocs.groups()
    lines, p_values = [], []
    for score in SCORES:
        base = f"{of}/{score}"
        rows = [row for row in aurocs.rows if row.endswith(f"/{score}")]
        for row in sorted(rows, key=lambda row: row != base):
            cells = []
            for role, relation in groups:
                own, other = (
                    aurocs.influence(Quantity(name, role=role, relation=relation))
                    for name in (row, base)
                )
                area = own.area_estimates()[0]
                text = f"{area.value:.3f} [{area.low:.2f}, {area.high:.2f}]"
                if row != base:
                    gap = paired_difference(own, other)[0]
                    text += f" ({gap.value:+.3f} [{gap.low:+.2f}, {gap.high:+.2f}]"
                    p_values.append(gap.p)
                    cells.append((text, len(p_values) - 1))
                else:
                    cells.append((text, None))
            lines.append((score, row.removesuffix(f"/{score}"), cells))
    adjusted = holm(np.asarray(p_values))
    heads = [f"{role}, {relation}" for role, relation in groups]
    for score in SCORES:
        print(f"\n### {score}\n\n| variant | {' | '.join(heads)} |\n|---|{'---|' * len(heads)}")
        for measured, name, cells in lines:
            if measured == score:
                texts = [t if p is None else f"{t}{_star(adjusted[p])})" for t, p in cells]
                print(f"| {name} | {' | '.join(texts)} |")
    print(f"\n{len(p_values)} differences; * adjusted p below 0.05.")


def _star(p: float) -> str:
    return "*" if p < 0.05 else ""


if __name__ == "__main__":
    main()
