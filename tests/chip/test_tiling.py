"""Tiles hold every weight of the network, integer for integer, and give it back."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiking_bimt.chip.presets import load_chip
from spiking_bimt.chip.start import slots
from spiking_bimt.chip.tiling import cut, occupancy, rebuild
from spiking_bimt.data.chip import Chip, Placement
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.tiles import INPUT, RECURRENT, TileSet
from spiking_bimt.errors import InputError
from tests.chip.networks import random_network

Case = tuple[SpikingNetwork, Placement, Chip]


def case(seed: int) -> Case:
    """A placed random network on crossbars so small that cores need several."""
    rng = np.random.default_rng(seed)
    network = random_network(
        seed, n=int(rng.integers(1, 30)), inputs=int(rng.integers(0, 6)),
        density=float(rng.choice([0.0, 0.1, 0.5])), bits=int(rng.choice([2, 5, 8, 12])),
        delays=bool(rng.random() < 0.5),
    )  # fmt: skip
    chip = replace(
        load_chip("grid16"), width=2, height=2, weight_bits=12,
        crossbar_rows=int(rng.integers(1, 9)), crossbar_cols=int(rng.integers(1, 9)),
    )  # fmt: skip
    core = rng.integers(0, 4, network.n_neurons).astype(np.int32)
    slot = slots(core) * int(rng.integers(1, 3))
    return network, Placement(chip.name, 4, core, slot), chip


def skeleton(network: SpikingNetwork) -> SpikingNetwork:
    """The network without synapses."""
    none = np.zeros(0, np.int32)
    return replace(
        network, indptr=network.indptr * 0, indices=none, weights=none.astype(np.float32),
        codes=none.astype(np.int16), in_indptr=network.in_indptr * 0, in_indices=none,
        in_weights=none.astype(np.float32), in_codes=none.astype(np.int16), delays=None,
    )  # fmt: skip


def assert_equal(a: SpikingNetwork, b: SpikingNetwork) -> None:
    for field in fields(SpikingNetwork):
        one, two = getattr(a, field.name), getattr(b, field.name)
        np.testing.assert_array_equal(one, two, err_msg=field.name)
        if isinstance(one, np.ndarray):
            assert one.dtype == two.dtype, field.name


def cells(tiles: TileSet, kind: int) -> dict[tuple[int, int], tuple[int, int, int]]:
    """(source, target) -> code, core, delay, read cell by cell."""
    found = {}
    for t in np.flatnonzero(tiles.kind == kind):
        for r, c in zip(*np.nonzero(tiles.codes[t]), strict=True):
            pair = int(tiles.row_source[t, r]), int(tiles.col_target[t, c])
            assert pair not in found
            delay = 0 if tiles.delays is None else int(tiles.delays[t, r, c])
            found[pair] = int(tiles.codes[t, r, c]), int(tiles.core[t]), delay
    return found


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 10**6))
def test_tiles_equal_the_csr_matrix(seed: int) -> None:
    network, placement, chip = case(seed)
    assert network.codes is not None
    assert network.in_codes is not None
    tiles = cut(network, placement, chip)
    for kind, indptr, indices, codes, delays in (
        (RECURRENT, network.indptr, network.indices, network.codes, network.delays),
        (INPUT, network.in_indptr, network.in_indices, network.in_codes, None),
    ):
        expected = {}
        for source in range(len(indptr) - 1):
            for k in range(indptr[source], indptr[source + 1]):
                target = int(indices[k])
                delay = 0 if delays is None else int(delays[k])
                expected[source, target] = int(codes[k]), int(placement.core[target]), delay
        assert cells(tiles, kind) == expected
    assert (tiles.codes != 0).any(axis=(1, 2)).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_rows_and_columns_lie_where_the_rules_say(seed: int) -> None:
    network, placement, chip = case(seed)
    tiles = cut(network, placement, chip)
    seen: dict[tuple[int, int, int], list[int]] = {}
    for t in range(len(tiles.codes)):
        own = tiles.col_target[t][tiles.col_target[t] >= 0]
        columns = np.flatnonzero(tiles.col_target[t] >= 0)
        np.testing.assert_array_equal(placement.slot[own] % chip.crossbar_cols, columns)
        block = set((placement.slot[own] // chip.crossbar_cols).tolist())
        assert len(block) == 1
        rows = tiles.row_source[t][tiles.row_source[t] >= 0]
        key = int(tiles.core[t]), int(tiles.kind[t]), block.pop()
        # Every tile of a group but the last is full.
        assert len(seen.get(key, [])) % chip.crossbar_rows == 0
        seen.setdefault(key, []).extend(rows.tolist())
        scale = network.scale if tiles.kind[t] == RECURRENT else network.in_scale
        assert scale is not None
        np.testing.assert_array_equal(tiles.scale[t][columns], scale[own])
        assert (tiles.scale[t][tiles.col_target[t] < 0] == 0).all()
    assert list(seen) == sorted(seen)
    for rows in seen.values():
        assert rows == sorted(set(rows))


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 10**6))
def test_rebuilding_gives_the_same_network(seed: int) -> None:
    network, placement, chip = case(seed)
    tiles = cut(network, placement, chip)
    rebuilt = rebuild((tiles, skeleton(network), placement, chip))
    assert_equal(rebuilt, network.quantised())


def test_occupancy_counts_cells() -> None:
    network, placement, chip = case(11)
    tiles = cut(network, placement, chip)
    found = occupancy(tiles)
    assert found["synapses"] == len(network.indices) + len(network.in_indices)
    assert found["cells"] == tiles.codes.size
    assert found["utilisation"] == pytest.approx(found["synapses"] / found["cells"])
    assert sum(found["tiles_per_core"]) == found["tiles"] == len(tiles.codes)
    assert found["tiles"] == found["recurrent_tiles"] + found["input_tiles"]


def test_networks_that_no_crossbar_holds_are_refused() -> None:
    network, placement, chip = case(11)
    plain = replace(network, bits=None, codes=None, scale=None, in_codes=None, in_scale=None,
                    out_codes=None, out_scale=None)  # fmt: skip
    with pytest.raises(InputError, match="no integer codes: run convert with --bits"):
        cut(plain, placement, chip)
    assert network.codes is not None
    codes = network.codes.copy()
    codes[[0, 2]] = 0
    with pytest.raises(InputError, match="2 synapses have the code 0"):
        cut(replace(network, codes=codes), placement, chip)
    with pytest.raises(InputError, match=r"has \d+-bit codes, grid16 holds 2"):
        cut(random_network(0), placement, replace(chip, weight_bits=2))
    with pytest.raises(InputError, match="not of this network on grid16: place again"):
        cut(network, placement, load_chip("grid16"))


def test_tiles_that_contradict_themselves_are_refused() -> None:
    network, chip = random_network(3, n=10, density=0.5), replace(load_chip("grid16"), width=2)
    core = (np.arange(10) // 5).astype(np.int32)
    placement = Placement("grid16", chip.n_cores, core, slots(core))
    tiles = cut(network, placement, chip)

    def rebuilt(**change: Any) -> SpikingNetwork:
        return rebuild((replace(tiles, **change), skeleton(network), placement, chip))

    other = tiles.core.copy()
    other[0] = 1
    with pytest.raises(InputError, match="tile 0 on core 1 feeds neuron 0, which sits on core 0"):
        rebuilt(core=other)
    twice = {
        name: np.concatenate([getattr(tiles, name), getattr(tiles, name)[:1]])
        for name in ("codes", "scale", "kind", "core", "row_source", "col_target")
    }
    with pytest.raises(InputError, match=r"synapse from \d+ to neuron \d+ is in two cells"):
        rebuilt(**twice)
    scale = tiles.scale.copy()
    scale[0, 0] *= 2
    with pytest.raises(InputError, match="column 0 of tile 0 has scale"):
        rebuilt(scale=scale)
    rows, columns = tiles.row_source.copy(), tiles.col_target.copy()
    rows[0, 0], columns[0, 0] = 10, 10
    with pytest.raises(InputError, match="driven by neuron 10, the network has 10"):
        rebuilt(row_source=rows)
    with pytest.raises(InputError, match="feeds neuron 10, the network has 10"):
        rebuilt(col_target=columns)
    with pytest.raises(InputError, match="lacks the scales of 8-bit codes"):
        rebuild((tiles, replace(skeleton(network), bits=7), placement, chip))
