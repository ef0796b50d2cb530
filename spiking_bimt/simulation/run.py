"""Runs a spiking network on task trials: a batch over threads, the same for any number of them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from spiking_bimt.data.arguments import checked
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.spikes import Recording
from spiking_bimt.data.trials import Trials
from spiking_bimt.data.validate import read_only
from spiking_bimt.errors import InputError
from spiking_bimt.kernels import sim_trials
from spiking_bimt.simulation import propagators
from spiking_bimt.simulation.engine_trials import run_by_engine
from spiking_bimt.simulation.start import check_settings, float_dtype, poisson_sources, starts

Array = npt.NDArray[Any]
Part = tuple[Array, Array, Array]  # steps and neurons of the spikes of some trials, and how many

# Enough pieces of work that threads end together, large enough that Python's share is small.
_PIECES_PER_THREAD = 8
_LARGEST_PIECE = 32


@checked
def simulate_trials(
    network: SpikingNetwork,
    trials: Trials,
    *,
    seed: int = 0,
    threads: int | None = None,
    record_spikes: bool = True,
    dtype: npt.DTypeLike = np.float32,
) -> Recording:
    """Simulate every trial from its own start; equal arguments give equal bits.

    A trial starts without currents, refractoriness or filtered output, at
    v = v_reset + u (v_th - v_reset) with u uniform in [0, 1), drawn from `seed` and the trial's
    index; a Poisson source starts at v_reset, and its levels are drawn so too. `threads` changes
    the time only; None takes NUMBA_NUM_THREADS or the cores at hand.
    `dtype` is that of the state, float32 or float64. Without `record_spikes` the recording
    has the outputs and spike counts alone. A network with `tau_syn_negative` is run by the engine,
    trial by trial in one thread.

    Raises InputError where the trials' step or number of channels is not the network's.
    """
    kind = float_dtype(dtype)
    check(network, trials, seed, threads)
    if network.tau_syn_negative is not None:
        return run_by_engine(network, trials, seed, record_spikes, kind)
    arguments = _network_arguments(network, kind)
    workers = default_threads() if threads is None else threads
    pieces = list(split_trials(trials.n_trials, workers))
    outputs = np.empty((len(trials.labels), len(network.b_out)), kind)
    counts = np.zeros((trials.n_trials, network.n_neurons), np.int32)

    def simulate(piece: slice) -> Part:
        bounds = trials.offsets[piece.start : piece.stop + 1]
        rows = slice(bounds[0], bounds[-1])
        ends = np.zeros(piece.stop - piece.start, np.int64)
        steps, neurons = sim_trials.run(
            starts(network, seed, piece, kind),
            read_only(trials.inputs[rows].astype(kind, copy=False)),
            bounds - bounds[0],
            record_spikes,
            outputs[rows],
            counts[piece],
            ends,
            seed,
            piece.start,
            *arguments,
        )
        return steps, neurons, np.diff(ends, prepend=0) if record_spikes else 0 * ends

    with ThreadPoolExecutor(workers) as pool:
        parts = list(pool.map(simulate, pieces))
    lengths = trials.lengths * network.steps_per_task_step
    return joined(parts, outputs, counts, lengths, network.dt)


def joined(
    parts: list[Part], outputs: Array, counts: Array, lengths: Array, dt: float
) -> Recording:
    """The recording of trials that were run in pieces."""
    sizes = np.concatenate([of_trial for _, _, of_trial in parts])
    return Recording.of_arrays(
        outputs=outputs.astype(np.float32, copy=False),
        spike_counts=counts,
        offsets=np.append(0, np.cumsum(sizes)),
        steps=np.concatenate([steps for steps, _, _ in parts]),
        neurons=np.concatenate([neurons for _, neurons, _ in parts]),
        lengths=lengths,
        dt=dt,
        n_neurons=counts.shape[1],
    )


def default_threads() -> int:
    """Threads of a run where nothing is said: one per core."""
    # Numba sets its configuration's names at run time, where mypy cannot see them.
    return int(numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]


def check(network: SpikingNetwork, trials: Trials, seed: int, threads: int | None) -> None:
    """Refuse trials and settings that do not go with the network."""
    known = (*propagators.TRIALS_HAVE, *propagators.ENGINE_HAS)
    network.refuse_optional("a simulation of trials", known)
    if abs(trials.dt - network.task_dt) > 1e-9 * network.task_dt:
        raise InputError(
            f"the trials have steps of {trials.dt} ms, the network reads its input every "
            f"{network.task_dt} ms: draw trials at dt = {network.task_dt}"
        )
    if trials.n_inputs != network.n_inputs:
        raise InputError(
            f"the trials have {trials.n_inputs} input channels, the network {network.n_inputs}: "
            "draw trials of the network's own battery and tasks"
        )
    check_settings(seed, threads)


def _network_arguments(network: SpikingNetwork, dtype: np.dtype[Any]) -> tuple[Any, ...]:
    """What `sim_trials.run` takes of the network, in its order."""
    delays = np.empty(0, np.int32) if network.delays is None else network.delays
    delays = read_only(delays)  # as a network's own are
    return (
        propagators.padded_step(network, dtype),
        propagators.refractory_steps(network),
        poisson_sources(network),
        network.indptr,
        network.indices,
        network.weights.astype(dtype, copy=False),
        delays,
        max(network.delay, 0),  # unchecked, and unused, where `delays` has every synapse's own
        network.in_indptr,
        network.in_indices,
        network.in_weights.astype(dtype, copy=False),
        propagators.readout_fade(network, dtype),
        read_only(np.ascontiguousarray(network.w_out.T, dtype)),
        read_only(network.b_out.astype(dtype, copy=False)),
    )


def split_trials(n_trials: int, workers: int) -> Iterator[slice]:
    """Pieces of trials for the workers, several for each."""
    size = min(max(n_trials // (_PIECES_PER_THREAD * workers), 1), _LARGEST_PIECE)
    for start in range(0, n_trials, size):
        yield slice(start, min(start + size, n_trials))
