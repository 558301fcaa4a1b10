"""How the last tasks of a list are shared out."""

from itertools import chain

import pytest

from mimbench.evaluation.execution.tasks import Task, evened_out

FITS = tuple(range(6))


def scoring(unit: int, fits: tuple[int, ...] = FITS) -> Task:
    return Task(f"score, condition {unit}", fits, unit, size=12.0)


@pytest.mark.parametrize("workers", [1, 2, 3, 4, 8])
def test_every_worker_has_as_many_tasks_and_no_fit_is_lost_or_done_twice(workers: int) -> None:
    tasks = [scoring(unit) for unit in range(13)]
    found = evened_out(tasks, workers)
    assert sum(task.size for task in found) == pytest.approx(13 * 12.0)
    for task in tasks:
        own = [part for part in found if part.unit == task.unit]
        assert tuple(chain.from_iterable(part.fits for part in own)) == task.fits
    if workers in (2, 3, 4):  # 13 is one more than a multiple
        assert len(found) == 12 + workers
        assert len({part.size for part in found[-workers:]}) <= 2


def test_a_list_that_comes_out_even_stays_as_it_is() -> None:
    tasks = [scoring(unit) for unit in range(12)]
    assert evened_out(tasks, 4) == tasks


def test_a_training_is_not_divided() -> None:
    tasks = [Task("fit", (position,), None, 1.0) for position in range(3)]
    assert evened_out(tasks, 2) == tasks
    assert evened_out([scoring(0, (4,))], 2) == [scoring(0, (4,))]
