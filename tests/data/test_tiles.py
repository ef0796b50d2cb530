"""Tiles check themselves when they are made."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spiking_bimt.data.tiles import TileSet
from spiking_bimt.errors import InputError


def two_tiles() -> TileSet:
    """Two 2 x 2 tiles: the first full, the second with one synapse in its corner."""
    ones: Any = np.ones(3)
    return TileSet(
        rows=2, cols=2, bits=4, n_neurons=3, n_inputs=1, core=np.array([0, 1]),
        row_indptr=np.array([0, 2, 3]), row_source=np.array([0, 3, 1]),
        col_indptr=np.array([0, 2, 3]), col_target=np.array([1, 0, 2]), scale=ones,
        in_scale=ones, indptr=np.array([0, 4, 5]), position=np.array([0, 1, 2, 3, 0]),
        codes=np.array([3, -3, 7, 1, -7]),
    )  # fmt: skip


def test_a_tile_is_read_alone() -> None:
    tiles = two_tiles()
    np.testing.assert_array_equal(tiles.dense(0), [[3, -3], [7, 1]])
    np.testing.assert_array_equal(tiles.dense(1), [[-7, 0], [0, 0]])
    np.testing.assert_array_equal(tiles.source, [0, 0, 3, 3, 1])
    np.testing.assert_array_equal(tiles.target, [1, 0, 1, 0, 2])
    assert [line.tolist() for line in tiles.lines(1)] == [[1], [2]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bits": 1}, "bits is 1: signed codes have 2 to 16 bits"),
        ({"bits": 3}, r"tile 0 onto neuron 1 has the code 7, outside the 3-bit range -3\.\.3"),
        ({"codes": np.array([3, 0, 7, 1, -7])}, "codes holds a 0"),
        ({"scale": np.ones(2)}, r"scale has shape \(2,\), expected \(3\)"),
        ({"core": np.array([0, -1])}, "core must not be negative"),
        ({"row_source": np.array([0, 4, 1])}, r"row_source holds 4, outside 0\.\.3"),
        ({"row_source": np.array([0, 0, 1])}, "tile 0 names source 0 twice or out of order"),
        ({"col_target": np.array([1, 1, 2])}, "tile 0 names neuron 1 twice"),
        ({"rows": 1}, "tile 0 uses 2 rows of 1"),
        ({"rows": 2**20, "cols": 2**20}, "its size must be 1 to 2"),
        ({"position": np.array([0, 2, 1, 3, 0])}, "position must ascend within a tile"),
        ({"position": np.array([0, 1, 2, 3, 1])}, "a row or column that its tile does not use"),
        ({"position": np.array([0, 1, 2, 3, 2])}, "a row or column that its tile does not use"),
        ({"indptr": np.array([0, 5, 5])}, "tile 1 holds no synapse"),
        ({"delays": np.array([1, 1, 0, 0, -1])}, "delays must be 0 or more from neurons"),
        ({"delays": np.array([1, 1, 0, 1, 1])}, "0 from channels"),
    ],
)
def test_tiles_check_themselves(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(two_tiles(), **change)
