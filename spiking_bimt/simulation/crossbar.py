"""Runs trials through crossbars: every step's column sums, read and added digitally."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from threadpoolctl import threadpool_limits

from spiking_bimt.data.crossbars import Crossbars
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.spikes import Recording
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import InputError
from spiking_bimt.kernels.sim_poisson import exponentials
from spiking_bimt.simulation import propagators
from spiking_bimt.simulation.start import poisson_sources, starts

Array = npt.NDArray[Any]


class _Phase:
    """The rows of one kind, and the matrix that adds up columns of the same neuron."""

    def __init__(self, crossbars: Crossbars, low: int, high: int, scale: Array, n: int) -> None:
        own = (crossbars.row_source >= low) & (crossbars.row_source < high)
        # Unused rows read a silent source, the last.
        self.source = np.where(own, crossbars.row_source - low, high - low)
        self.crossbars = crossbars
        used = np.flatnonzero(crossbars.col_target.ravel() >= 0)
        shape = (n, crossbars.col_target.size)
        self.add_up = sparse.csr_array(
            (scale.ravel()[used], (crossbars.col_target.ravel()[used], used)), shape=shape
        )

    def sums(self, levels: Array, rng: np.random.Generator) -> Array:
        """(B, N) what the neurons get when the sources are at these levels (B, sources)."""
        silent = np.zeros((len(levels), 1))
        rows = np.append(levels, silent, axis=1)[:, self.source].transpose(1, 0, 2)
        sums = rows @ self.crossbars.value
        if self.crossbars.variance is not None:
            spread = np.sqrt(rows**2 @ self.crossbars.variance)
            sums += spread * rng.standard_normal(sums.shape)
        read = self.crossbars.convert(sums)
        out: Array = (self.add_up @ read.transpose(0, 2, 1).reshape(-1, len(levels))).T
        return out


# Small products, thousands of them: BLAS threads would wait for each other most of the time.
@threadpool_limits.wrap(limits=1, user_api="blas")  # type: ignore[untyped-decorator]
def run_crossbars(
    network: SpikingNetwork, crossbars: Crossbars, trials: Trials, *, seed: int = 0
) -> Recording:
    """Simulate all trials together in float64; the network's own synapses are not looked at.

    Start and order of phases are those of `simulate_trials`. Rows of input channels are read once a
    task step, rows of neurons at every step; read noise is drawn from `seed`. Raises InputError
    for synapses with delays of their own, which no column sum can hold.
    """
    if network.delays is not None:
        raise InputError("synapses with delays of their own do not add up in a column: use one")
    if trials.n_inputs != network.n_inputs:
        raise InputError(f"the trials have {trials.n_inputs} channels, not {network.n_inputs}")
    network.refuse_optional("a crossbar", propagators.TRIALS_HAVE)
    n, batch, n_sub = network.n_neurons, trials.n_trials, network.steps_per_task_step
    of = propagators.step_of(network, np.float64)
    hold = propagators.refractory_steps(network)[:n]
    rng = np.random.default_rng((seed, 1))
    spiking = _Phase(crossbars, 0, n, crossbars.scale, n)
    driven = _Phase(crossbars, n, n + network.n_inputs, crossbars.in_scale, n)
    fade = np.exp(-network.dt / network.tau_out)
    poisson = poisson_sources(network)
    level, shift = (np.tile(row, (batch, 1)) for row in (of.v_th, of.reset_shift))
    drawn = np.zeros((batch, n), np.int64)

    def redraw(trial: Array, neuron: Array) -> None:
        span = np.empty(len(trial))
        exponentials(seed, trial, neuron, drawn[trial, neuron], span)
        span *= -of.reset_shift[neuron]
        level[trial, neuron] = of.v_th[neuron] + of.reset_shift[neuron] + span
        shift[trial, neuron] = -span

    redraw(np.repeat(np.arange(batch), len(poisson)), np.tile(poisson, batch))
    v: Array = starts(network, seed, slice(0, batch), np.dtype(np.float64))
    charge, trace = np.zeros((batch, n)), np.zeros((batch, n))
    free_at: Array = np.zeros((batch, n), np.int64)
    past = np.zeros((network.delay + 1, batch, n), bool)
    outputs = np.zeros((len(trials.labels), len(network.b_out)))
    found: list[tuple[Array, Array, Array]] = []
    step = 0
    for row in range(int(trials.lengths.max())):
        alive = trials.lengths > row
        at = trials.offsets[:-1][alive] + row
        levels = np.zeros((batch, network.n_inputs))
        levels[alive] = trials.inputs[at]
        drive = of.gain_in * driven.sums(levels, rng) + of.constant
        for _ in range(n_sub):
            moved = np.maximum(of.decay_mem * v + of.gain_syn * charge + drive, of.v_min)
            v = np.where(free_at > step, v, moved)
            charge *= of.decay_syn
            fired = (v > level) & (free_at <= step) & alive[:, None]
            v = np.where(fired, of.reset_gain * v + shift, v)
            free_at = np.where(fired, step + 1 + hold, free_at)
            trace = trace * fade + fired
            past[(step + network.delay) % len(past)] = fired
            due = past[step % len(past)]
            if due.any():
                charge += spiking.sums(due.astype(float), rng)
            if fired.any():
                trial, neuron = np.nonzero(fired)
                found.append((trial, np.full(len(trial), step), neuron))
                if len(poisson):
                    random = np.isin(neuron, poisson)
                    drawn[trial[random], neuron[random]] += 1
                    redraw(trial[random], neuron[random])
            step += 1
        outputs[at] = trace[alive] @ network.w_out.T.astype(np.float64) + network.b_out
    return _recording(found, outputs, trials, network)


def _recording(
    found: list[tuple[Array, Array, Array]], outputs: Array, trials: Trials, network: SpikingNetwork
) -> Recording:
    batch, none = trials.n_trials, np.zeros(0, np.int64)
    trial, steps, neurons = (
        np.concatenate(part) for part in zip((none, none, none), *found, strict=True)
    )
    order = np.argsort(trial, kind="stable")
    counts = np.zeros((batch, network.n_neurons), np.int32)
    np.add.at(counts, (trial, neurons), 1)
    return Recording(
        outputs=outputs.astype(np.float32),
        spike_counts=counts,
        offsets=np.append(0, np.cumsum(np.bincount(trial, minlength=batch))),
        steps=steps[order].astype(np.int32),
        neurons=neurons[order].astype(np.int32),
        lengths=trials.lengths * network.steps_per_task_step,
        dt=network.dt,
        n_neurons=network.n_neurons,
    )
