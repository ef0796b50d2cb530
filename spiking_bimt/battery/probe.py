"""Trials for networks that have no tasks: random drive, so that every part of them is active."""

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import InputError

Floats = npt.NDArray[np.float64]

CHANNELS = 16
"""Input channels that are added."""
ROW_MS = 20.0
"""Time for which a current is constant, ms."""
ROWS = 25
"""Currents of each channel in a trial."""
INTERVAL_MS = 50.0
"""Interval between the spikes of a neuron without synapses at level 1 of its channel, ms."""

RANDOM_STEPS = 50
"""Steps of a trial of random input."""
HELD_STEPS = 10
"""Steps for which a level of random input is held."""
RANDOM_INPUT = f"random: each channel at a level in 0 to 1, a new one every {HELD_STEPS} steps"
"""`random_trials`, in words."""


def random_trials(n_inputs: int, dt: float, n_trials: int, *, seed: int = 0) -> Trials:
    """Trials that drive each input channel of a rate network at random levels, uniform in 0..1.

    dt: step, ms. They have no right answer: labels are 0.
    """
    if n_trials < 1:
        raise InputError(f"{n_trials} trials: ask for at least 1")
    rng = np.random.default_rng((seed, 2))
    levels = rng.random((n_trials * RANDOM_STEPS // HELD_STEPS, n_inputs), np.float32)
    return level_trials(np.repeat(levels, HELD_STEPS, axis=0), n_trials, dt, "random input")


def level_trials(levels: npt.ArrayLike, n_trials: int, dt: float, name: str) -> Trials:
    """n trials of equal length from the levels (S, C) of all, without right answers."""
    rows = np.asarray(levels, np.float32)
    none = np.zeros(n_trials, np.int32)
    return Trials(
        inputs=rows,
        labels=np.zeros(len(rows), np.int32),
        offsets=len(rows) // n_trials * np.arange(n_trials + 1),
        decision=none,
        task=none,
        tasks=(name,),
        dt=dt,
    )


def probe_currents(network: SpikingNetwork, interval_ms: float = INTERVAL_MS) -> Floats:
    """(N,) current, v per ms, that makes each neuron spike at this interval without synapses."""
    with np.errstate(divide="ignore"):
        leak = (network.v_th - network.v_leak.astype(float)) / network.tau_mem
    span = network.v_th - network.v_reset.astype(float)
    need: Floats = leak + span / interval_ms - network.bias
    return need


def probe_trials(
    network: SpikingNetwork, n_trials: int, *, seed: int = 0, currents: Floats | None = None
) -> tuple[SpikingNetwork, Trials]:
    """The network with `CHANNELS` more input channels, and random trials that drive all of them.

    Each neuron gets input from one of the channels. Levels are uniform in 0..2, those of the
    network's own channels in 0..1. currents: (N,) v per ms into each neuron at level 1, by default
    `probe_currents`. Equal currents and seeds give equal input.
    """
    if n_trials < 1:
        raise InputError(f"{n_trials} trials: ask for at least 1")
    rng = np.random.default_rng((seed, 1))
    n = network.n_neurons
    channel = np.sort(rng.integers(0, CHANNELS, n))
    fed = rng.permutation(n)
    within = np.lexsort((fed, channel))
    need = probe_currents(network) if currents is None else currents
    counts = np.bincount(channel, minlength=CHANNELS)
    rows_dt = network.dt * max(round(ROW_MS / network.dt), 1)
    driven = network.without_codes(
        task_dt=rows_dt,
        in_indptr=np.append(network.in_indptr, network.in_indptr[-1] + np.cumsum(counts)),
        in_indices=np.append(network.in_indices, fed[within].astype(np.int32)),
        in_weights=np.append(network.in_weights, need[fed[within]]).astype(np.float32),
    )  # fmt: skip
    levels = rng.uniform(0, 2, (n_trials * ROWS, driven.n_inputs))
    levels[:, : network.n_inputs] /= 2
    return driven, level_trials(levels, n_trials, rows_dt, "probe")
