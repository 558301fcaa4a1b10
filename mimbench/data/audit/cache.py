"""Keep an audit, so that the next run on the same images need not repeat it."""

import hashlib
from dataclasses import asdict
from pathlib import Path

from mimbench.data.audit.audit import Audit, audit
from mimbench.data.audit.finding import Finding
from mimbench.data.dataset import Dataset
from mimbench.errors import TableError
from mimbench.scores.digests import read_sealed, write_sealed

__all__ = ["cached_audit"]

_VERSION = 4  # of the checks; a new one forgets what older ones found


def cached_audit(dataset: Dataset, folder: Path) -> Audit:
    """Return the audit of `dataset`, from `folder` if the same images were audited before."""
    path = folder / f"audit-{_key(dataset)}.json"
    kept = _read(path)
    if kept is not None:
        return kept
    result = audit(dataset)
    folder.mkdir(parents=True, exist_ok=True)
    write_sealed(path, asdict(result))
    return result


def _read(path: Path) -> Audit | None:
    """The audit kept there, or None if it is absent or damaged (then it is made again)."""
    try:
        kept, _ = read_sealed(path)
        return Audit(tuple(Finding(**finding) for finding in kept["findings"]), kept["images"])
    except (TableError, KeyError, TypeError):
        return None


def _key(dataset: Dataset) -> str:
    digest = hashlib.sha256(f"{_VERSION}/{dataset.pixels.shape}/{dataset.notes}".encode())
    digest.update(repr(dataset.duplicates).encode())
    for table in (dataset.table, dataset.facts, dataset.rejected):
        digest.update(table.to_csv(index=False).encode())
    return digest.hexdigest()[:16]
