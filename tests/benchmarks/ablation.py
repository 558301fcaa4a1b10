"""The tables of results/mim-ablation.md: `python tests/benchmarks/ablation.py RUN [--base mim]`.

Every variant's clean AUROC on each group of images and its paired difference from the base, for
each score that both have. Intervals are 95 %, clustered by patient; p-values of the differences are
adjusted by Holm over the whole table.
"""

import argparse
from pathlib import Path

import numpy as np

from mimbench.scores import read_tables
from mimbench.statistics.comparisons import Quantity, RunAurocs, holm
from mimbench.statistics.influence import paired_difference

SCORES = ("residual", "contrast", "l1", "ssim")


def main() -> None:
    """Read the command line and print one table for each score."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--base", default="mim")
    options = parser.parse_args()
    aurocs = RunAurocs(read_tables(options.run))
    groups = aurocs.groups()
    lines, p_values = [], []
    for score in SCORES:
        base = f"{options.base}/{score}"
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
        for of, name, cells in lines:
            if of == score:
                texts = [t if p is None else f"{t}{_star(adjusted[p])})" for t, p in cells]
                print(f"| {name} | {' | '.join(texts)} |")
    print(f"\n{len(p_values)} differences; * adjusted p below 0.05.")


def _star(p: float) -> str:
    return "*" if p < 0.05 else ""


if __name__ == "__main__":
    main()
