"""What drives a network from outside: spike trains, held currents, Poisson sources."""

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.kernels import sim_sampling

Array = npt.NDArray[Any]
Events = tuple[Array, Array, Array]  # steps (ascending), neurons, values

_SHORTEST, _LONGEST = 256, 65536  # steps of a block of Poisson spikes that is drawn at once


class Input(Protocol):
    """Something that acts on neurons at certain steps."""

    held: bool
    """Whether values are currents that hold until the next one, or charges of spikes."""

    def events(self, start: int, stop: int, dt: float) -> Events:
        """What happens in steps start..stop - 1 of dt ms, by step."""
        ...


@dataclass(frozen=True)
class SpikeTrains:
    """Spikes from outside: each adds its weight to its neuron as a synapse does.

    One at time t arrives at the end of step floor(t / dt).
    """

    times_ms: Array
    neurons: Array
    weights: npt.ArrayLike = 1.0
    """One number, or (n,): total change of v by the spike."""
    held = False

    def events(self, start: int, stop: int, dt: float) -> Events:
        """See `Input`."""
        return _between(self.times_ms, self.neurons, self.weights, start, stop, dt)


@dataclass(frozen=True)
class HeldCurrents:
    """Currents into neurons, each held from its time until the neuron's next one.

    A current acts from the start of step floor(t / dt) on, in v per ms, beside the bias. Several
    inputs of this kind on one neuron do not add up: the later one holds.
    """

    times_ms: Array
    neurons: Array
    values: npt.ArrayLike
    held = True

    def events(self, start: int, stop: int, dt: float) -> Events:
        """See `Input`."""
        return _between(self.times_ms, self.neurons, self.values, start, stop, dt)


@dataclass(frozen=True)
class PoissonSources:
    """An independent Poisson spike train into each of some neurons.

    The spikes depend on `seed`, the place in `neurons` and the time alone: they are the same for
    any number of threads, and wherever a run is cut.
    """

    neurons: Array
    rate_hz: npt.ArrayLike
    """One number, or one for each of `neurons`."""
    weight: float
    """Total change of v by one spike."""
    seed: int = 0
    held = False
    _block: dict[int, tuple[Array, Array]] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        rates = np.asarray(self.rate_hz)
        if self.seed < 0 or not np.isfinite(rates).all() or (rates < 0).any():
            raise InputError("PoissonSources needs a seed and finite rates that are not negative")

    def events(self, start: int, stop: int, dt: float) -> Events:
        """See `Input`."""
        targets = np.asarray(self.neurons)
        per_step = np.broadcast_to(np.asarray(self.rate_hz, np.float64) * dt / 1000, targets.shape)
        wanted = 1.0 / max(float(per_step.max(initial=0.0)), 1.0 / _LONGEST)
        length = int(2 ** np.floor(np.log2(min(max(wanted, _SHORTEST), _LONGEST))))
        steps: list[Array] = [np.empty(0, np.int64)]
        sources: list[Array] = [np.empty(0, np.int64)]
        for block in range(start // length, -(-stop // length)):
            if block not in self._block:
                self._block.clear()
                self._block[block] = sim_sampling.poisson_block(self.seed, block, length, per_step)
            bounds, chosen = self._block[block]
            low, high = max(start - block * length, 0), min(stop - block * length, length)
            inside = np.arange(block * length + low, block * length + high)
            steps.append(np.repeat(inside, np.diff(bounds[low : high + 1])))
            sources.append(targets[chosen[bounds[low] : bounds[high]]])
        when = np.concatenate(steps)
        return when, np.concatenate(sources), np.full(len(when), self.weight)


def channel_currents(network: SpikingNetwork, levels: npt.ArrayLike) -> HeldCurrents:
    """The network's input channels held at levels (T, C), one row every task_dt ms."""
    rows = np.asarray(levels, np.float64)
    if rows.ndim != 2 or rows.shape[1] != network.n_inputs:
        raise InputError(
            f"levels has shape {rows.shape}, expected (task steps, {network.n_inputs})"
        )
    channel = np.repeat(np.arange(network.n_inputs), np.diff(network.in_indptr))
    reached = np.unique(network.in_indices)
    place = np.searchsorted(reached, network.in_indices)
    values = np.zeros((len(rows), len(reached)))
    for row, level in zip(values, rows, strict=True):
        np.add.at(row, place, level[channel] * network.in_weights)
    changed = np.ones(values.shape, bool)
    changed[1:] = values[1:] != values[:-1]
    step, target = np.nonzero(changed)
    return HeldCurrents(step * network.task_dt, reached[target], values[step, target])


def gather(
    inputs: tuple[Input, ...], held: bool, start: int, stop: int, dt: float, n: int
) -> tuple[Array, Array, Array]:
    """Bounds by step, neurons and values of all inputs of one kind in steps start..stop - 1."""
    parts = [given.events(start, stop, dt) for given in inputs if given.held is held]
    if not parts:
        return np.zeros(stop - start + 1, np.int64), np.empty(0, np.int32), np.empty(0)
    steps, neurons, values = (np.concatenate(column) for column in zip(*parts, strict=True))
    if len(neurons) and not (neurons.min() >= 0 and neurons.max() < n):
        raise InputError(
            f"an input names neurons {neurons.min()}..{neurons.max()}, outside 0..{n - 1}"
        )
    if len(parts) > 1:
        order = np.argsort(steps, kind="stable")
        steps, neurons, values = steps[order], neurons[order], values[order]
    bounds = np.searchsorted(steps, np.arange(start, stop + 1))
    return bounds, neurons.astype(np.int32), values


def _between(
    times_ms: npt.ArrayLike, neurons: npt.ArrayLike, values: npt.ArrayLike,
    start: int, stop: int, dt: float,
) -> Events:  # fmt: skip
    times, targets = np.asarray(times_ms, np.float64), np.asarray(neurons)
    if times.shape != targets.shape:
        raise InputError(f"{times.size} times for {targets.size} neurons: one for each is needed")
    # A time on the grid must not fall before it by rounding.
    steps = np.floor(times / dt + 1e-6).astype(np.int64)
    inside = np.flatnonzero((steps >= start) & (steps < stop))
    inside = inside[np.argsort(steps[inside], kind="stable")]
    return steps[inside], targets[inside], np.broadcast_to(values, times.shape)[inside]
