"""Ranking metrics of weighted images, for many columns of integer weights at once.

The inner loops run over `WIDTH` columns and hold counts in float64, so that the compiler can use
vector instructions throughout; counts are exact below 2^53. Where a loop divides, it takes the
error model of NumPy: a check for zero would keep it from vector instructions.
"""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from mimbench.compiled import compiled

__all__ = ["METRICS", "WIDTH", "add_present", "mixed_spreads", "weighted_metrics"]

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

METRICS = ("auroc", "aupr_in", "aupr_out", "fpr95_target", "fpr95_ood", "detection_error")
WIDTH = 64
FRACTIONS = 8  # that are added before they are divided: a division takes as long as ten products


@compiled
def weighted_metrics(
    x: Array,
    id_images: Indices,
    y: Array,
    ood_images: Indices,
    starts: Indices,
    valid: NDArray[np.bool_],
    weights: NDArray[np.uint8],
    tpr: float,
    wanted: NDArray[np.bool_],
    result: Array,
) -> None:
    """Fill `result` (G, metrics, blocks x WIDTH) in the order of `METRICS`.

    Args:
        x: (n,) ID scores, ascending.
        id_images: (n,) index of each ID image in `weights`.
        y: (m,) OOD scores, group after group, ascending within each.
        ood_images: (m,) index of each OOD image in `weights`.
        starts: (G + 1,) where the groups start.
        valid: (G,) groups to measure; the others become NaN.
        weights: (blocks, images, WIDTH) how often each image counts.
        tpr: true positive rate of the FPRs.
        wanted: (metrics,) those that are wanted of all columns, and not of the first alone.
        result: NaN where a side has no weight, or where a metric is not wanted; the detection error
            of the first column alone is computed, since the smallest over all thresholds of a
            resample makes no interval.
    """
    ranked = wanted[0] or wanted[3] or wanted[4]
    below = np.searchsorted(x, y).astype(np.int64)
    up_to = np.searchsorted(x, y, side="right").astype(np.int64)
    cumulative = np.zeros((x.size + 1, WIDTH))
    for block in range(weights.shape[0]):
        columns = slice(block * WIDTH, (block + 1) * WIDTH)
        for k in range(x.size):
            own = weights[block, id_images[k]]
            for b in range(WIDTH):
                cumulative[k + 1, b] = cumulative[k, b] + own[b]
        whole = block == 0 or ranked
        accepted_at = _rank_reaching(cumulative, tpr) if whole else cumulative[0]
        for group in range(valid.size):
            out = result[group, :, columns]
            out[...] = np.nan
            if not valid[group]:
                continue
            span = slice(starts[group], starts[group + 1])
            images = ood_images[span]
            if whole:
                _from_the_top(
                    y[span],
                    below[span],
                    up_to[span],
                    images,
                    weights[block],
                    cumulative,
                    accepted_at,
                    tpr,
                    out,
                )
            elif wanted[2]:
                _precision_from_the_top(
                    y[span], below[span], images, weights[block], cumulative, out
                )
            if block == 0 or wanted[1]:
                _from_the_bottom(x, y[span], images, weights[block], cumulative, out)
            if block == 0:
                drawn = weights[0, :, 0][images]
                out[5, 0] = _detection_error(y[span], below[span], drawn, cumulative[:, 0])


@partial(compiled, error_model="numpy")
def _needed(total: Array, tpr: float) -> Array:
    """Smallest counts whose share of `total` reaches `tpr`, in the arithmetic of a division."""
    needed = np.ceil(tpr * total)  # one off at most
    for b in range(WIDTH):
        count = needed[b]
        count -= 1.0 if (count - 1.0) / total[b] >= tpr else 0.0
        needed[b] = count + (1.0 if count / total[b] < tpr else 0.0)
    return needed


@compiled
def _rank_reaching(cumulative: Array, tpr: float) -> Array:
    """Rank of the first ID image, from the lowest score up, where `tpr` of them are accepted."""
    rank = np.zeros(WIDTH)
    needed = _needed(cumulative[-1], tpr)
    for k in range(1, cumulative.shape[0]):
        row = cumulative[k]
        for b in range(WIDTH):
            rank[b] += 1.0 if row[b] < needed[b] else 0.0
    return rank


@partial(compiled, error_model="numpy")
def _from_the_top(
    y: Array,
    below: Indices,
    up_to: Indices,
    images: Indices,
    weights: NDArray[np.uint8],
    cumulative: Array,
    accepted_at: Array,
    tpr: float,
    out: Array,
) -> None:
    """AUROC, AUPR-OUT and both FPRs: one pass over the OOD images, highest score first."""
    total_id = cumulative[-1]
    total = np.zeros(WIDTH)
    for image in images:
        own = weights[image]
        for b in range(WIDTH):
            total[b] += own[b]
    needed = _needed(total, tpr)
    # one array: known distances let the compiler see that the rows do not overlap
    state = np.zeros((8, WIDTH))
    accepted, flagged, flagged_id = state[0], state[1], state[2]
    tied, pairs, precision = state[3], state[4], state[5]
    above_line, below_line = state[6], state[7]  # of the fractions that are not divided yet
    below_line[:] = 1.0
    pending = 0
    for j in range(y.size - 1, -1, -1):
        own = weights[images[j]]
        if j > 0 and y[j - 1] == y[j]:
            for b in range(WIDTH):
                tied[b] += own[b]
            continue
        low, high = cumulative[below[j]], cumulative[up_to[j]]
        rank = float(below[j])
        for b in range(WIDTH):
            step = tied[b] + own[b]
            before = flagged[b]
            after = before + step
            above = total_id[b] - low[b]
            both = max(after + above, 1.0)
            above_line[b] = above_line[b] * both + step * after * below_line[b]
            below_line[b] *= both
            pairs[b] += step * (low[b] + high[b])
            flagged_id[b] = above if before < needed[b] else flagged_id[b]
            accepted[b] += step if rank <= accepted_at[b] else 0.0
            flagged[b] = after
            tied[b] = 0.0
        pending += 1
        if pending == FRACTIONS:
            pending = 0
            for b in range(WIDTH):
                precision[b] += above_line[b] / below_line[b]
                above_line[b], below_line[b] = 0.0, 1.0
    for b in range(WIDTH):
        precision[b] += above_line[b] / below_line[b]
    for b in range(WIDTH):
        if total[b] > 0 and total_id[b] > 0:
            out[0, b] = pairs[b] / (2.0 * total[b] * total_id[b])
            out[2, b] = precision[b] / total[b]
            out[3, b] = accepted[b] / total[b]
            out[4, b] = flagged_id[b] / total_id[b]


@partial(compiled, error_model="numpy")
def _precision_from_the_top(
    y: Array,
    below: Indices,
    images: Indices,
    weights: NDArray[np.uint8],
    cumulative: Array,
    out: Array,
) -> None:
    """AUPR-OUT alone, which takes half the time: the same pass without what only others need."""
    total_id = cumulative[-1]
    state = np.zeros((5, WIDTH))
    flagged, tied, precision = state[0], state[1], state[2]
    above_line, below_line = state[3], state[4]
    below_line[:] = 1.0
    pending = 0
    for j in range(y.size - 1, -1, -1):
        own = weights[images[j]]
        if j > 0 and y[j - 1] == y[j]:
            for b in range(WIDTH):
                tied[b] += own[b]
            continue
        low = cumulative[below[j]]
        for b in range(WIDTH):
            step = tied[b] + own[b]
            after = flagged[b] + step
            both = max(after + (total_id[b] - low[b]), 1.0)
            above_line[b] = above_line[b] * both + step * after * below_line[b]
            below_line[b] *= both
            flagged[b] = after
            tied[b] = 0.0
        pending += 1
        if pending == FRACTIONS:
            pending = 0
            for b in range(WIDTH):
                precision[b] += above_line[b] / below_line[b]
                above_line[b], below_line[b] = 0.0, 1.0
    for b in range(WIDTH):
        precision[b] += above_line[b] / below_line[b]
    for b in range(WIDTH):
        if flagged[b] > 0 and total_id[b] > 0:
            out[2, b] = precision[b] / flagged[b]


@partial(compiled, error_model="numpy")
def _from_the_bottom(
    x: Array,
    y: Array,
    images: Indices,
    weights: NDArray[np.uint8],
    cumulative: Array,
    out: Array,
) -> None:
    """AUPR-IN: one pass over the ID images, lowest score first."""
    # below the first OOD image precision is 1
    start = np.searchsorted(x, y[0])
    state = np.zeros((4, WIDTH))
    accepted, precision, above_line, below_line = state[0], state[1], state[2], state[3]
    precision[:] = cumulative[start]
    below_line[:] = 1.0
    pending, j = 0, 0
    for k in range(start, x.size):
        if k + 1 < x.size and x[k + 1] == x[k]:
            continue
        while j < y.size and y[j] <= x[k]:
            own = weights[images[j]]
            for b in range(WIDTH):
                accepted[b] += own[b]
            j += 1
        low, high = cumulative[start], cumulative[k + 1]
        for b in range(WIDTH):
            both = max(high[b] + accepted[b], 1.0)
            step = (high[b] - low[b]) * high[b]
            above_line[b] = above_line[b] * both + step * below_line[b]
            below_line[b] *= both
        start = k + 1
        pending += 1
        if pending == FRACTIONS:
            pending = 0
            for b in range(WIDTH):
                precision[b] += above_line[b] / below_line[b]
                above_line[b], below_line[b] = 0.0, 1.0
    for b in range(WIDTH):
        precision[b] += above_line[b] / below_line[b]
    while j < y.size:  # above the last ID image
        own = weights[images[j]]
        for b in range(WIDTH):
            accepted[b] += own[b]
        j += 1
    total = cumulative[-1]
    for b in range(WIDTH):
        if accepted[b] > 0 and total[b] > 0:
            out[1, b] = precision[b] / total[b]


@compiled
def _detection_error(
    y: Array, below: Indices, drawn: NDArray[np.uint8], cumulative: Array
) -> float:
    """Smallest mean of the two error rates over all thresholds, in one column."""
    total_id, total = cumulative[-1], float(drawn.sum())
    if total == 0 or total_id == 0:
        return np.nan
    best, flagged = 0.5, 0.0
    for j in range(y.size - 1, -1, -1):
        flagged += drawn[j]
        if j == 0 or y[j - 1] != y[j]:
            above = total_id - cumulative[below[j]]
            best = min(best, above * (0.5 / total_id) + (total - flagged) * (0.5 / total))
    return best


@compiled
def add_present(total: Array, weight: Array, values: Array, weights: Array) -> None:
    """Add weighted values to `total`, and the weights of those that are not NaN to `weight`.

    Args:
        total: (G, metrics, resamples) sums, changed in place.
        weight: of the same shape, changed in place.
        values: of the same shape.
        weights: (G,) weight of each group.
    """
    for group in range(values.shape[0]):
        own = weights[group]
        for metric in range(values.shape[1]):
            for k in range(values.shape[2]):
                value = values[group, metric, k]
                if value == value:
                    total[group, metric, k] += own * value
                    weight[group, metric, k] += own


@compiled
def mixed_spreads(values: Array, entries: Array, wanted: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Combinations of groups in the sample itself, and their variance over the resamples.

    Args:
        values: (G, metrics, 1 + count), the first being the sample itself.
        entries: (E, G) weights; a group of weight 0 may be NaN.
        wanted: (metrics,) whose variance is wanted.

    Returns:
        (E, metrics) numbers, and their variance over those resamples that have one; NaN where it
        is not wanted or no resample has one.
    """
    points = np.zeros((entries.shape[0], values.shape[1]))
    variances = np.full((entries.shape[0], values.shape[1]), np.nan)
    drawn = np.empty(values.shape[2] - 1)
    for entry in range(entries.shape[0]):
        for metric in range(values.shape[1]):
            drawn[:] = 0.0
            for group in range(entries.shape[1]):
                weight = entries[entry, group]
                if weight > 0:
                    own = values[group, metric]
                    points[entry, metric] += weight * own[0]
                    if wanted[metric]:
                        for k in range(drawn.size):
                            drawn[k] += weight * own[k + 1]
            if wanted[metric]:
                variances[entry, metric] = _variance(drawn)
    return points, variances


@compiled
def _variance(values: Array) -> float:
    """Mean squared deviation of those that are not NaN."""
    total, count = 0.0, 0
    for value in values:
        if value == value:
            total += value
            count += 1
    if count == 0:
        return np.nan
    centre, squares = total / count, 0.0
    for value in values:
        if value == value:
            squares += (value - centre) * (value - centre)
    return squares / count
