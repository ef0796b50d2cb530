"""What the engine takes of its stimuli: checks before a run, and the events of each window."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data import validate
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.simulation.inputs import (
    Events,
    HeldCurrents,
    Input,
    PoissonSources,
    SpikeTrains,
    neuron_numbers,
)
from spiking_bimt.simulation.locality import Numbering
from spiking_bimt.simulation.propagators import drive_of

Array = npt.NDArray[Any]


def check_inputs(
    inputs: Sequence[Input], network: SpikingNetwork, numbering: Numbering, n: int,
    dtype: np.dtype[Any],
) -> None:  # fmt: skip
    """Raise InputError for a stimulus that the network cannot take, whenever it would be due.

    network: the neurons of this process as stored; n: of the whole network. dtype: of the state,
    which must be able to hold weights and currents.
    """
    for k, given in enumerate(inputs):
        name = type(given).__name__
        if isinstance(given, type) or not isinstance(given.held, bool):
            raise InputError(f"inputs[{k}] is no stimulus: give an object with `held` and `events`")
        if isinstance(given, SpikeTrains | HeldCurrents | PoissonSources):
            most = int(np.max(given.neurons, initial=-1))
            if most >= n:
                raise InputError(f"an input names neuron {most}, outside 0..{n - 1} ({name})")
        if isinstance(given, HeldCurrents):
            validate.cast(name, "values", np.asarray(given.values), dtype)
            places = numbering.places(np.asarray(given.neurons))
            values = np.broadcast_to(given.values, places.shape)[places >= 0]
            drives = drive_of(network, values, places[places >= 0])
            validate.cast(name, "values", drives, dtype)
        elif isinstance(given, SpikeTrains):
            validate.cast(name, "weights", np.asarray(given.weights), dtype)
        elif isinstance(given, PoissonSources):
            validate.cast(name, "weight", np.asarray(given.weight), dtype)
        given.events(0, 0, network.dt)  # refuses a step that the stimulus does not go with


class Stimuli:
    """The stimuli of a run, as the parts of its neurons take them."""

    def __init__(
        self, inputs: Sequence[Input], network: SpikingNetwork, numbering: Numbering, n: int,
        dtype: np.dtype[Any],
    ) -> None:  # fmt: skip
        """network: the neurons of this process as stored; n: of the whole network."""
        self._inputs, self._network, self._numbering = tuple(inputs), network, numbering
        self._n, self._dtype = n, dtype

    def due(self, held: bool, start: int, steps: int) -> tuple[Array, Array, Array]:
        """Of the inputs of a kind: bounds by step, neurons as stored, and charges or drives."""
        network = self._network
        if not any(given.held is held for given in self._inputs):
            return np.zeros(steps + 1, np.int64), np.empty(0, np.int32), np.empty(0, self._dtype)
        bounds, neurons, values = gather(
            self._inputs, held, start, start + steps, network.dt, self._n
        )
        places = self._numbering.places(neurons)
        if len(places) and places.min() < 0:
            here = places >= 0
            bounds = np.append(0, np.cumsum(here))[bounds]
            places, values = places[here], values[here]
        values = drive_of(network, values, places) if held else values
        return bounds, places, values.astype(self._dtype)


def gather(
    inputs: tuple[Input, ...], held: bool, start: int, stop: int, dt: float, n: int
) -> tuple[Array, Array, Array]:
    """Bounds by step, neurons and values of all inputs of one kind in steps start..stop - 1."""
    own = [given for given in inputs if given.held is held]
    if not own:
        return np.zeros(stop - start + 1, np.int64), np.empty(0, np.int32), np.empty(0)
    if len(own) == 1:
        steps, neurons, values = _events(own[0], start, stop, dt, n)
    else:
        parts = [_timed(given, start, stop, dt, n) for given in own]
        steps, neurons, values, times = (np.concatenate(c) for c in zip(*parts, strict=True))
        order = np.lexsort((times, steps))
        steps, neurons, values = steps[order], neurons[order], values[order]
    bounds = np.searchsorted(steps, np.arange(start, stop + 1))
    return bounds, neurons.astype(np.int32, copy=False), values


def _timed(
    given: Input, start: int, stop: int, dt: float, n: int
) -> tuple[Array, Array, Array, Array]:
    """What `events` gives, and the times by which events of one step have an order, ms."""
    if isinstance(given, HeldCurrents):
        events, times = given.timed(start, stop, dt)
        return *events, times.astype(np.float64)
    found = _events(given, start, stop, dt, n)
    return *found, found[0] * dt


def _events(given: Input, start: int, stop: int, dt: float, n: int) -> Events:
    """What `events` gives; checked where the stimulus is the user's own."""
    found = given.events(start, stop, dt)
    if isinstance(given, SpikeTrains | PoissonSources | HeldCurrents):
        return found
    return _checked_events(type(given).__name__, found, start, stop, n)


def _checked_events(owner: str, events: Events, start: int, stop: int, n: int) -> Events:
    """The events of a stimulus of the user's own, or InputError."""
    steps = validate.array(owner, "steps", events[0], (None,), np.int64)
    neurons = neuron_numbers(owner, "neurons", events[1])
    values = validate.array(owner, "values", events[2], (len(steps),), np.float64)
    if len(neurons) != len(steps):
        raise InputError(f"{owner} gives {len(steps)} steps and {len(neurons)} neurons")
    if len(steps) and not (start <= steps[0] and steps[-1] < stop and (np.diff(steps) >= 0).all()):
        raise InputError(f"{owner} gives steps that do not rise within {start}..{stop - 1}")
    if len(neurons) and neurons.max() >= n:
        raise InputError(f"an input names neuron {neurons.max()}, outside 0..{n - 1} ({owner})")
    return steps, neurons, values
