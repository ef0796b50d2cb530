"""Tiles hold every weight of the network, integer for integer, and give it back."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiking_bimt.chip.packing import count_natural_tiles
from spiking_bimt.chip.presets import load_chip
from spiking_bimt.chip.start import slots
from spiking_bimt.chip.tiling import cut, occupancy, rebuild, synapses
from spiking_bimt.converting.quantise import quantise
from spiking_bimt.data.chip import Chip, Placement
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.placed import TileFile
from spiking_bimt.data.tiles import TileSet
from spiking_bimt.errors import InputError
from spiking_bimt.simulation.build import from_csr
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
    """Equal but for the scale of neurons that no synapse of that kind reaches."""
    for field in fields(SpikingNetwork):
        one, two = getattr(a, field.name), getattr(b, field.name)
        if field.name in ("scale", "in_scale"):
            reached = b.indices if field.name == "scale" else b.in_indices
            one, two = one[reached], two[reached]
        np.testing.assert_array_equal(one, two, err_msg=field.name)
        if isinstance(one, np.ndarray):
            assert one.dtype == two.dtype, field.name


def cells(tiles: TileSet) -> dict[tuple[int, int], tuple[int, int, int, float]]:
    """(source, target) -> code, core, delay, scale, read cell by cell."""
    found = {}
    for t in range(tiles.n_tiles):
        rows, columns = tiles.lines(t)
        own = slice(tiles.indptr[t], tiles.indptr[t + 1])
        delays = np.zeros(tiles.rows * tiles.cols, int)
        if tiles.delays is not None:
            delays[tiles.position[own]] = tiles.delays[own]
        for r, c in zip(*np.nonzero(tiles.dense(t)), strict=True):
            pair = int(rows[r]), int(columns[c])
            assert pair not in found
            scales = tiles.scale if rows[r] < tiles.n_neurons else tiles.in_scale
            found[pair] = (
                int(tiles.dense(t)[r, c]), int(tiles.core[t]), int(delays[r * tiles.cols + c]),
                float(scales[tiles.col_indptr[t] + c]),
            )  # fmt: skip
    return found


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 10**6))
def test_tiles_equal_the_csr_matrix(seed: int) -> None:
    network, placement, chip = case(seed)
    tiles = cut(network, placement, chip)
    expected = {}
    for first, indptr, indices, codes, delays, scale in (
        (0, network.indptr, network.indices, network.codes, network.delays, network.scale),
        (network.n_neurons, network.in_indptr, network.in_indices, network.in_codes, None,
         network.in_scale),
    ):  # fmt: skip
        assert codes is not None
        assert scale is not None
        for source in range(len(indptr) - 1):
            for k in range(indptr[source], indptr[source + 1]):
                target = int(indices[k])
                delay = 0 if delays is None else int(delays[k])
                expected[first + source, target] = (
                    int(codes[k]), int(placement.core[target]), delay, float(scale[target]),
                )  # fmt: skip
    assert cells(tiles) == expected


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 10**6))
def test_packing_never_takes_more_tiles_than_its_blocks_or_fewer_than_the_bound(seed: int) -> None:
    network, placement, chip = case(seed)
    tiles = cut(network, placement, chip)
    assert occupancy(tiles)["lower_bound"] <= tiles.n_tiles
    source, target = synapses(network)
    by_slot = np.lexsort((placement.slot, placement.core))
    blocks: dict[tuple[int, int], set[int]] = {}
    rank = {int(neuron): k for k, neuron in enumerate(by_slot)}
    first = {int(c): min(rank[int(i)] for i in np.flatnonzero(placement.core == c))
             for c in np.unique(placement.core)}  # fmt: skip
    for s, t in zip(source.tolist(), target.tolist(), strict=True):
        core = int(placement.core[t])
        key = core, (rank[t] - first[core]) // chip.crossbar_cols
        blocks.setdefault(key, set()).add(s)
    assert tiles.n_tiles <= sum(-(-len(rows) // chip.crossbar_rows) for rows in blocks.values())


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_cores_of_one_block_take_exactly_the_bound(seed: int) -> None:
    """Where a core's neurons fit into one tile's columns, no order takes fewer tiles."""
    network, placement, chip = case(seed)
    tiles = cut(network, placement, replace(chip, crossbar_cols=30))
    sources: dict[int, set[int]] = {}
    for s, t in zip(*(ids.tolist() for ids in synapses(network)), strict=True):
        sources.setdefault(int(placement.core[t]), set()).add(s)
    expected = sum(-(-len(own) // chip.crossbar_rows) for own in sources.values())
    assert occupancy(tiles)["lower_bound"] == tiles.n_tiles == expected


def test_the_rests_of_two_blocks_share_a_tile() -> None:
    """Two blocks of two neurons with three sources each: 2 + 2 tiles of two rows, or 3."""
    plain = from_csr([0, 0, 4, 4, 8, 10], [0, 1, 2, 3, 0, 1, 2, 3, 0, 2], np.ones(10))
    network = quantise(plain, 8).quantised()
    chip = replace(load_chip("grid16"), width=1, height=1, crossbar_rows=2, crossbar_cols=2)
    core = np.zeros(5, np.int32)
    placement = Placement(chip.name, 1, core, slots(core))
    tiles = cut(network, placement, chip)
    assert tiles.n_tiles == 3
    rows, columns = tiles.lines(1)
    assert (rows.tolist(), columns.tolist()) == ([4], [0, 2])
    assert count_natural_tiles(*synapses(network), 5, placement, (2, 2)) == 6


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 10**6))
def test_rebuilding_gives_the_same_network(seed: int) -> None:
    network, placement, chip = case(seed)
    tiles = cut(network, placement, chip)
    rebuilt = rebuild(TileFile(tiles, skeleton(network), placement, chip))
    assert_equal(rebuilt, network.quantised())


def test_occupancy_counts_cells() -> None:
    network, placement, chip = case(11)
    tiles = cut(network, placement, chip)
    found = occupancy(tiles)
    assert found["synapses"] == len(network.indices) + len(network.in_indices)
    assert found["cells"] == tiles.n_tiles * chip.crossbar_rows * chip.crossbar_cols
    assert found["wasted_cells"] == found["cells"] - found["synapses"]
    assert found["utilisation"] == pytest.approx(found["synapses"] / found["cells"])
    assert sum(found["tiles_per_core"]) == found["tiles"] == tiles.n_tiles


def test_networks_that_no_crossbar_holds_are_refused() -> None:
    network, placement, chip = case(11)
    plain = network.without_codes()
    with pytest.raises(InputError, match="no integer codes: `quantise` it"):
        cut(plain, placement, chip)
    assert network.codes is not None
    codes = network.codes.copy()
    codes[[0, 2]] = 0
    with pytest.raises(InputError, match="2 synapses have the code 0"):
        cut(replace(network, codes=codes), placement, chip)
    with pytest.raises(InputError, match=r"has \d+-bit weights, grid16 holds 2"):
        cut(random_network(0), placement, replace(chip, weight_bits=2))
    with pytest.raises(InputError, match="not of this network on grid16: place again"):
        cut(network, placement, load_chip("grid16"))


def test_codes_that_do_not_fit_name_the_neuron_and_the_value() -> None:
    network, placement, chip = case(11)
    assert network.codes is not None
    codes = network.codes.copy()
    codes[3] = 2 ** (network.bits or 0)
    with pytest.raises(InputError, match=rf"SpikingNetwork\.codes holds {codes[3]}, outside"):
        replace(network, codes=codes)
    tiles = cut(network, placement, chip)
    codes, neuron = tiles.codes.copy(), tiles.target[3]
    codes[3] = 2 ** (network.bits or 0)
    with pytest.raises(InputError, match=rf"onto neuron {neuron} has the code {codes[3]}, outside"):
        replace(tiles, codes=codes)


def test_tiles_that_contradict_the_network_are_refused() -> None:
    network, chip = random_network(3, n=10, density=0.5), replace(load_chip("grid16"), width=2)
    core = (np.arange(10) // 5).astype(np.int32)
    placement = Placement("grid16", chip.n_cores, core, slots(core))
    tiles = cut(network, placement, chip)

    def rebuilt(**change: Any) -> SpikingNetwork:
        return rebuild(TileFile(replace(tiles, **change), skeleton(network), placement, chip))

    other = tiles.core.copy()
    other[0] = 1
    with pytest.raises(InputError, match="tile 0 on core 1 feeds neuron 0, which sits on core 0"):
        rebuilt(core=other)
    rows, columns, cells = (a[1] for a in (tiles.row_indptr, tiles.col_indptr, tiles.indptr))
    twice = {"core": np.append(tiles.core, tiles.core[0])}
    for indptr, length, names in (
        ("row_indptr", rows, ("row_source",)),
        ("col_indptr", columns, ("col_target", "scale", "in_scale")),
        ("indptr", cells, ("position", "codes")),
    ):
        own = getattr(tiles, indptr)
        twice[indptr] = np.append(own, own[-1] + length)
        for name in names:
            values = getattr(tiles, name)
            twice[name] = np.append(values, values[:length])
    with pytest.raises(InputError, match=r"synapse from source \d+ to neuron \d+ is in two cells"):
        rebuilt(**twice)
    twice["scale"] = twice["scale"].copy()
    twice["scale"][-1] *= 2
    with pytest.raises(InputError, match=r"columns of neuron \d+ have the scales"):
        rebuilt(**twice)
