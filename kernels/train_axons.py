"""What a network in training would cost a chip: one price for each source and core that it reaches.

Sources are columns of a matrix [post, source]; a group is the weights of one source onto the units
of one core. Its size f is the 2-norm of the group, or the sum of |w| where `grouped` is false, and
a source pays activity * price * f for every core, with the price from its own core to that one.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from spiking_bimt.kernels.shared_random import random_below, random_unit

Array = npt.NDArray[Any]

Int = int | np.int64


@njit(cache=True, fastmath={"contract"}, error_model="numpy")
def shrink_groups(
    weights: Array, v: Array, mask: Array, core: Array, strength: Array,
    lr: np.float32, correct2: np.float32,
) -> None:  # fmt: skip
    """Proximal step of sum over groups of strength * 2-norm, in Adam's metric, in place.

    weights, v (Adam's second moment), mask: (n, S), [post, source]; core: (n,); strength: (K, S).
    A group of n weights that may change is shrunk by lr s / sqrt(mean v + s^2 / 4n): for n = 1 the
    step that `train_optimise.adam_shrink` takes for L1, never more than twice what Adam can move
    it. The mean stands for the moments of the single weights, because the exact operator has no
    closed form in a metric that differs within the group.
    """
    n, n_sources = weights.shape
    zero, one, tiny = np.float32(0), np.float32(1), np.float32(1e-30)
    squares = np.zeros(strength.shape, np.float32)
    moments = np.zeros(strength.shape, np.float32)
    counts = np.zeros(strength.shape, np.float32)
    for j in range(n):
        c = core[j]
        for i in range(n_sources):
            squares[c, i] += weights[j, i] * weights[j, i]
            moments[c, i] += v[j, i] * mask[j, i]
            counts[c, i] += mask[j, i]
    for c in range(strength.shape[0]):
        for i in range(n_sources):
            s, count = strength[c, i], max(counts[c, i], one)
            metric = moments[c, i] / (correct2 * count) + np.float32(0.25) * s * s / count
            least = lr * s / np.float32(math.sqrt(metric + tiny))
            norm = np.float32(math.sqrt(squares[c, i]))
            squares[c, i] = max(zero, one - least / (norm + tiny))
    for j in range(n):
        c = core[j]
        for i in range(n_sources):
            weights[j, i] *= squares[c, i]


@njit(cache=True)
def sums(size: Array, core: Array, n_cores: int) -> Array:
    """(K, S) sum over the units of each core of size (n, S)."""
    total = np.zeros((n_cores, size.shape[1]))
    for j in range(size.shape[0]):
        for i in range(size.shape[1]):
            total[core[j], i] += size[j, i]
    return total


@njit(cache=True)
def of_group(total: float, grouped: bool) -> float:
    """Size of a group from its sum; rounding may have left the sum of an empty one below 0."""
    total = max(total, 0.0)
    return math.sqrt(total) if grouped else total


@njit(cache=True)
def cost(total: Array, home: Array, activity: Array, price: Array, grouped: bool) -> float:
    """Cost of all sources. home: (S,) core of each, or the row of `price` that stands for outside;
    price: (K + 1, K), the last row for sources that sit on no core; activity: (S,)."""
    found = 0.0
    for i in range(home.size):
        for c in range(total.shape[0]):
            found += activity[i] * price[home[i], c] * of_group(total[c, i], grouped)
    return found


@njit(cache=True)
def gain(
    size: Array, total: Array, home: Array, activity: Array, price: Array, grouped: bool,
    v: Int, w: Int, b: Int,
) -> float:  # fmt: skip
    """Change of the cost when unit v goes to core b and w, unless it is -1, to that of v.

    Units are the first sources. Only groups of the sources that drive v or w at the two cores
    differ, and what v and w pay themselves, since they now send from elsewhere.
    """
    a = home[v]
    found = 0.0
    for i in range(home.size):
        shift = size[v, i] - (size[w, i] if w >= 0 else 0.0)
        if i != v and i != w:
            if shift != 0.0:
                before_a, before_b = of_group(total[a, i], grouped), of_group(total[b, i], grouped)
                after_a = of_group(total[a, i] - shift, grouped)
                after_b = of_group(total[b, i] + shift, grouped)
                found += activity[i] * (
                    price[home[i], a] * (after_a - before_a)
                    + price[home[i], b] * (after_b - before_b)
                )
            continue
        to = b if i == v else a
        for c in range(total.shape[0]):
            after = total[c, i]
            if c == a:
                after -= shift
            elif c == b:
                after += shift
            found += activity[i] * (
                price[to, c] * of_group(after, grouped)
                - price[home[i], c] * of_group(total[c, i], grouped)
            )
    return found


@njit(cache=True)
def apply(size: Array, total: Array, home: Array, v: Int, w: Int, b: Int) -> None:
    """Carry out the move or exchange of `gain`."""
    a = home[v]
    for i in range(home.size):
        shift = size[v, i] - (size[w, i] if w >= 0 else 0.0)
        total[a, i] -= shift
        total[b, i] += shift
    home[v] = b
    if w >= 0:
        home[w] = a


@njit(cache=True)
def improve(
    size: Array, total: Array, home: Array, activity: Array, price: Array, grouped: bool,
    room: int, proposals: int, hot: float, least: float, rng: Array,
) -> int:  # fmt: skip
    """Move and exchange units between cores while that lowers the cost; returns how often.

    size: (n, S) of every weight (w^2, or |w| where not `grouped`); total: (K, S) its sums; home:
    (S,), of which the first n change. room: units a core holds. Every other proposal takes a unit
    to the core of one that drives it or that it drives. A rise is accepted with Metropolis's
    probability at a temperature that falls from `hot` to 0; a fall must exceed `least`.
    """
    n, n_cores = size.shape[0], total.shape[0]
    members = np.zeros(n_cores, np.int64)
    for j in range(n):
        members[home[j]] += 1
    done = 0
    for proposal in range(proposals):
        v = random_below(rng, n)
        b = np.int64(random_below(rng, n_cores))
        if random_unit(rng) < 0.5:
            other = random_below(rng, n)
            if size[v, other] > 0 or size[other, v] > 0:
                b = np.int64(home[other])
        a = home[v]
        if a == b:
            continue
        w = np.int64(-1)
        if members[b] >= room or (members[b] > 0 and random_unit(rng) < 0.5):
            w = np.int64(random_below(rng, n))
            while home[w] != b:
                w = (w + 1) % n
        change = gain(size, total, home, activity, price, grouped, v, w, b)
        temperature = hot * (1.0 - proposal / proposals)
        luck = random_unit(rng)
        if change < -least or (temperature > 0 and luck < math.exp(-change / temperature)):
            apply(size, total, home, v, w, b)
            if w < 0:
                members[a] -= 1
                members[b] += 1
            done += 1
    return done
