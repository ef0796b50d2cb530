"""The floor of `kernels.py`: a whole run as one plain Numba function."""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from spiking_bimt.kernels.shared_vector import prefetch

Array = npt.NDArray[Any]

_njit: Any = njit


@_njit(cache=True)  # type: ignore[untyped-decorator]
def plain(
    v: Array, q: Array, p: Array, constant: Array, indptr: Array, indices: Array, weights: Array,
    d: Any, g: Any, h: Any, s: Any, r: Any, threshold: Any, reset: Any, hold: int, steps: int,
    ahead: int,
) -> int:  # fmt: skip
    """The floor: a whole run as one plain function, float32; `ahead` rows are prefetched."""
    n, two = v.size, p.size > 0
    free = np.zeros(n, np.int32)
    fired, before = np.empty(n, np.int32), np.empty(n, np.int32)
    record: Array = np.empty(n * 4, np.int32)
    count = total = 0
    for t in range(steps):
        now = np.int32(t)
        for j in range(n):
            new = d * v[j] + g * q[j] + constant[j]
            if two:
                new += h * p[j]
                p[j] *= r
            v[j] = v[j] if free[j] > now else new
            q[j] *= s
        for i in range(count):
            if 0 < ahead < count - i:
                low = indptr[before[i + ahead]]
                for k in range(low, indptr[before[i + ahead] + 1] + 15, 16):
                    prefetch(indices, k)
                    prefetch(weights, k)
            for k in range(indptr[before[i]], indptr[before[i] + 1]):
                if two and weights[k] < 0:
                    p[indices[k]] += weights[k]
                else:
                    q[indices[k]] += weights[k]
        count = 0
        for j in range(n):
            if v[j] > threshold and free[j] <= now:
                fired[count] = j
                count += 1
                v[j] = reset
                free[j] = now + 1 + hold
        if total + count > record.size:
            record = np.concatenate((record, np.empty(record.size + n, np.int32)))
        record[total : total + count] = fired[:count]
        total += count
        fired, before = before, fired
    return total
