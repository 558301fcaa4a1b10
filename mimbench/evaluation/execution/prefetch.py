"""Make the next unit's images while another device scores those of this one."""

from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor

import torch

from mimbench.evaluation.scoring import Shard

__all__ = ["Prefetcher", "pays"]


def pays(device: torch.device) -> bool:
    """Whether images are made ahead: not where scoring has every processor at work itself."""
    return device.type != "cpu"


class Prefetcher:
    """The shards of a run's units, the next one begun before it is asked for.

    At most two shards are in memory: the one that is scored and the one that is being made. What
    is made ahead has the same bits as what is made when asked for.
    """

    def __init__(self, shard: Callable[[int], Shard], device: torch.device) -> None:
        """Nothing is made yet.

        Args:
            shard: an empty shard of the unit at this position.
            device: where shards are scored.
        """
        self.shard, self.device = shard, device
        self.unit: int | None = None
        self.made: Future[Shard] | None = None
        # a thread is started by the first shard that is made ahead
        self.pool = ThreadPoolExecutor(1, thread_name_prefix="prefetch")

    def begin(self, unit: int | None, sizes: Collection[int]) -> None:
        """Make the shard of the unit at this position in a thread, if it pays.

        Args:
            unit: position of the unit that will probably come next; None: there is none.
            sizes: of the images that its detectors see, pixels.
        """
        if unit is not None and pays(self.device):
            self.unit = unit
            self.made = self.pool.submit(self._make, unit, sizes)

    def take(self, unit: int) -> Shard:
        """The shard of the unit at this position: the one made ahead, or an empty one.

        What could not be made ahead is tried again by whoever asks for it, and fails there.
        """
        made, known = self.made, self.unit
        self.made = self.unit = None
        if made is None or made.exception() is not None or known != unit:
            return self.shard(unit)
        return made.result()

    def _make(self, unit: int, sizes: Collection[int]) -> Shard:
        shard = self.shard(unit)
        for size in sizes:
            shard.on(size, self.device)
        return shard
