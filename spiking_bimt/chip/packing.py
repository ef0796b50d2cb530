"""Packing of rows and columns into crossbar tiles."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.chip import Placement

Ints = npt.NDArray[np.int64]


class Columns(NamedTuple):
    """The neurons of every core in blocks as wide as a crossbar."""

    order: Ints
    """(N,) neurons by core and slot."""
    rank: Ints
    """(N,) place of each neuron in `order`."""
    block: Ints
    """(N,) block of each neuron; blocks are numbered core by core."""
    first: Ints
    """(B + 1,) block b holds order[first[b]:first[b + 1]]."""
    core: Ints
    """(B,) core of each block."""
    alone: npt.NDArray[np.bool_]
    """(B,) whether its core has no other block."""


class Members(NamedTuple):
    """The columns of every tile, by core and slot within it."""

    indptr: Ints
    rank: Ints
    """`Columns.rank` of the neuron of each column."""
    target: Ints
    """The neuron of each column."""
    shared: npt.NDArray[np.bool_]
    """(T,) whether it was merged of several tiles: its columns are then not consecutive neurons."""

    def column(self, tile: Ints, rank: Ints) -> Ints:
        """Column of the neurons of the given ranks in the given tiles, which hold them."""
        column: Ints = rank - self.rank[self.indptr[tile]]
        skips = self.shared[tile]
        if skips.any():
            n = int(self.rank.max()) + 1
            keys = np.repeat(np.arange(len(self.shared)), np.diff(self.indptr)) * n + self.rank
            at = np.searchsorted(keys, tile[skips] * n + rank[skips])
            column[skips] = at - self.indptr[tile[skips]]
        return column


def column_blocks(placement: Placement, width: int) -> Columns:
    """Blocks of `width` neurons of a core, in the order of their slots."""
    order = np.lexsort((placement.slot, placement.core))
    core = placement.core[order].astype(np.int64)
    within = np.arange(len(core)) - np.searchsorted(core, core)
    starts = np.flatnonzero(within % width == 0)
    block_of = np.cumsum(within % width == 0) - 1
    rank, block = np.empty(len(core), np.int64), np.empty(len(core), np.int64)
    rank[order], block[order] = np.arange(len(core)), block_of
    block_core = core[starts]
    alone = np.bincount(block_core)[block_core] == 1
    return Columns(order, rank, block, np.append(starts, len(core)), block_core, alone)


def merge(
    tile: Ints, source: Ints, pair: Ints, rank: Ints, columns: Columns, shape: tuple[int, int]
) -> tuple[Ints, Members]:
    """Merge partly filled tiles of a core where their rows and columns fit into one tile.

    tile, source: of each row; pair, rank: the row of each synapse, and the `Columns.rank` of the
    neuron that it feeds; shape: rows and columns of a tile. A source of both takes one row.
    The method is first fit, tiles with the most rows first. Returns the new tile of each row, and
    the columns of the tiles: the whole block, or, in a merged tile, the neurons that its rows
    drive.
    """
    n_tiles = int(tile.max(initial=-1)) + 1
    of_tile = tile[pair]
    block = np.empty(n_tiles, np.int64)
    block[of_tile] = np.searchsorted(columns.first, rank, "right") - 1
    rows = np.bincount(tile, minlength=n_tiles)
    loose = np.flatnonzero((rows < shape[0]) & ~columns.alone[block])
    home = np.arange(n_tiles)
    together: dict[int, Ints] = {}
    if len(loose):
        home[loose], together = _first_fit(
            loose,
            columns.core[block[loose]],
            _lines(loose, tile, source, n_tiles),
            _lines(loose, of_tile, rank, n_tiles),
            shape,
        )
    kept, renumbered = np.unique(home, return_inverse=True)
    shared = np.isin(kept, list(together))
    parts = [
        together[t] if t in together else np.arange(columns.first[b], columns.first[b + 1])
        for t, b in zip(kept.tolist(), block[kept].tolist(), strict=True)
    ]
    ranks = np.concatenate([np.empty(0, np.int64), *parts])
    indptr = np.cumsum([0, *(len(part) for part in parts)])
    return renumbered[tile], Members(indptr, ranks, columns.order[ranks], shared)


def _lines(loose: Ints, tile: Ints, line: Ints, n_tiles: int) -> list[Ints]:
    """The distinct lines of each loose tile, ascending."""
    is_loose = np.zeros(n_tiles, bool)
    is_loose[loose] = True
    own = is_loose[tile]
    width = int(line.max(initial=0)) + 1
    owner, lines = np.divmod(np.unique(tile[own] * width + line[own]), width)
    return np.split(lines, np.searchsorted(owner, loose[1:]))


def _first_fit(
    loose: Ints, core: Ints, rows: list[Ints], cols: list[Ints], shape: tuple[int, int]
) -> tuple[Ints, dict[int, Ints]]:
    """The tile that each loose tile is merged into, and the columns of the merged tiles."""
    home, together = loose.copy(), {}
    open_tiles: dict[int, list[tuple[int, Ints, Ints]]] = {}
    for k in np.lexsort((loose, np.array([-len(r) for r in rows]))):
        candidates = open_tiles.setdefault(int(core[k]), [])
        for at, (host, host_rows, host_cols) in enumerate(candidates):
            union, wide = np.union1d(host_rows, rows[k]), np.union1d(host_cols, cols[k])
            if len(union) <= shape[0] and len(wide) <= shape[1]:
                home[k], together[host] = host, wide
                candidates[at] = host, union, wide
                break
        else:
            candidates.append((int(loose[k]), rows[k], cols[k]))
    return home, together


def count_natural_tiles(
    source: Ints, target: Ints, n_neurons: int, placement: Placement, shape: tuple[int, int]
) -> int:
    """Number of tiles that the same placement takes without packing: the baseline.

    Columns are the neurons of a core in the order of their indices, shape[1] in a block; rows are
    neurons and, apart, input channels in the order of their indices, shape[0] in a block. Every
    block of the matrix that is not empty is a tile.
    """
    order = np.argsort(placement.core, kind="stable")
    core = placement.core[order].astype(np.int64)
    within = np.arange(len(core)) - np.searchsorted(core, core)
    block = np.empty(len(core), np.int64)
    block[order] = np.cumsum(within % shape[1] == 0) - 1
    most = int(source.max(initial=0)) // shape[0] + 1
    kind = source >= n_neurons
    rows = np.where(kind, source - n_neurons, source) // shape[0]
    return len(np.unique((block[target] * 2 + kind) * most + rows))
