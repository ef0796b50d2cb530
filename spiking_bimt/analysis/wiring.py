"""Length and cost of a network's wiring on its sheet."""

import numpy as np

from spiking_bimt.data.rate import RateNetwork

CONNECTED = 1e-3
"""Recurrent weights above this count as connections in the reported wiring length."""


def wiring(network: RateNetwork, threshold: float = CONNECTED) -> dict[str, float]:
    """Surviving units, recurrent connections above `threshold`, and their length on the sheet.

    `wiring_length` is the Manhattan grid distance summed over those connections, as in the
    figures of Liu et al. 2023 (arXiv:2310.07711); `wiring_cost` is sum |w_ij| d_ij with
    Euclidean d, over all recurrent weights.
    """
    gap = np.abs(network.positions[:, None] - network.positions[None]).astype(np.float64)
    connected = np.abs(network.w_rec) > threshold
    return {
        "active_units": network.n_units,
        "synapses": int(connected.sum()),
        "wiring_length": float(gap.sum(-1)[connected].sum()),
        "wiring_cost": float((np.abs(network.w_rec) * np.hypot(gap[..., 0], gap[..., 1])).sum()),
    }
