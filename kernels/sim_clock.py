"""Clock-driven steps: every neuron every step, in chunks that stay in the first-level cache."""

from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.kernels.shared_vector import (
    BLOCK,
    above_zero,
    expanded,
    inlined,
    lowest_bit,
    prefetch,
    zero,
)
from spiking_bimt.kernels.sim_state import (
    DECAY,
    DRIVE,
    FLOOR,
    GAIN_C,
    GAIN_P,
    GAIN_Q,
    LEFT_P,
    LEFT_Q,
    P_TO_P,
    P_TO_V,
    Q_TO_Q,
    Q_TO_V,
    SPLIT,
    TINY,
    TWO,
    P,
    Q,
    V,
    evolved,
    of_two,
)

Array = npt.NDArray[Any]

CHUNK = 512
"""Neurons updated before their threshold is tested, so that v is still in the cache."""

AHEAD = 6
"""Presynaptic rows that are asked for before they are used."""

CACHED = 2**17
"""Numbers, two a synapse, that the second-level cache holds anyway: none need be asked for."""


@inlined
def crossed(v: Array, low: int, found: Array, count: int) -> int:
    """Append low + j for every v[j] > 0; the new count."""
    for block in range(0, v.size, BLOCK):
        mask = above_zero(v, block)
        while mask:
            found[count] = low + block + lowest_bit(mask)
            count += 1
            mask &= mask - np.uint64(1)
    return count


@expanded
def moved_charge(q: Any, left: Any, tiny: Any) -> Any:
    """A charge after an epoch that leaves `left` of it; 0 where it has become too small."""
    after = left * q
    return after if abs(after) > tiny else tiny - tiny


@inlined
def move(
    v: Array, q: Array, p: Array | None, c: Array, d: Any, g: Any, h: Any, f: Any, left_q: Any,
    left_p: Any, tiny: Any,
) -> None:  # fmt: skip
    """End an epoch for neurons of one kind; p is None where there is one kind of synapse."""
    for j in range(v.size):
        if p is None:
            v[j] = evolved(d, v[j], g, q[j], f * c[j])
        else:
            v[j] = evolved(d, v[j], g, q[j], of_two(h, p[j], f, c[j]))
            p[j] = moved_charge(p[j], left_p, tiny)
        q[j] = moved_charge(q[j], left_q, tiny)


@inlined
def move_each(
    v: Array, q: Array, p: Array | None, c: Array, d: Array, g: Array, h: Array, f: Array,
    left_q: Array, left_p: Array, floor: Array, tiny: Any,
) -> None:  # fmt: skip
    """`move` where every neuron has its own kind and a floor."""
    for j in range(v.size):
        if p is None:
            new = evolved(d[j], v[j], g[j], q[j], f[j] * c[j])
        else:
            new = evolved(d[j], v[j], g[j], q[j], of_two(h[j], p[j], f[j], c[j]))
            p[j] = moved_charge(p[j], left_p[j], tiny)
        lifted = new if new > floor[j] else floor[j]
        v[j] = lifted if v[j] != -np.inf else new
        q[j] = moved_charge(q[j], left_q[j], tiny)


@inlined
def look(
    v: Array, q: Array, p: Array | None, c: Array, d: Any, g: Any, h: Any, f: Any, out: Array
) -> None:
    """v at k within an epoch, without writing the state."""
    for j in range(v.size):
        if p is None:
            out[j] = evolved(d, v[j], g, q[j], f * c[j])
        else:
            out[j] = evolved(d, v[j], g, q[j], of_two(h, p[j], f, c[j]))


@inlined
def sweep(cells: Array, clock: Array, table: Array, k: int, scratch: Array, found: Array) -> int:
    """Move all neurons (k = L) or look at them (k < L); those above threshold, ascending."""
    tiny, last, count = cells.dtype.type(TINY), table.shape[1] - 1, zero()
    d, g, h, f = table[DECAY, k, 0], table[GAIN_Q, k, 0], table[GAIN_P, k, 0], table[GAIN_C, k, 0]
    left_q, left_p = table[LEFT_Q, 0, 0], table[LEFT_P, 0, 0]
    for low in range(0, cells.shape[1], CHUNK):
        high = min(low + CHUNK, cells.shape[1])
        v, q, c = cells[V, low:high], cells[Q, low:high], cells[DRIVE, low:high]
        p = cells[P, low:high]
        if table.shape[2] > 1:
            each = (
                table[DECAY, 1, low:high], table[GAIN_Q, 1, low:high], table[GAIN_P, 1, low:high],
                table[GAIN_C, 1, low:high], table[LEFT_Q, 0, low:high], table[LEFT_P, 0, low:high],
                cells[FLOOR, low:high],
            )  # fmt: skip
            if clock[TWO]:
                move_each(v, q, p, c, *each, tiny)
            else:
                move_each(v, q, None, c, *each, tiny)
        elif k == last and clock[TWO]:
            move(v, q, p, c, d, g, h, f, left_q, left_p, tiny)
        elif k == last:
            move(v, q, None, c, d, g, h, f, left_q, left_p, tiny)
        elif clock[TWO]:
            look(v, q, p, c, d, g, h, f, scratch)
        else:
            look(v, q, None, c, d, g, h, f, scratch)
        count = crossed(v if k == last else scratch[: high - low], low, found, count)
    return count


@inlined
def ask_for(indptr: Array, indices: Array, source: int) -> None:
    """Prefetch a presynaptic row."""
    low, high = indptr[source], indptr[source + 1]
    if high > low:  # of most sources of another part, a part has no synapse
        for t in range(low, high + 7, 8):  # 8 synapses fill a cache line
            prefetch(indices, 2 * t)


@inlined
def ask_ahead(sources: Array, s: int, n: int, indptr: Array, indices: Array) -> None:
    """Prefetch a row that comes soon after sources[s], and where a later one of the n begins."""
    if s + 2 * AHEAD < n:
        prefetch(indptr, sources[s + 2 * AHEAD])
    if s + AHEAD < n:
        ask_for(indptr, indices, sources[s + AHEAD])


@inlined
def ask_for_first(sources: Array, indptr: Array, indices: Array) -> None:
    """Prefetch the rows of the sources that come next, and where further rows begin."""
    for s in range(min(AHEAD, sources.size)):
        ask_for(indptr, indices, sources[s])
    for s in range(AHEAD, min(2 * AHEAD, sources.size)):
        prefetch(indptr, sources[s])


@inlined
def deliver(
    sources: Array, indptr: Array, indices: Array, weights: Array, cells: Array, clock: Array,
    table: Array, k: int,
) -> None:  # fmt: skip
    """Add the charge of every synapse of `sources`, in their order, at k."""
    v, q, p, n, split = cells[V], cells[Q], cells[P], sources.size, clock[SPLIT] != 0
    q_to_v, q_to_q = table[Q_TO_V, k, 0], table[Q_TO_Q, k, 0]
    p_to_v, p_to_p = table[P_TO_V, k, 0], table[P_TO_P, k, 0]
    asked = n if indices.size > CACHED else 0
    for s in range(n):
        ask_ahead(sources, s, asked, indptr, indices)
        low, high = np.uint64(indptr[sources[s]]), np.uint64(indptr[sources[s] + 1])
        row = range(low, high)
        if k == 0 and not split:
            for t in row:
                q[np.uint64(indices[low + t])] += weights[high + t]
        elif k == 0:
            for t in row:
                if weights[high + t] < 0:
                    p[np.uint64(indices[low + t])] += weights[high + t]
                else:
                    q[np.uint64(indices[low + t])] += weights[high + t]
        else:
            for t in row:
                j, weight = np.uint64(indices[low + t]), weights[high + t]
                if split and weight < 0:
                    v[j] += p_to_v * weight
                    p[j] += p_to_p * weight
                else:
                    v[j] += q_to_v * weight
                    q[j] += q_to_q * weight
