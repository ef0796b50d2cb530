"""From a placed, quantised network to crossbar tiles, and from tiles back to the network."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spiking_bimt.chip.limits import refuse_weights
from spiking_bimt.chip.packing import Columns, column_blocks, merge
from spiking_bimt.data.chip import Chip, Placement
from spiking_bimt.data.network import NO_CODES, SpikingNetwork
from spiking_bimt.data.placed import TileFile
from spiking_bimt.data.tiles import TileSet
from spiking_bimt.errors import CodesError, InputError

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


class _Pairs(NamedTuple):
    """The distinct pairs (block of columns, source), one for each row."""

    block: Ints
    source: Ints
    tile: Ints


def cut(network: SpikingNetwork, placement: Placement, chip: Chip) -> TileSet:
    """The non-empty tiles of every core, as few as the packing finds.

    The neurons of a core, in the order of their slots, make blocks of crossbar_cols columns. The
    rows of a block are the distinct sources that reach it, neurons and input channels together,
    crossbar_rows to a tile. Partly filled tiles of a core are merged where they fit
    (`packing.merge`). Raises InputError where the network has no codes, codes of 0, or wider ones
    than the chip holds, or where the placement is of another network or chip.
    """
    codes, bits = _codes(network, chip)
    if placement.n_cores != chip.n_cores or len(placement.core) != network.n_neurons:
        raise InputError(f"the placement is not of this network on {chip.name}: place again")
    source, target = synapses(network)
    columns = column_blocks(placement, chip.crossbar_cols)
    pairs, pair = _pairs(source, columns.block[target], columns, chip.crossbar_rows)
    rank, shape = columns.rank[target], (chip.crossbar_rows, chip.crossbar_cols)
    tile, members = merge(pairs.tile, pairs.source, pair, rank, columns, shape)
    row_indptr, row_source, row = _rows(tile, pairs.source, network.n_neurons + network.n_inputs)
    # Synapses in the order of their crosspoints, tile by tile.
    of_tile = tile[pair]
    cell = row[pair] * shape[1] + members.column(of_tile, rank)
    order = np.argsort(of_tile * (shape[0] * shape[1]) + cell)
    assert network.scale is not None
    assert network.in_scale is not None
    delays = None
    if network.delays is not None:
        delays = np.append(network.delays, np.zeros(len(network.in_indices), np.int32))[order]
    counts = np.bincount(of_tile, minlength=len(row_indptr) - 1)
    return TileSet(
        rows=chip.crossbar_rows,
        cols=chip.crossbar_cols,
        bits=bits,
        split_signs=network.split_signs,
        n_neurons=network.n_neurons,
        n_inputs=network.n_inputs,
        core=placement.core[members.target[members.indptr[:-1]]],
        row_indptr=row_indptr,
        row_source=row_source,
        col_indptr=members.indptr,
        col_target=members.target.astype(np.int32),
        scale=network.scale[members.target],
        in_scale=network.in_scale[members.target],
        indptr=np.append(0, np.cumsum(counts)),
        position=cell[order].astype(np.int32),
        codes=codes[order],
        delays=delays,
    )


def rebuild(content: TileFile) -> SpikingNetwork:
    """The quantised network of a tile file's content, synapses ascending: the inverse of `cut`.

    The synapses of the content's own network are not looked at. Scales come from the tiles; a
    neuron without a tile keeps its network's. Raises InputError for columns of one neuron with
    different scales, or a synapse that two cells hold.
    """
    tiles, skeleton = content.tiles, content.network
    n = tiles.n_neurons
    if skeleton.scale is None or skeleton.in_scale is None:
        raise CodesError(NO_CODES)
    scale = _neuron_scale(tiles, tiles.scale, skeleton.scale)
    in_scale = _neuron_scale(tiles, tiles.in_scale, skeleton.in_scale)
    key = tiles.source.astype(np.int64) * n + tiles.target
    order = np.argsort(key)
    key = key[order]
    twice = np.flatnonzero(np.diff(key) == 0)
    if len(twice):
        source, target = divmod(int(key[twice[0]]), n)
        raise InputError(f"the synapse from source {source} to neuron {target} is in two cells")
    ends = np.searchsorted(key, np.arange(n + tiles.n_inputs + 1) * n)
    split = ends[n]
    indices, codes = (key % n).astype(np.int32), tiles.codes[order]
    own, inputs = slice(0, split), slice(split, None)
    return replace(
        skeleton,
        indptr=ends[: n + 1],
        indices=indices[own],
        codes=codes[own],
        weights=codes[own].astype(np.float32) * scale[indices[own]],
        delays=None if tiles.delays is None else tiles.delays[order[own]],
        in_indptr=ends[n:] - split,
        in_indices=indices[inputs],
        in_codes=codes[inputs],
        in_weights=codes[inputs].astype(np.float32) * in_scale[indices[inputs]],
        scale=scale,
        in_scale=in_scale,
    )


def occupancy(tiles: TileSet) -> dict[str, Any]:
    """Number of tiles, how full they are, and a lower bound on their number for these cores."""
    per_tile = np.diff(tiles.indptr)
    cells = tiles.rows * tiles.cols
    per_core = np.bincount(tiles.core)
    columns_of = np.bincount(tiles.col_target, minlength=1)
    return {
        "tiles": tiles.n_tiles,
        "lower_bound": int(_fewest(tiles).sum()),
        "rows": tiles.rows,
        "columns": tiles.cols,
        "synapses": int(per_tile.sum()),
        "cells": cells * tiles.n_tiles,
        "wasted_cells": cells * tiles.n_tiles - int(per_tile.sum()),
        "utilisation": float(per_tile.mean() / cells) if tiles.n_tiles else 0.0,
        "tile_utilisation": (per_tile / cells).tolist(),
        "rows_used": len(tiles.row_source),
        "columns_used": len(tiles.col_target),
        "most_tiles_a_neuron": int(columns_of.max()),
        "tiles_per_core": per_core.tolist(),
        "most_tiles_a_core": int(per_core.max(initial=0)),
    }


def _fewest(tiles: TileSet) -> Ints:
    """Lower bound on the tiles of each core, for any choice and order of its rows and columns.

    Within a core a neuron needs a column for every `rows` of its synapses, a source a row for every
    `cols` of its own. Where the neurons fit into one tile's columns, this many suffice.
    """
    n_cores = int(tiles.core.max(initial=-1)) + 1
    core_of = np.zeros(tiles.n_neurons, np.int64)
    core_of[tiles.col_target] = np.repeat(tiles.core, np.diff(tiles.col_indptr))
    fan_in = np.bincount(tiles.target, minlength=tiles.n_neurons)
    columns = np.bincount(core_of, -(-fan_in // tiles.rows), minlength=n_cores)[:n_cores]
    first_row = np.repeat(tiles.row_indptr[:-1], np.diff(tiles.indptr))
    per_row = np.bincount(first_row + tiles.position // tiles.cols, minlength=len(tiles.row_source))
    core = np.repeat(tiles.core.astype(np.int64), np.diff(tiles.row_indptr))
    pairs, at = np.unique(tiles.row_source * np.int64(n_cores) + core, return_inverse=True)
    fan_out = np.bincount(at, per_row, minlength=len(pairs))
    rows = np.bincount(pairs % max(n_cores, 1), -(-fan_out // tiles.cols), minlength=n_cores)
    least: Ints = np.ceil(np.maximum(columns / tiles.cols, rows / tiles.rows)).astype(np.int64)
    return least


def synapses(network: SpikingNetwork) -> tuple[Ints, Ints]:
    """Source (neuron, or N + channel) and target of all synapses, recurrent first."""
    counts = np.append(np.diff(network.indptr), np.diff(network.in_indptr))
    source = np.repeat(np.arange(len(counts)), counts)
    return source, np.append(network.indices, network.in_indices).astype(np.int64)


def _codes(network: SpikingNetwork, chip: Chip) -> tuple[npt.NDArray[np.int16], int]:
    """Codes of all synapses, recurrent first, and their width."""
    if network.codes is None or network.in_codes is None or network.bits is None:
        raise CodesError(NO_CODES)
    refuse_weights(chip, network.weight_bits, network.split_signs)
    codes = np.append(network.codes, network.in_codes)
    zeros = int((codes == 0).sum())
    if zeros:
        raise InputError(
            f"{zeros} synapses have the code 0, which is no synapse on a crossbar: drop them "
            "(SpikingNetwork.quantised does)"
        )
    return codes, network.bits


def _pairs(source: Ints, block: Ints, columns: Columns, n_rows: int) -> tuple[_Pairs, Ints]:
    """The rows of every block with the tile of each, and each synapse's pair.

    Where blocks of the core could share a tile, the rows with the fewest synapses come last: the
    last, partly filled tile of a block then needs few columns.
    """
    n_sources = int(source.max(initial=0)) + 1
    keys, pair, count = np.unique(block * n_sources + source, return_inverse=True,
                                  return_counts=True)  # fmt: skip
    owner, of = np.divmod(keys, n_sources)
    order = np.lexsort((of, np.where(columns.alone[owner], 0, -count), owner))
    rank = np.empty(len(keys), np.int64)
    rank[order] = np.arange(len(keys)) - np.searchsorted(owner, owner[order])
    # A tile starts with the first row of a block and after every n_rows of them.
    tiles_of = -(-np.bincount(owner, minlength=len(columns.alone)) // n_rows)
    tile = (np.cumsum(tiles_of) - tiles_of)[owner] + rank // n_rows
    return _Pairs(owner, of, tile), pair


def _rows(tile: Ints, source: Ints, n_sources: int) -> tuple[Ints, npt.NDArray[np.int32], Ints]:
    """row_indptr, row_source, and the row of each pair: a source has one row in a tile."""
    keys, at = np.unique(tile * n_sources + source, return_inverse=True)
    owner, sources = np.divmod(keys, max(n_sources, 1))
    n_tiles = int(tile.max(initial=-1)) + 1
    indptr = np.searchsorted(owner, np.arange(n_tiles + 1))
    return indptr, sources.astype(np.int32), at - indptr[tile]


def _neuron_scale(tiles: TileSet, columns: Floats, default: Floats) -> Floats:
    scale = default.copy()
    scale[tiles.col_target] = columns
    unequal = np.flatnonzero(scale[tiles.col_target] != columns)
    if len(unequal):
        neuron = tiles.col_target[unequal[0]]
        raise InputError(
            f"the columns of neuron {neuron} have the scales {columns[unequal[0]]} and "
            f"{scale[neuron]}: a network has one scale per neuron"
        )
    return scale
