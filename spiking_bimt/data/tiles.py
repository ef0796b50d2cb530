"""Crossbar tiles: the weights as the chip holds them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spiking_bimt.data import validate
from spiking_bimt.errors import InputError

RECURRENT, INPUT = 0, 1


@dataclass(frozen=True)
class TileSet:
    """The non-empty crossbar tiles of a placed, quantised network.

    A tile has R rows (axons, the presynaptic side) and C columns (neurons, the postsynaptic
    side): weight[row, col] = codes[t, row, col] * scale[t, col]. A zero code is no synapse.
    """

    codes: npt.NDArray[np.int16]
    """(T, R, C) signed integer weights."""
    scale: npt.NDArray[np.float32]
    """(T, C) value of one code step of each column; 0 where the column is unused."""
    kind: npt.NDArray[np.int32]
    """(T,) RECURRENT (rows are neurons) or INPUT (rows are input channels)."""
    core: npt.NDArray[np.int32]
    """(T,) core that holds the tile."""
    row_source: npt.NDArray[np.int32]
    """(T, R) neuron or channel that drives each row; -1 where unused."""
    col_target: npt.NDArray[np.int32]
    """(T, C) neuron that each column feeds; -1 where unused."""
    bits: int
    """Width of the signed codes."""
    delays: npt.NDArray[np.int32] | None = None
    """(T, R, C) steps of each synapse; None where all synapses share one delay."""

    def __post_init__(self) -> None:
        name = "TileSet"
        if np.ndim(self.codes) != 3:
            raise InputError(f"{name}.codes has {np.ndim(self.codes)} dimensions, expected 3")
        t, r, c = np.shape(self.codes)
        shapes: dict[str, tuple[tuple[int, ...], type]] = {
            "codes": ((t, r, c), np.int16),
            "scale": ((t, c), np.float32),
            "kind": ((t,), np.int32),
            "core": ((t,), np.int32),
            "row_source": ((t, r), np.int32),
            "col_target": ((t, c), np.int32),
            "delays": ((t, r, c), np.int32),
        }
        for field, (shape, dtype) in shapes.items():
            if getattr(self, field) is not None:
                value = validate.array(name, field, getattr(self, field), shape, dtype)
                object.__setattr__(self, field, value)
        limit = 2 ** (self.bits - 1) - 1 if 2 <= self.bits <= 16 else 0
        if limit == 0:
            raise InputError(f"{name}.bits is {self.bits}: signed codes have 2 to 16 bits")
        if t and int(np.abs(self.codes.astype(np.int32)).max()) > limit:
            raise InputError(f"{name}.codes exceed the {self.bits}-bit range -{limit}..{limit}")
        if not np.isin(self.kind, (RECURRENT, INPUT)).all():
            raise InputError(f"{name}.kind must be {RECURRENT} (recurrent) or {INPUT} (input)")
        unused = (self.row_source < 0)[:, :, None] | (self.col_target < 0)[:, None, :]
        if (self.codes[unused] != 0).any():
            raise InputError(f"{name} has a weight in an unused row or column")
