"""What drives a network from outside: spike trains, held currents, Poisson sources."""

from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import scipy.sparse

from spiking_bimt.data import validate
from spiking_bimt.data.arguments import check_fields, checked
from spiking_bimt.data.documented import documented
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.kernels import sim_sampling

Array = npt.NDArray[Any]
Events = tuple[Array, Array, Array]  # steps (ascending), neurons, values

_SHORTEST = 256
"""Least steps of a block of Poisson spikes that is drawn at once."""
_LONGEST = 65536
"""Most steps of such a block."""
_MOST_A_STEP = 1000
"""Most spikes of a Poisson source in a step, on average: their times are drawn one by one."""
_OFF_GRID = 1e-6
"""Share of a step by which a time on the grid may lie before it, by rounding of a division."""


@runtime_checkable
class Input(Protocol):
    """Something that acts on neurons at certain steps."""

    held: bool
    """Whether values are currents that hold until the next one, or charges of spikes."""

    def events(self, start: int, stop: int, dt: float) -> Events:
        """What happens in steps start..stop - 1 of dt ms, by step."""
        ...


@documented
@dataclass(frozen=True, eq=False)
class SpikeTrains(validate.Record):
    """Spikes from outside: each adds its weight to its neuron as a synapse does.

    One at time t arrives at the end of step floor(t / dt). A time that its type cannot tell from a
    grid point lies on it: 0.3 in float32 is in step 3 of 0.1 ms.
    """

    times_ms: npt.ArrayLike
    """(n,) times since the start of the run, ms, in any order."""
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
        steps, chosen = _between(self, start, stop, dt)
        return steps, *_at(chosen, self.neurons, self.weights, len(np.asarray(self.times_ms)))


@documented
@dataclass(frozen=True, eq=False)
class HeldCurrents(validate.Record):
    """Currents into neurons, each held from its time until the neuron's next one.

    A current acts from the start of step floor(t / dt) on, in v per ms, beside the bias (of times
    by grid points see `SpikeTrains`). Currents into one neuron do not add up, be they of one input
    or of several: the one of the latest time holds, and of equal times the one listed last.
    """

    times_ms: npt.ArrayLike
    """(n,) times since the start of the run, ms, in any order."""
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
        return self.timed(start, stop, dt)[0]

    def timed(self, start: int, stop: int, dt: float) -> tuple[Events, Array]:
        """What `events` gives, and the time of each event, ms; within a step by time."""
        steps, chosen = _between(self, start, stop, dt)
        times = np.asarray(self.times_ms)
        return (steps, *_at(chosen, self.neurons, self.values, len(times))), times[chosen]


@documented
@dataclass(frozen=True, eq=False)
class PoissonSources(validate.Record):
    """An independent Poisson spike train into each of some neurons.

    The spikes depend on `seed`, the rates, dt, the place in `neurons` and the time alone: they are
    the same for any network and number of threads, and wherever a run is cut. Rates are copied:
    an array that is changed later changes nothing.
    """

    neurons: npt.ArrayLike
    """(n,) neurons, one for each source."""
    rate_hz: npt.ArrayLike
    """Mean rate of the sources, Hz: one number, or (n,)."""
    weight: float
    """Total change of v by one spike."""
    seed: int = 0
    """Seed of the spikes."""
    held = False
    _block: dict[tuple[float, int], tuple[Array, Array]] = field(
        init=False, default_factory=dict, repr=False, compare=False
    )
    """The block drawn last, by dt and number."""

    def __post_init__(self) -> None:
        check_fields(self)
        neurons = neuron_numbers("PoissonSources", "neurons", self.neurons)
        rates = _one_or_each("PoissonSources", "rate_hz", self.rate_hz, len(neurons))
        _one_or_each("PoissonSources", "weight", self.weight, 1)
        object.__setattr__(self, "neurons", neurons)
        object.__setattr__(self, "rate_hz", rates)
        if (rates < 0).any():
            raise InputError(f"PoissonSources.rate_hz is {rates.min()}: it must not be negative")
        validate.seed(self.seed, "PoissonSources.seed")

    def events(self, start: int, stop: int, dt: float) -> Events:
        """See `Input`."""
        targets = np.asarray(self.neurons)
        rates = np.broadcast_to(np.asarray(self.rate_hz) * dt / 1000, targets.shape)
        per_step = validate.read_only(np.ascontiguousarray(rates))
        most = float(per_step.max(initial=0.0))
        if most > _MOST_A_STEP:
            raise InputError(
                f"PoissonSources.rate_hz is {1000 * most / dt:g}: at most {_MOST_A_STEP} spikes "
                f"per step, {1000 * _MOST_A_STEP / dt:g} Hz, are drawn; give more sources or more "
                "weight"
            )
        wanted = 1.0 / max(most, 1.0 / _LONGEST)
        length = int(2 ** np.floor(np.log2(min(max(wanted, _SHORTEST), _LONGEST))))
        steps: list[Array] = [np.empty(0, np.int64)]
        sources: list[Array] = [np.empty(0, np.int64)]
        for block in range(start // length, -(-stop // length)):
            drawn = self._block.get((dt, block))
            if drawn is None:
                drawn = sim_sampling.poisson_block(self.seed, block, length, per_step)
                self._block.clear()
                self._block[dt, block] = drawn
            bounds, chosen = drawn
            low, high = max(start - block * length, 0), min(stop - block * length, length)
            inside = np.arange(block * length + low, block * length + high)
            steps.append(np.repeat(inside, np.diff(bounds[low : high + 1])))
            sources.append(targets[chosen[bounds[low] : bounds[high]]])
        when = np.concatenate(steps)
        return when, np.concatenate(sources), np.full(len(when), self.weight)


@dataclass(frozen=True, eq=False)
class ThroughSynapses(validate.Record):
    """Spikes of sources outside the network, each of which reaches neurons by its own synapses."""

    source: SpikeTrains | PoissonSources
    """The spikes of the sources, whose numbers stand for neurons; a weight multiplies synapses."""
    indptr: npt.ArrayLike
    """(M + 1,) start of each source's row in `indices`."""
    indices: npt.ArrayLike
    """(nnz,) neurons."""
    weights: npt.ArrayLike
    """(nnz,) total change of the neuron's v by one spike of weight 1."""
    held = False

    def __post_init__(self) -> None:
        check_fields(self)
        owner, indices = (
            type(self).__name__,
            neuron_numbers("ThroughSynapses", "indices", self.indices),
        )
        indptr = validate.array(owner, "indptr", self.indptr, (None,), np.int64)
        weights = validate.array(owner, "weights", self.weights, indices.shape, np.float64)
        validate.csr(owner, indptr, indices, np.iinfo(np.int32).max)
        most = int(np.max(self.source.neurons, initial=-1))
        if most >= len(indptr) - 1:
            raise InputError(f"{owner}.source names source {most}, outside 0..{len(indptr) - 2}")
        for key, value in (("indptr", indptr), ("indices", indices), ("weights", weights)):
            object.__setattr__(self, key, value)

    def events(self, start: int, stop: int, dt: float) -> Events:
        """See `Input`."""
        steps, sources, factors = self.source.events(start, stop, dt)
        indptr = np.asarray(self.indptr)
        first, fan_out = indptr[sources], np.diff(indptr)[sources]
        before = np.cumsum(fan_out) - fan_out
        at = np.arange(fan_out.sum()) + np.repeat(first - before, fan_out)
        values = np.asarray(self.weights)[at] * np.repeat(factors, fan_out)
        return np.repeat(steps, fan_out), np.asarray(self.indices)[at], values


@checked
def channel_currents(
    network: SpikingNetwork, levels: npt.ArrayLike, row_ms: float | None = None
) -> HeldCurrents:
    """The network's input channels held at levels (T, C), one row every row_ms, or task_dt, ms."""
    rows = np.asarray(levels, np.float64)
    if rows.ndim != 2 or rows.shape[1] != network.n_inputs:
        raise InputError(
            f"levels has shape {rows.shape}, expected (task steps, {network.n_inputs})"
        )
    reached = np.unique(network.in_indices)
    place = np.searchsorted(reached, network.in_indices)
    synapses = scipy.sparse.csr_array(
        (network.in_weights.astype(float), place, network.in_indptr), (rows.shape[1], len(reached))
    )
    return held_rows(rows @ synapses, network.task_dt if row_ms is None else row_ms, reached)


def held_rows(rows: Array, row_ms: float, neurons: Array) -> HeldCurrents:
    """Currents (T, M) into M neurons, each row held for row_ms."""
    changed = np.ones(rows.shape, bool)
    changed[1:] = rows[1:] != rows[:-1]
    row, column = np.nonzero(changed)
    return HeldCurrents(row * row_ms, neurons[column], rows[row, column])


def neuron_numbers(owner: str, name: str, neurons: npt.ArrayLike) -> Array:
    """(n,) neurons by number, from 0; a mask of truth values is refused."""
    given = np.asarray(neurons)
    if given.dtype == bool:
        raise InputError(f"{owner}.{name} is a mask of truth values: give numbers (np.flatnonzero)")
    found = validate.array(owner, name, given, (None,), np.int64)
    if len(found) and found.min() < 0:
        raise InputError(f"{owner}.{name} holds {found.min()}: it must not be negative")
    return found


def _one_or_each(owner: str, name: str, value: npt.ArrayLike, n: int) -> Array:
    """A finite number, or (n,) of them."""
    shape = () if np.ndim(value) == 0 else (n,)
    return validate.array(owner, name, value, shape, np.float64)


def _keep_events(record: SpikeTrains | HeldCurrents, name: str) -> None:
    """Check events that have a time and a neuron each, and keep them as arrays.

    Times stay in their own type, which says how exact they are.
    """
    owner = type(record).__name__
    neurons = neuron_numbers(owner, "neurons", record.neurons)
    if np.shape(record.times_ms) != neurons.shape:
        raise InputError(
            f"{owner}.times_ms has shape {np.shape(record.times_ms)}, neurons {neurons.shape}: "
            "an event needs one of each"
        )
    given = np.asarray(record.times_ms).dtype
    kept = given if given in (np.float16, np.float32) else np.float64
    times = validate.array(owner, "times_ms", record.times_ms, (len(neurons),), kept)
    if (times < 0).any():
        raise InputError(f"{owner}.times_ms holds {times.min()}: it must not be negative")
    values = _one_or_each(owner, name, getattr(record, name), len(neurons))
    for key, value in (("times_ms", times), ("neurons", neurons), (name, values)):
        object.__setattr__(record, key, value)


def _between(
    record: SpikeTrains | HeldCurrents, start: int, stop: int, dt: float
) -> tuple[Array, Array]:
    """Steps and places of a record's events in steps start..stop - 1, by time."""
    times = np.asarray(record.times_ms)
    exact = times.astype(np.float64) / dt
    blur = float(np.finfo(times.dtype).eps)
    if blur * exact.max(initial=0.0) >= 0.5:
        raise InputError(
            f"{type(record).__name__}.times_ms are {times.dtype}, which cannot tell steps of {dt} "
            f"ms apart at {times.max():g} ms"
            + (": give them as float64" if times.dtype != np.float64 else "")
        )
    steps = np.floor(exact + blur * exact + _OFF_GRID).astype(np.int64)
    inside = np.flatnonzero((steps >= start) & (steps < stop))
    inside = inside[np.argsort(times[inside], kind="stable")]
    return steps[inside], inside


def _at(
    chosen: Array, neurons: npt.ArrayLike, values: npt.ArrayLike, n: int
) -> tuple[Array, Array]:
    """Neurons and values of the events chosen out of n."""
    return np.asarray(neurons)[chosen], np.broadcast_to(values, n)[chosen]
