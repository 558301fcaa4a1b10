"""Blocks of scores of one fit and condition in one file: many images need no more files than few.

Each block keeps its address, so that what one changes is computed again and the others are not.
"""

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mimbench.recipes import content_hash
from mimbench.runfolder.score_blocks import Block, read_block, write_block
from mimbench.scores.run_files import BLOCK
from mimbench.scores.tables import ABOUT

__all__ = ["MergedBlocks", "count_in", "merge_blocks"]

PARTS = "parts"  # of what a merged file is about: a block each
NAME = re.compile(BLOCK)


def count_in(path: Path) -> int:
    """How many blocks a file of the store holds; 0 if it is no such file."""
    found = NAME.fullmatch(path.stem)
    return int(found["blocks"] or 1) if found else 0


def merge_blocks(blocks: Sequence[tuple[Path, Block]]) -> None:
    """Put blocks of one fit and condition into one file, and remove theirs.

    Args:
        blocks: each with the file that it has now.

    Raises:
        OutputError: the disk is full.
        ValueError: the blocks have other scores than one another.
    """
    if len({tuple(block.scores.columns) for _, block in blocks}) > 1:
        raise ValueError("blocks of other scores")
    paths = [path for path, _ in blocks]
    about = [block.about for _, block in blocks]
    common = {
        name: value
        for name, value in about[0].items()
        if all(name in other and other[name] == value for other in about)
    }
    parts = [
        {
            "block": path.stem,
            "images": len(block.scores),
            "about": {name: block.about[name] for name in block.about if name not in common},
        }
        for path, block in blocks
    ]
    scores = pd.concat([block.scores for _, block in blocks], ignore_index=True)
    name = f"{content_hash([path.stem for path in paths])[:24]}-{len(paths)}.parquet"
    write_block(paths[0].with_name(name), Block(scores, {**common, PARTS: parts}))
    for path in paths:
        path.unlink(missing_ok=True)


class MergedBlocks:
    """The merged files of some fits, and the blocks in them."""

    def __init__(self, folders: Iterable[Path]) -> None:
        """See what is there; damaged files hold nothing.

        Args:
            folders: of the store, with the blocks of one fit each.
        """
        self._file: dict[Path, Path] = {}
        for folder in folders:
            for path in sorted(folder.glob("*-*.parquet")):
                for part in _parts(path):
                    self._file[folder / f"{part['block']}.parquet"] = path
        self._last: tuple[Path, dict[str, Block]] | None = None

    def __contains__(self, path: Path) -> bool:
        """Whether a merged file names the block that would have this file of its own."""
        return path in self._file

    def read(self, path: Path) -> Block | None:
        """The block that would have this file of its own; None if it is absent or damaged."""
        file = self._file.get(path)
        if file is None:
            return None
        if self._last is None or self._last[0] != file:
            self._last = file, _split(read_block(file))
        return self._last[1].get(path.stem)


def _parts(path: Path) -> list[dict[str, Any]]:
    """What a file says of its blocks, not yet compared with its digest."""
    try:
        note = json.loads(pq.read_schema(path).metadata[ABOUT])
        return _checked(note["about"][PARTS])
    except (OSError, ValueError, KeyError, TypeError, RecursionError, pa.ArrowException):
        return []


def _checked(parts: Any) -> list[dict[str, Any]]:
    for part in parts:
        whole = type(part["images"]) is int and type(part["about"]) is dict
        if not (whole and NAME.fullmatch(part["block"])):
            raise ValueError
    return list(parts)


def _split(whole: Block | None) -> dict[str, Block]:
    """The blocks of a merged one, by name."""
    if whole is None:
        return {}
    common = {name: value for name, value in whole.about.items() if name != PARTS}
    found, start = {}, 0
    for part in _checked(whole.about[PARTS]):
        scores = whole.scores.iloc[start : start + part["images"]]
        found[part["block"]] = Block(scores, {**common, **part["about"]})
        start += part["images"]
    return found
