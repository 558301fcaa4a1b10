"""A block of scores is read as it was written or not at all, whatever happens to its file."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mimbench.runfolder.score_blocks import Block, read_block, write_block

BLOCK = Block(
    pd.DataFrame(
        {
            "image_id": [f"{number:064x}" for number in range(5)],
            "Good/l1": np.linspace(0, 1, 5),
            "Good/residual": np.array([-0.0, 1e-300, np.pi, -1e300, 7]),
        }
    ),
    {"fit_id": "f", "condition": {"corruption": None, "severity": 0}, "seconds": 0.1},
)
STRIDE = 13  # coprime to 8, so that every bit of a byte has its turn


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """File of a sound block."""
    path = tmp_path / "blocks" / "block.parquet"
    write_block(path, BLOCK)
    return path


def same(block: Block) -> bool:
    pd.testing.assert_frame_equal(block.scores, BLOCK.scores, check_exact=True)
    return block.about == BLOCK.about


def test_a_flipped_bit_gives_the_same_block_or_none(path: Path) -> None:
    content = path.read_bytes()
    refused = 0
    for bit in range(0, 8 * len(content), STRIDE):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(bytes(damaged))
        block = read_block(path)
        assert block is None or same(block), bit
        refused += block is None
    assert refused > 100
    path.write_bytes(content)
    block = read_block(path)
    assert block is not None
    assert same(block)


def test_a_changed_name_in_the_footer_gives_none(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"Good/l1", b"Food/l1"))
    assert "Food/l1" in pq.read_table(path).column_names, "it is readable"
    assert read_block(path) is None


def test_a_block_without_a_digest_is_computed_again(path: Path) -> None:
    pq.write_table(pa.Table.from_pandas(BLOCK.scores), path)
    assert read_block(path) is None
    assert read_block(path.with_name("absent.parquet")) is None
