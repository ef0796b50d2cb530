"""Which rows and columns share a crossbar tile."""

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
    """(T,) whether it holds the left-overs of several blocks, and so skips neurons."""

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
    """Put the partly filled tiles of a core together where their rows and columns fit one tile.

    tile, source: of each row; pair, rank: the row of each synapse, and the `Columns.rank` of the
    neuron that it feeds; shape: rows and columns of a tile. A source that two of them share takes
    one row. First fit, those with most rows first. Returns the new tile of each row, and the
    columns of the tiles: the whole block, or, where tiles were put together, the neurons that
    their rows drive.
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
    """The tile that each loose tile goes into, and the columns of those that took in others."""
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


def natural_tiles(
    source: Ints, target: Ints, n_neurons: int, placement: Placement, shape: tuple[int, int]
) -> int:
    """Tiles that the same placement takes in natural order, the baseline of the packing.

    The neurons of a core by index, shape[1] to a block of columns; neurons and input channels by
    index, shape[0] to a block of rows and each kind apart; every block of the matrix that is not
    empty is a tile.
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
