"""From a placed, quantised network to crossbar tiles, and from tiles back to the network."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.chip import Chip, Placement
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.tiles import INPUT, RECURRENT, TileSet
from spiking_bimt.errors import InputError

Ints = npt.NDArray[np.int64]


class _Rows(NamedTuple):
    """Where synapses go in tiles."""

    tile: Ints
    """Tile of each synapse."""
    row: Ints
    """Row of each synapse."""
    group: Ints
    """(T,) group of each tile."""
    row_source: npt.NDArray[np.int32]
    """(T, R) source of each row, -1 where unused."""


def cut(network: SpikingNetwork, placement: Placement, chip: Chip) -> TileSet:
    """The non-empty tiles of every core: recurrent and input synapses in tiles of their own.

    A neuron's slot is its column: slot // crossbar_cols is its block of columns. The rows of a
    block are the distinct sources that reach it, ascending, in blocks of crossbar_rows. Tiles are
    in the order of core, kind, block of columns, block of rows. Raises InputError where the network
    has no codes, codes of 0, or wider ones than the chip holds, or where the placement is of
    another network or chip.
    """
    codes, scales, bits = _quantised(network, chip)
    if placement.n_cores != chip.n_cores or len(placement.core) != network.n_neurons:
        raise InputError(f"the placement is not of this network on {chip.name}: place again")
    kind, source, target = _synapses(network)
    block, column = np.divmod(placement.slot.astype(np.int64), chip.crossbar_cols)
    n_blocks = int(block.max()) + 1
    group = (placement.core[target].astype(np.int64) * 2 + kind) * n_blocks + block[target]
    rows = _rows(group, source, chip.crossbar_rows)
    shape = (len(rows.group), chip.crossbar_rows, chip.crossbar_cols)
    place = (rows.tile, rows.row, column[target])
    values = np.zeros(shape, np.int16)
    values[place] = codes
    delays = None
    if network.delays is not None:
        delays = np.zeros(shape, np.int32)
        delays[tuple(axis[kind == RECURRENT] for axis in place)] = network.delays
    core, tile_kind = rows.group // n_blocks // 2, rows.group // n_blocks % 2
    neurons = np.full((chip.n_cores * n_blocks, chip.crossbar_cols), -1, np.int32)
    neurons[placement.core * n_blocks + block, column] = np.arange(network.n_neurons)
    col_target = neurons[core * n_blocks + rows.group % n_blocks]
    return TileSet(
        codes=values,
        scale=np.where(col_target >= 0, scales[tile_kind[:, None], col_target], 0),
        kind=tile_kind.astype(np.int32),
        core=core.astype(np.int32),
        row_source=rows.row_source,
        col_target=col_target,
        bits=bits,
        delays=delays,
    )


def rebuild(content: tuple[TileSet, SpikingNetwork, Placement, Chip]) -> SpikingNetwork:
    """The quantised network of a tile file's content, synapses ascending: the inverse of `cut`.

    content: the tiles, the network without its synapses, the placement and the chip. Raises
    InputError for a row or column that names no source or neuron, a neuron on a core that is not
    its own, a column's scale that is not its neuron's, or a synapse that two cells hold.
    """
    tiles, skeleton, placement, _ = content
    if skeleton.scale is None or skeleton.in_scale is None or skeleton.bits != tiles.bits:
        raise InputError(f"the network of these tiles lacks the scales of {tiles.bits}-bit codes")
    _check_columns(tiles, placement, np.stack([skeleton.scale, skeleton.in_scale]))
    indptr, indices, cells = _csr(tiles, RECURRENT, skeleton.n_neurons)
    in_indptr, in_indices, in_cells = _csr(tiles, INPUT, skeleton.n_inputs)
    codes, in_codes = tiles.codes[cells], tiles.codes[in_cells]
    return replace(
        skeleton,
        indptr=indptr,
        indices=indices,
        codes=codes,
        weights=codes.astype(np.float32) * skeleton.scale[indices],
        delays=None if tiles.delays is None else tiles.delays[cells],
        in_indptr=in_indptr,
        in_indices=in_indices,
        in_codes=in_codes,
        in_weights=in_codes.astype(np.float32) * skeleton.in_scale[in_indices],
    )


def occupancy(tiles: TileSet) -> dict[str, Any]:
    """Tiles and how full they are: cells, synapses (used cells), utilisation, tiles a core."""
    synapses = np.count_nonzero(tiles.codes, axis=(1, 2))
    cells = tiles.codes.shape[1] * tiles.codes.shape[2]
    per_core = np.bincount(tiles.core)
    return {
        "tiles": len(tiles.codes),
        "recurrent_tiles": int((tiles.kind == RECURRENT).sum()),
        "input_tiles": int((tiles.kind == INPUT).sum()),
        "rows": tiles.codes.shape[1],
        "columns": tiles.codes.shape[2],
        "synapses": int(synapses.sum()),
        "cells": cells * len(tiles.codes),
        "utilisation": float(synapses.mean() / cells) if len(tiles.codes) else 0.0,
        "tile_utilisation": (synapses / cells).tolist(),
        "rows_used": int((tiles.row_source >= 0).sum()),
        "tiles_per_core": per_core.tolist(),
        "most_tiles_a_core": int(per_core.max(initial=0)),
    }


def _quantised(network: SpikingNetwork, chip: Chip) -> tuple[Ints, npt.NDArray[np.float32], int]:
    """Codes of all synapses, recurrent first; (2, N) scales; width."""
    if (
        network.codes is None or network.in_codes is None or network.scale is None
        or network.in_scale is None or network.bits is None
    ):  # fmt: skip
        raise InputError("the network has no integer codes: run convert with --bits")
    if network.bits > chip.weight_bits:
        raise InputError(
            f"the network has {network.bits}-bit codes, {chip.name} holds {chip.weight_bits}: "
            f"convert with --bits {chip.weight_bits}"
        )
    codes = np.concatenate([network.codes, network.in_codes]).astype(np.int64)
    zeros = int((codes == 0).sum())
    if zeros:
        raise InputError(
            f"{zeros} synapses have the code 0, which is no synapse on a crossbar: drop them "
            "(SpikingNetwork.quantised does)"
        )
    return codes, np.stack([network.scale, network.in_scale]), network.bits


def _synapses(network: SpikingNetwork) -> tuple[Ints, Ints, Ints]:
    """Kind, source (neuron or channel) and target of all synapses, recurrent first."""
    source = np.repeat(np.arange(network.n_neurons), np.diff(network.indptr))
    in_source = np.repeat(np.arange(network.n_inputs), np.diff(network.in_indptr))
    kind = np.repeat([RECURRENT, INPUT], [len(source), len(in_source)])
    target = np.concatenate([network.indices, network.in_indices])
    return kind, np.concatenate([source, in_source]), target.astype(np.int64)


def _rows(group: Ints, source: Ints, n_rows: int) -> _Rows:
    """Rows of a tile are the distinct sources of one group, ascending, n_rows to a tile."""
    n_sources = int(source.max(initial=0)) + 1
    pairs, pair = np.unique(group * n_sources + source, return_inverse=True)
    owner, sources = np.divmod(pairs, n_sources)
    rank = np.arange(len(pairs)) - np.searchsorted(owner, owner)
    # A tile starts with the first source of a group and after every n_rows of them.
    starts = rank % n_rows == 0
    tile = np.cumsum(starts) - 1
    row_source = np.full((int(starts.sum()), n_rows), -1, np.int32)
    row_source[tile, rank % n_rows] = sources
    return _Rows(tile[pair], (rank % n_rows)[pair], owner[starts], row_source)


def _check_columns(tiles: TileSet, placement: Placement, scales: npt.NDArray[np.float32]) -> None:
    n = len(placement.core)
    if tiles.col_target.max(initial=-1) >= n:
        raise InputError(f"a tile feeds neuron {tiles.col_target.max()}, the network has {n}")
    tile, column = np.nonzero(tiles.col_target >= 0)
    neuron = tiles.col_target[tile, column]
    stray = np.flatnonzero(tiles.core[tile] != placement.core[neuron])
    if len(stray):
        which = stray[0]
        raise InputError(
            f"tile {tile[which]} on core {tiles.core[tile[which]]} feeds neuron {neuron[which]}, "
            f"which sits on core {placement.core[neuron[which]]}: a neuron has one core"
        )
    unequal = np.flatnonzero(tiles.scale[tile, column] != scales[tiles.kind[tile], neuron])
    if len(unequal):
        which = unequal[0]
        raise InputError(
            f"column {column[which]} of tile {tile[which]} has scale "
            f"{tiles.scale[tile[which], column[which]]}, its neuron {neuron[which]} has "
            f"{scales[tiles.kind[tile[which]], neuron[which]]}"
        )


def _csr(
    tiles: TileSet, kind: int, n_sources: int
) -> tuple[Ints, npt.NDArray[np.int32], tuple[Ints, Ints, Ints]]:
    """indptr, indices and cells (tile, row, column) of the synapses of one kind, in CSR order."""
    own = np.flatnonzero(tiles.kind == kind)
    tile, row, column = np.nonzero(tiles.codes[own])
    tile = own[tile]
    source, target = tiles.row_source[tile, row], tiles.col_target[tile, column]
    if source.max(initial=-1) >= n_sources:
        word = "neuron" if kind == RECURRENT else "input channel"
        raise InputError(f"a row is driven by {word} {source.max()}, the network has {n_sources}")
    order = np.lexsort((target, source))
    source, target = source[order], target[order]
    twice = np.flatnonzero((np.diff(source) == 0) & (np.diff(target) == 0))
    if len(twice):
        raise InputError(
            f"the synapse from {source[twice[0]]} to neuron {target[twice[0]]} is in two cells"
        )
    counts = np.bincount(source, minlength=n_sources)
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return indptr, target, (tile[order], row[order], column[order])
