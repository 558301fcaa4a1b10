"""Blocks in one file are those that were put into it, each by its own name, or none."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mimbench.runfolder.merged_blocks import MergedBlocks, count_in, merge_blocks
from mimbench.runfolder.score_blocks import Block, read_block, write_block


@pytest.fixture
def blocks(tmp_path: Path) -> dict[Path, Block]:
    """Three blocks of one fit and condition, in files of their own."""
    found = {}
    for number, count in enumerate((5, 1, 3)):
        images = [f"{number}{image:063x}" for image in range(count)]
        scores = pd.DataFrame({"image_id": images, "row": np.linspace(-1, np.pi, count)})
        about = {"fit_id": "f", "condition": {"severity": 0}, "images": f"hash {number}"}
        path = tmp_path / "blocks" / ("f" * 16) / f"{number:024x}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        found[path] = Block(scores, about)
        write_block(path, found[path])
    return found


def test_merged_blocks_are_read_as_they_were_and_their_files_are_gone(
    blocks: dict[Path, Block],
) -> None:
    merge_blocks(list(blocks.items()))
    (folder,) = {path.parent for path in blocks}
    (file,) = folder.iterdir()
    assert count_in(file) == 3
    merged = MergedBlocks([folder])
    for path, block in blocks.items():
        assert path in merged
        kept = merged.read(path)
        assert kept is not None
        pd.testing.assert_frame_equal(kept.scores.reset_index(drop=True), block.scores)
        assert kept.about == block.about
    absent = folder / f"{9:024x}.parquet"
    assert absent not in merged
    assert merged.read(absent) is None
    whole = read_block(file)
    assert whole is not None
    assert whole.about["condition"] == {"severity": 0}, "which says what all of them are"


def test_a_damaged_file_has_none_of_its_blocks(blocks: dict[Path, Block]) -> None:
    merge_blocks(list(blocks.items()))
    (file,) = next(iter(blocks)).parent.iterdir()
    content = file.read_bytes()
    for at in range(0, len(content), 97):
        damaged = bytearray(content)
        damaged[at] ^= 4
        file.write_bytes(bytes(damaged))
        merged = MergedBlocks([file.parent])
        for path, block in blocks.items():
            kept = merged.read(path)
            if kept is not None:
                assert kept.about == block.about
                assert kept.scores["row"].tolist() == block.scores["row"].tolist()


def test_files_of_the_user_count_as_no_blocks(tmp_path: Path) -> None:
    assert count_in(tmp_path / f"{1:024x}.parquet") == 1
    assert count_in(tmp_path / "notes-2.parquet") == 0


def test_blocks_of_other_scores_are_not_merged(blocks: dict[Path, Block]) -> None:
    path, block = next(iter(blocks.items()))
    blocks[path] = Block(block.scores.rename(columns={"row": "another"}), block.about)
    with pytest.raises(ValueError, match="other scores"):
        merge_blocks(list(blocks.items()))
    assert all(path.is_file() for path in blocks)
