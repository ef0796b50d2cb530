"""Crossbar tiles: the weights as the chip holds them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data import validate
from spiking_bimt.data.arguments import check_fields
from spiking_bimt.data.documented import documented
from spiking_bimt.errors import InputError

Array = npt.NDArray[Any]

LARGEST_TILE = 2**31 - 1
"""Most crosspoints of a tile: a position counts in 32 bits."""


@documented
@dataclass(frozen=True, eq=False)
class TileSet(validate.Record):
    """The non-empty crossbar tiles of a placed, quantised network; memory follows its synapses.

    A tile has `rows` word lines (axons, the presynaptic side) and `cols` bit lines (neurons, the
    postsynaptic side). It uses the first of them, each for one source and one target:

        weight[source, target] = codes * scale[column]       rows driven by neurons, per spike
        weight[source, target] = codes * in_scale[column]    rows driven by input channels

    A crosspoint that is not listed holds no synapse. Columns of several tiles that have the same
    target are partial sums of one neuron and are added digitally.
    """

    rows: int
    """Axons (word lines) of one crossbar."""
    cols: int
    """Neurons (bit lines) of one crossbar."""
    bits: int
    """Width of the signed codes."""
    n_neurons: int
    """Neurons of the network."""
    n_inputs: int
    """Input channels of the network."""
    core: npt.NDArray[np.int32]
    """(T,) core that holds each tile."""
    row_indptr: npt.NDArray[np.int64]
    """(T + 1,) start of each tile's rows in `row_source`."""
    row_source: npt.NDArray[np.int32]
    """Source of each used row: a neuron, or n_neurons + an input channel; ascending in a tile."""
    col_indptr: npt.NDArray[np.int64]
    """(T + 1,) start of each tile's columns in `col_target`, `scale` and `in_scale`."""
    col_target: npt.NDArray[np.int32]
    """Neuron that each used column feeds, distinct in a tile."""
    scale: npt.NDArray[np.float32]
    """Value of one code step of each column for spikes."""
    in_scale: npt.NDArray[np.float32]
    """Value of one code step of each column for input channels."""
    indptr: npt.NDArray[np.int64]
    """(T + 1,) start of each tile's synapses in `position`, `codes` and `delays`."""
    position: npt.NDArray[np.int32]
    """(nnz,) row * cols + column of each synapse, ascending in a tile."""
    codes: npt.NDArray[np.int16]
    """(nnz,) signed integer weights, none 0."""
    delays: npt.NDArray[np.int32] | None = None
    """(nnz,) steps of each synapse, 0 from input channels; None where all share one delay."""
    split_signs: bool = False
    """Synapses of either sign are held apart: a crosspoint needs a bit less than `bits`."""

    def __post_init__(self) -> None:
        check_fields(self)
        name, tiles = "TileSet", np.size(self.core)
        n_rows, n_cols, nnz = (np.size(a) for a in (self.row_source, self.col_target, self.codes))
        shapes: dict[str, tuple[int, type]] = {
            "core": (tiles, np.int32),
            "row_indptr": (tiles + 1, np.int64),
            "row_source": (n_rows, np.int32),
            "col_indptr": (tiles + 1, np.int64),
            "col_target": (n_cols, np.int32),
            "scale": (n_cols, np.float32),
            "in_scale": (n_cols, np.float32),
            "indptr": (tiles + 1, np.int64),
            "position": (nnz, np.int32),
            "codes": (nnz, np.int16),
            "delays": (nnz, np.int32),
        }
        for field, (length, dtype) in shapes.items():
            if getattr(self, field) is not None:
                value = validate.array(name, field, getattr(self, field), (length,), dtype)
                object.__setattr__(self, field, value)
        if self.rows < 1 or self.cols < 1 or int(self.rows) * int(self.cols) > LARGEST_TILE:
            raise InputError(
                f"{name}: rows {self.rows} and cols {self.cols} make no tile: its size must be "
                "1 to 2^31 - 1"
            )
        n_sources = self.n_neurons + self.n_inputs
        for indptr, members, n in (
            ("row_indptr", "row_source", n_sources), ("col_indptr", "col_target", self.n_neurons),
        ):  # fmt: skip
            names = indptr, members
            validate.csr(name, getattr(self, indptr), getattr(self, members), n, names)
        if tiles and self.core.min() < 0:
            raise InputError(f"{name}.core must not be negative")
        self._check_lines()
        size = self.rows * self.cols
        validate.csr(name, self.indptr, self.position, size, ("indptr", "position"))
        self._check_cells()

    def _check_lines(self) -> None:
        for word, indptr, ids, most in (
            ("row", self.row_indptr, self.row_source, self.rows),
            ("column", self.col_indptr, self.col_target, self.cols),
        ):
            used = np.diff(indptr)
            if used.max(initial=0) > most:
                tile = int(used.argmax())
                raise InputError(f"tile {tile} uses {used[tile]} {word}s of {most}")
            tile_of = np.repeat(np.arange(len(used)), used)
            order = np.arange(len(ids)) if word == "row" else np.lexsort((ids, tile_of))
            same = (np.diff(tile_of[order]) == 0) & (np.diff(ids[order]) <= 0)
            if same.any():
                at = order[int(np.argmax(same)) + 1]
                raise InputError(
                    f"tile {tile_of[at]} names {'source' if word == 'row' else 'neuron'} "
                    f"{ids[at]} twice or out of order"
                )

    def _check_cells(self) -> None:
        limit = 2 ** (self.bits - 1) - 1 if 2 <= self.bits <= 16 else 0
        if limit == 0:
            raise InputError(f"TileSet.bits is {self.bits}: signed codes have 2 to 16 bits")
        if not len(self.codes):
            return
        if int(self.codes.min()) < -limit or int(self.codes.max()) > limit:
            at = int(np.argmax(np.abs(self.codes.astype(np.int32)) > limit))
            raise InputError(
                f"the synapse of tile {self._tile(at)} onto neuron {self._target(at)} has the code "
                f"{self.codes[at]}, outside the {self.bits}-bit range -{limit}..{limit}"
            )
        if not self.codes.all():
            raise InputError("TileSet.codes holds a 0: an empty crosspoint is not listed")
        if (np.diff(self.indptr) == 0).any():
            raise InputError(f"tile {int(np.argmin(np.diff(self.indptr)))} holds no synapse")
        inner = np.ones(len(self.position), bool)
        inner[self.indptr[:-1]] = False
        if (np.diff(self.position)[inner[1:]] <= 0).any():
            raise InputError("TileSet.position must ascend within a tile")
        # The last synapse of a tile has its highest row.
        last = self.position[self.indptr[1:] - 1] // self.cols
        if (last >= np.diff(self.row_indptr)).any() or (
            self.column >= np.repeat(np.diff(self.col_indptr), np.diff(self.indptr))
        ).any():
            raise InputError("TileSet.position lies in a row or column that its tile does not use")
        if self.delays is not None:
            channels = self.source >= self.n_neurons
            if (self.delays < 0).any() or self.delays[channels].any():
                raise InputError("TileSet.delays must be 0 or more from neurons, 0 from channels")

    @property
    def n_tiles(self) -> int:
        """Number of tiles, T."""
        return len(self.core)

    @property
    def column(self) -> Array:
        """(nnz,) column of each synapse within its tile."""
        return self.position % np.int32(self.cols)

    @property
    def source(self) -> Array:
        """(nnz,) source of each synapse, as in `row_source`."""
        row = self.position // np.int32(self.cols)
        first = np.repeat(self.row_indptr[:-1], np.diff(self.indptr))
        source: Array = self.row_source[row + first]
        return source

    @property
    def target(self) -> Array:
        """(nnz,) neuron that each synapse feeds."""
        first = np.repeat(self.col_indptr[:-1], np.diff(self.indptr))
        target: Array = self.col_target[self.column + first]
        return target

    def check_cores(self, core: Array) -> None:
        """Raise InputError where a column feeds a neuron whose core (N,) is not its tile's."""
        tile = np.repeat(np.arange(self.n_tiles), np.diff(self.col_indptr))
        stray = np.flatnonzero(self.core[tile] != core[self.col_target])
        if len(stray):
            at, neuron = tile[stray[0]], self.col_target[stray[0]]
            raise InputError(
                f"tile {at} on core {self.core[at]} feeds neuron {neuron}, which sits on core "
                f"{core[neuron]}: a neuron has one core"
            )

    def dense(self, tile: int) -> npt.NDArray[np.int16]:
        """(rows, cols) codes of one tile, 0 where there is no synapse."""
        validate.index("dense: tile", tile, self.n_tiles)
        own = slice(self.indptr[tile], self.indptr[tile + 1])
        out = np.zeros(self.rows * self.cols, np.int16)
        out[self.position[own]] = self.codes[own]
        return out.reshape(self.rows, self.cols)

    def lines(self, tile: int) -> tuple[Array, Array]:
        """Sources of the used rows and targets of the used columns of one tile."""
        validate.index("lines: tile", tile, self.n_tiles)
        return (
            self.row_source[self.row_indptr[tile] : self.row_indptr[tile + 1]],
            self.col_target[self.col_indptr[tile] : self.col_indptr[tile + 1]],
        )

    def _tile(self, synapse: int) -> int:
        return int(np.searchsorted(self.indptr, synapse, "right")) - 1

    def _target(self, synapse: int) -> int:
        first = self.col_indptr[self._tile(synapse)]
        return int(self.col_target[first + self.position[synapse] % self.cols])
