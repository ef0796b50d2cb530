"""Counter-based random numbers: a draw depends on its labels alone, never on what came before."""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from spiking_bimt.kernels.shared_order import sort_first
from spiking_bimt.kernels.shared_vector import inner, zero

Array = npt.NDArray[Any]


@njit(cache=True)
def mixed(x: Any) -> Any:
    """splitmix64's finaliser (Steele, Lea, Flood 2014): 64 bits from 64 bits."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@njit(cache=True)
def labelled(seed: int, a: int, b: int, c: int) -> float:
    """Uniform in (0, 1), by four labels."""
    golden = np.uint64(0x9E3779B97F4A7C15)
    x = mixed(np.uint64(seed) + golden)
    x = mixed(x ^ (np.uint64(a) * golden + np.uint64(1)))
    x = mixed(x ^ (np.uint64(b) * golden + np.uint64(2)))
    x = mixed(x ^ (np.uint64(c) * golden + np.uint64(3)))
    return (float(x >> np.uint64(11)) + 0.5) * 2.0**-53


@njit(cache=True)
def poisson_block(seed: int, block: int, length: int, per_step: Array) -> tuple[Array, Array]:
    """Spikes of independent Poisson processes in steps block * length + 0..length.

    per_step (M,) expected spikes in a step. Returns bounds (length + 1,), and within them, by
    step and then ascending, the processes that spike, with repetition.
    """
    chosen: Array = np.empty(1024, np.int32)
    when: Array = np.empty(1024, np.int32)
    bounds: Array = np.zeros(length + 1, np.int64)
    count = 0
    for m in range(per_step.size):
        if per_step[m] <= 0:
            continue
        time, draw = 0.0, zero()
        while True:
            time -= np.log(labelled(seed, m, block, draw)) / per_step[m]
            if time >= length:
                break
            draw += 1
            if count == chosen.size:
                chosen = np.concatenate((chosen, np.empty_like(chosen)))
                when = np.concatenate((when, np.empty_like(when)))
            chosen[count], when[count] = m, np.int32(time)
            bounds[np.int32(time) + 1] += 1
            count += 1
    bounds = np.cumsum(bounds)
    place, ordered = bounds.copy(), np.empty(count, np.int32)
    for e in range(count):
        ordered[place[when[e]]] = chosen[e]
        place[when[e]] += 1
    return bounds, ordered


@inner
def alias_table(p: Array, keep: Array, other: Array, small: Array, large: Array) -> None:
    """Walker's alias table of a distribution: keep[i], and the alternative to i.

    small, large (n,): work arrays. Lists and expressions of arrays would be shorter, and take
    Numba a second and a half more to compile.
    """
    n, total = p.size, 0.0
    for i in range(n):
        total += p[i]
    n_small = n_large = 0
    for i in range(n):
        keep[i], other[i] = p[i] / total * n, i
        if keep[i] < 1:
            small[n_small] = i
            n_small += 1
        else:
            large[n_large] = i
            n_large += 1
    while n_small and n_large:
        n_small -= 1
        low, high = small[n_small], large[n_large - 1]
        other[low] = high
        keep[high] -= 1 - keep[low]
        if keep[high] < 1:
            n_large -= 1
            small[n_small] = high
            n_small += 1


@njit(cache=True)
def sheet_targets(
    side: int, fan_out: int, offsets: Array, p: Array, seed: int, low: int, high: int
) -> Array:
    """(high - low, fan_out) distinct targets of places low..high - 1 of a torus, ascending.

    Offsets (n, 2) are drawn with probabilities p, one after the other without replacement.
    """
    n = p.size
    keep, other, taken = np.empty(n), np.empty(n, np.int64), np.empty(n, np.int64)
    alias_table(p, keep, other, np.empty(n, np.int64), taken)
    for i in range(n):
        taken[i] = -1
    targets = np.empty((high - low, fan_out), np.int32)
    for source in range(low, high):
        row, column, count, draw = source // side, source % side, 0, zero()
        while count < fan_out:
            u = labelled(seed, source, draw, zero()) * n
            draw += 1
            i = int(u)
            if u - i >= keep[i]:
                i = other[i]
            if taken[i] == source:
                continue
            taken[i] = source
            down, right = row + offsets[i, 0], column + offsets[i, 1]
            targets[source - low, count] = down % side * side + right % side
            count += 1
        sort_first(targets[source - low], fan_out)
    return targets
