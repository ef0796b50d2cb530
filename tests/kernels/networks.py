"""Random spiking networks and trials, and their simulation by the NumPy twin."""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.trials import Trials
from spiking_bimt.kernels import sim_twin

Array = npt.NDArray[Any]


def rows(rng: np.random.Generator, n_rows: int, n: int, density: float) -> tuple[Array, Array]:
    """indptr and indices of a random sparse matrix; every third row is empty."""
    present = rng.random((n_rows, n)) < density
    present[2::3] = False
    return np.append(0, np.cumsum(present.sum(axis=1))), np.nonzero(present)[1]


def callable_kernel(kernel: Any) -> Any:
    """A kernel that kernels alone can call, for Python."""
    return njit(lambda *given: kernel(*given))


def random_network(
    seed: int,
    n: int = 30,
    *,
    reset: str = "subtract",
    drive: float = 0.1,
    weight: float = 0.3,
    refractory: bool = True,
    longest_delay: int | None = None,
    delay: int = 1,
    dt: float = 1.0,
    n_sub: int = 5,
    unfiltered: bool = False,
    **fields: Any,
) -> SpikingNetwork:
    """A network of all kinds of neurons: leaky and not, tau_syn equal to tau_mem and not.

    unfiltered: every other neuron has synapses without filter.
    """
    rng = np.random.default_rng(seed)
    indptr, indices = rows(rng, n, n, 0.4)
    in_indptr, in_indices = rows(rng, 4, n, 0.7)
    tau_syn = rng.uniform(0.5, 50.0, n)
    kinds = np.stack([np.full(n, np.inf), tau_syn, tau_syn * (1 + 1e-6), rng.uniform(1, 50, n)])
    v_reset = rng.uniform(-0.5, 0.2, n)
    hold = rng.integers(0, 4, n) if refractory else np.zeros(n)
    values: dict[str, Any] = {
        "indptr": indptr,
        "indices": indices,
        "weights": weight * rng.normal(size=len(indices)),
        "in_indptr": in_indptr,
        "in_indices": in_indices,
        "in_weights": 0.3 * drive * rng.normal(size=len(in_indices)),
        "w_out": rng.normal(size=(3, n)),
        "b_out": rng.normal(size=3),
        "tau_out": 20.0,
        "tau_mem": kinds[rng.integers(0, 4, n), np.arange(n)],
        "tau_syn": np.where(unfiltered & (np.arange(n) % 2 == 0), 0.0, tau_syn),
        "v_th": rng.uniform(0.5, 1.5, n),
        "v_reset": v_reset,
        "v_leak": rng.uniform(-0.3, 0.3, n) * np.sign(drive),
        "v_min": np.where(rng.random(n) < 0.5, v_reset - 0.05, -np.inf),
        "t_ref": hold * dt,
        "bias": drive * rng.uniform(0.2, 2.0, n),
        "delay": delay,
        "reset": reset,
        "dt": dt,
        "task_dt": dt * n_sub,
        "positions": np.zeros((n, 2), int),
        "sheet": (n, 1),
        "battery": "yang19",
        "tasks": ("go",),
        "delays": None
        if longest_delay is None
        else rng.integers(min(1, longest_delay), longest_delay + 1, len(indices)),
    }
    return SpikingNetwork(**values | fields)


def random_trials(network: SpikingNetwork, seed: int, lengths: tuple[int, ...]) -> Trials:
    """Trials of the given numbers of task steps, with noise on every channel."""
    rng = np.random.default_rng(seed)
    steps, n = sum(lengths), len(lengths)
    return Trials(
        inputs=rng.normal(size=(steps, network.n_inputs)).astype(np.float32),
        labels=np.zeros(steps, int),
        offsets=np.append(0, np.cumsum(lengths)),
        decision=np.zeros(n, int),
        task=np.zeros(n, int),
        tasks=("go",),
        dt=network.task_dt,
    )


def dense(indptr: Array, indices: Array, weights: Array, n: int) -> Array:
    """(rows, n) dense float64 matrix of a CSR one."""
    out = np.zeros((len(indptr) - 1, n))
    np.add.at(out, (np.repeat(np.arange(len(indptr) - 1), np.diff(indptr)), indices), weights)
    return out


def start_of(network: SpikingNetwork, seed: int, trial: int) -> Array:
    """(N,) the documented start of a trial, float64."""
    u = np.random.default_rng((seed, trial)).random(network.n_neurons)
    reset, threshold = network.v_reset.astype(float), network.v_th.astype(float)
    start: Array = reset + u * (threshold - reset)
    return start


def drive_of(network: SpikingNetwork, trials: Trials, trial: int) -> Array:
    """(T, N) analogue input and bias at each simulation step of a trial, v per ms."""
    w_in = dense(network.in_indptr, network.in_indices, network.in_weights, network.n_neurons)
    inputs = trials.inputs[trials.offsets[trial] : trials.offsets[trial + 1]].astype(float)
    per_step: Array = np.repeat(inputs @ w_in, network.steps_per_task_step, axis=0)
    return per_step + network.bias


def reference_spikes(network: SpikingNetwork, trials: Trials, seed: int, trial: int) -> Array:
    """(T, N) spikes of one trial by the NumPy twin."""
    wide = {
        field: getattr(network, field).astype(float)
        for field in ("weights", "tau_mem", "tau_syn", "v_th", "v_reset", "v_leak", "v_min")
    }
    spikes, _ = sim_twin.simulate(
        start_of(network, seed, trial),
        drive_of(network, trials, trial),
        pre=np.repeat(np.arange(network.n_neurons), np.diff(network.indptr)),
        post=network.indices,
        delays=np.full(len(network.indices), network.delay)
        if network.delays is None
        else network.delays,
        hold=np.round(network.t_ref / network.dt).astype(int),
        subtract=network.reset == "subtract",
        dt=network.dt,
        **wide,
    )
    return spikes
