"""Brain-inspired modular training: the wiring cost and the swaps of places.

Liu, Gan, Tegmark 2023 (arXiv:2305.08746) and Liu, Khona, Fiete, Tegmark 2023 (arXiv:2310.07711):
    loss = prediction loss + lambda * sum |w| + lambda * A * sum over recurrent |w_ij| d_ij
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.arguments import checked
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.kernels import train_swaps

Doubles = npt.NDArray[np.float64]

_MOST_WORK = 10**10
"""Most pairs of places that `arrange` looks at, about 20 s; large sheets stay less tidy."""


def sheet_distances(rows: int, cols: int, metric: str = "euclidean") -> Doubles:
    """(rows * cols, rows * cols) distances between the places of a sheet, spacing 1.

    metric: "euclidean" or "manhattan".
    """
    place = np.stack(np.divmod(np.arange(rows * cols), cols), axis=1).astype(float)
    gap = np.abs(place[:, None] - place[None])
    distances: Doubles = (
        np.hypot(gap[..., 0], gap[..., 1]) if metric == "euclidean" else gap.sum(-1)
    )
    return distances


def swap_places(
    w_rec: npt.NDArray[np.floating],
    place: npt.NDArray[np.int64],
    distances: Doubles,
    max_swaps: int,
    alike: npt.NDArray[np.floating] | None = None,
    attract: float = 0.0,
) -> npt.NDArray[np.int64]:
    """Exchange places, best pair first, while that lowers the wiring cost; the new `place`.

    w_rec: (N, N); place: (N,) place of each unit, a permutation; distances between places. Units
    without connections are as good as empty places: exchanging with one is a move. alike: (N, N)
    how alike units are in what they do, which counts as connections that together weigh `attract`
    times as much as all of w_rec.
    """
    place = place.copy()
    cost = np.abs(w_rec).astype(np.float64)
    cost = cost + cost.T
    np.fill_diagonal(cost, 0)
    if alike is not None and attract:
        cost += attracted(alike, attract * cost.sum())
    separation = distances[np.ix_(place, place)]
    product = cost @ separation
    # Rounding must not make two places trade for ever.
    least = 1e-9 * float(np.trace(product))
    train_swaps.improve(cost, separation, product, place, max_swaps, least)
    return place


@checked
def arrange(
    network: RateNetwork, alike: npt.NDArray[np.floating] | None = None, attract: float = 0.0
) -> RateNetwork:
    """The network with its units moved on their sheet so that the wiring is short.

    Pairs of places are exchanged, best first, as in BIMT training; the function stays. For networks
    that were trained without a sheet, whose wiring is then comparable. alike: (n, n) how alike
    units are in what they do, and attract its strength: see `swap_places`. Source: Liu et al. 2023.
    Raises InputError for an argument of another type.
    """
    rows, cols = network.sheet
    n, places = network.n_units, rows * cols
    w_rec = np.zeros((places, places), np.float32)
    w_rec[:n, :n] = network.w_rec
    taken = network.positions[:, 0].astype(np.int64) * cols + network.positions[:, 1]
    start = np.append(taken, np.setdiff1d(np.arange(places), taken))
    swaps = min(10 * places, _MOST_WORK // places**2)
    pull = np.zeros((places, places), np.float32)
    if alike is not None:
        pull[:n, :n] = alike
    moved = swap_places(w_rec, start, sheet_distances(rows, cols), swaps, pull, attract)
    positions = np.stack(np.divmod(moved[:n], cols), axis=1).astype(np.int32)
    return replace(network, positions=positions)


def attracted(alike: npt.NDArray[np.floating], weight: float) -> Doubles:
    """How alike units are, as weights of connections whose sum is `weight`; 0 where none are."""
    total = float(alike.sum(dtype=np.float64))
    pull: Doubles = alike.astype(np.float64) * (weight / total if total else 0.0)
    return pull
