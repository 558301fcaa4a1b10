"""A plug-in file of detectors that hang, die, yield nonsense, or fill the memory or the disk."""

MISBEHAVING = '''
import errno
import multiprocessing
import os
import signal
import time
from pathlib import Path

from mimbench import Detector

HERE = Path(__file__).parent


class Level(Detector):
    """Distance of the mean level to the target's: a detector that behaves."""

    trains_on = "target"
    random = False

    def __init__(self):
        self.level = None

    def fit(self, train):
        self.level = float(train.target.images.float().mean())

    def score(self, batch):
        return (batch.images.float().mean((1, 2, 3)) - self.level).abs()


class HangsFitting(Level):
    def fit(self, train):
        (HERE / f"hangs-{os.getpid()}").touch()
        time.sleep(3600)


class HangsScoring(Level):
    def score(self, batch):
        time.sleep(3600)


class Slow(Level):
    def fit(self, train):
        super().fit(train)
        (HERE / f"slow-{os.getpid()}").touch()
        time.sleep(2)


class KillsItsWorker(Level):
    """Kills the process that supervises its own, such as a Dask worker."""

    def fit(self, train):
        time.sleep(2)  # Dask starts no worker again that died before its supervisor had seen it run
        os.kill(multiprocessing.parent_process().pid, signal.SIGKILL)
        time.sleep(3600)


class OutOfMemory(Level):
    def fit(self, train):
        raise MemoryError("no memory for a tensor of 1 TB")


class NotFinite(Level):
    def score(self, batch):
        return super().score(batch) / 0.0


class WrongShape(Level):
    def score(self, batch):
        return super().score(batch)[:2]


class DiesFitting(Level):
    def fit(self, train):
        os.kill(os.getpid(), signal.SIGKILL)


class DiesScoringOnce(Level):
    def score(self, batch):
        if not (HERE / "died").exists():
            (HERE / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().score(batch)


class HangsLoading(Level):
    def load(self, state):
        if multiprocessing.parent_process() is None:
            raise RuntimeError("this would hang the process that supervises the others")
        time.sleep(3600)


class DiesLoading(Level):
    def load(self, state):
        os._exit(7)


class DiskFull(Level):
    def fit(self, train):
        super().fit(train)
        if not (HERE / "room").exists():
            os.fsync = full


def full(descriptor):
    raise OSError(errno.ENOSPC, "No space left on device")
'''
