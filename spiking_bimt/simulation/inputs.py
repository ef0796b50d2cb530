"""What drives a network from outside: spike trains, held currents, Poisson sources."""

from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from spiking_bimt.data import validate
from spiking_bimt.data.arguments import check_fields, checked
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.kernels import sim_sampling

Array = npt.NDArray[Any]
Events = tuple[Array, Array, Array]  # steps (ascending), neurons, values

_SHORTEST = 256
"""Least steps of a block of Poisson spikes that is drawn at once."""
_LONGEST = 65536
"""Most steps of such a block."""


@runtime_checkable
class Input(Protocol):
    """Something that acts on neurons at certain steps."""

    held: bool
    """Whether values are currents that hold until the next one, or charges of spikes."""

    def events(self, start: int, stop: int, dt: float) -> Events:
        """What happens in steps start..stop - 1 of dt ms, by step."""
        ...


@dataclass(frozen=True, eq=False)
class SpikeTrains(validate.Record):
    """Spikes from outside: each adds its weight to its neuron as a synapse does.

    One at time t arrives at the end of step floor(t / dt).
    """

    times_ms: npt.ArrayLike
    """(n,) times since the start of the run, ms."""
    neurons: npt.ArrayLike
    """(n,) neuron of each spike."""
    weights: npt.ArrayLike = 1.0
    """One number, or (n,): total change of v by the spike."""
    held = False

    def __post_init__(self) -> None:
        check_fields(self)
        _keep_events(self, "weights")

    def events(self, start: int, stop: int, dt: float) -> Events:
        """See `Input`."""
        return _between(self.times_ms, self.neurons, self.weights, start, stop, dt)


@dataclass(frozen=True, eq=False)
class HeldCurrents(validate.Record):
    """Currents into neurons, each held from its time until the neuron's next one.

    A current acts from the start of step floor(t / dt) on, in v per ms, beside the bias. Several
    inputs of this kind on one neuron do not add up: the later one holds.
    """

    times_ms: npt.ArrayLike
    """(n,) times since the start of the run, ms."""
    neurons: npt.ArrayLike
    """(n,) neuron of each current."""
    values: npt.ArrayLike
    """One number, or (n,): current, v per ms."""
    held = True

    def __post_init__(self) -> None:
        check_fields(self)
        _keep_events(self, "values")

    def events(self, start: int, stop: int, dt: float) -> Events:
        """See `Input`."""
        return _between(self.times_ms, self.neurons, self.values, start, stop, dt)


@dataclass(frozen=True, eq=False)
class PoissonSources(validate.Record):
    """An independent Poisson spike train into each of some neurons.

    The spikes depend on `seed`, the place in `neurons` and the time alone: they are the same for
    any number of threads, and wherever a run is cut.
    """

    neurons: npt.ArrayLike
    """(n,) neurons, one for each source."""
    rate_hz: npt.ArrayLike
    """Mean rate of the sources, Hz: one number, or (n,)."""
    weight: float
    """Total change of v by one spike."""
    seed: int = 0
    held = False
    _block: dict[int, tuple[Array, Array]] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_fields(self)
        neurons = _neurons("PoissonSources", self.neurons)
        rates = _one_or_each("PoissonSources", "rate_hz", self.rate_hz, len(neurons))
        _one_or_each("PoissonSources", "weight", self.weight, 1)
        object.__setattr__(self, "neurons", neurons)
        object.__setattr__(self, "rate_hz", rates)
        if (rates < 0).any():
            raise InputError(f"PoissonSources.rate_hz is {rates.min()}: it must not be negative")
        if self.seed < 0:
            raise InputError(f"PoissonSources.seed is {self.seed}: it must not be negative")

    def events(self, start: int, stop: int, dt: float) -> Events:
        """See `Input`."""
        targets = np.asarray(self.neurons)
        per_step = np.broadcast_to(np.asarray(self.rate_hz) * dt / 1000, targets.shape)
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


@checked
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


def refuse_outside(inputs: tuple[Input, ...], n: int) -> None:
    """Raise InputError where one of this module's stimuli names a neuron that is not there."""
    for given in inputs:
        if isinstance(given, SpikeTrains | HeldCurrents | PoissonSources):
            most = int(np.max(given.neurons, initial=-1))
            if most >= n:
                raise InputError(
                    f"an input names neuron {most}, outside 0..{n - 1} ({type(given).__name__})"
                )


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


def _neurons(owner: str, neurons: npt.ArrayLike) -> Array:
    found = validate.array(owner, "neurons", neurons, (None,), np.int64)
    if len(found) and found.min() < 0:
        raise InputError(f"{owner}.neurons holds {found.min()}: it must not be negative")
    return found


def _one_or_each(owner: str, name: str, value: npt.ArrayLike, n: int) -> Array:
    """A finite number, or (n,) of them."""
    shape = () if np.ndim(value) == 0 else (n,)
    return validate.array(owner, name, value, shape, np.float64)


def _keep_events(record: SpikeTrains | HeldCurrents, name: str) -> None:
    """Check events that have a time and a neuron each, and keep them as arrays."""
    owner = type(record).__name__
    neurons = _neurons(owner, record.neurons)
    times = validate.array(owner, "times_ms", record.times_ms, (len(neurons),), np.float64)
    if (times < 0).any():
        raise InputError(f"{owner}.times_ms holds {times.min()}: it must not be negative")
    values = _one_or_each(owner, name, getattr(record, name), len(neurons))
    for key, value in (("times_ms", times), ("neurons", neurons), (name, values)):
        object.__setattr__(record, key, value)


def _between(
    times_ms: npt.ArrayLike, neurons: npt.ArrayLike, values: npt.ArrayLike,
    start: int, stop: int, dt: float,
) -> Events:  # fmt: skip
    times, targets = np.asarray(times_ms), np.asarray(neurons)
    # A time on the grid must not fall before it by rounding.
    steps = np.floor(times / dt + 1e-6).astype(np.int64)
    inside = np.flatnonzero((steps >= start) & (steps < stop))
    inside = inside[np.argsort(steps[inside], kind="stable")]
    return steps[inside], targets[inside], np.broadcast_to(values, times.shape)[inside]
