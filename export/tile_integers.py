"""A network in its chip's own integers within a tile file, with what the chip should answer."""

import dataclasses
import json
from typing import Any

import h5py
import numpy as np

from spiking_bimt.chip.computes import cannot_compute
from spiking_bimt.chip.integers import to_integers
from spiking_bimt.chip.on_chip import source_events
from spiking_bimt.chip.tiling import rebuild
from spiking_bimt.data import store
from spiking_bimt.data.chip_network import ChipNetwork
from spiking_bimt.data.placed import TileFile
from spiking_bimt.data.selftest import ChipTest, SelfTest
from spiking_bimt.data.spikes import Recording
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import CheckError, InputError
from spiking_bimt.formats import tile_layout
from spiking_bimt.simulation.chip_trials import simulate_integers
from spiking_bimt.simulation.golden import trials_of_test

GROUP = "integers"
_ELSEWHERE = ("w_out", "b_out", "tau_out", "dt", "task_dt", "lost", "neuron")
"""Fields of a `ChipNetwork` that stand elsewhere in the file, or in words."""


def integers_of(content: TileFile) -> ChipNetwork:
    """The network of tiles in its chip's integers; InputError where the chip has none for it."""
    network = rebuild(content)
    reasons = cannot_compute(network, content.chip, content.placement)
    if reasons:
        raise InputError(f"{content.chip.name} cannot compute it: {'; '.join(reasons)}")
    return to_integers(network, content.chip, content.placement)


def make_chip_test(content: TileFile, made: ChipNetwork, trials: Trials) -> ChipTest:
    """What the chip gets and answers on trials."""
    n = trials.n_trials
    found: dict[str, Any] = {"event_steps": [], "event_channels": []}
    events, counts = None, np.zeros(n, int)
    if made.neuron.input == "spikes":
        events = source_events(rebuild(content), made, trials)
        step, channel = np.nonzero(events)
        times = events[step, channel]
        step, channel = np.repeat(step, times), np.repeat(channel, times)
        bounds = trials.offsets * round(made.task_dt / made.dt)
        trial = np.searchsorted(bounds, step, side="right") - 1
        counts[:] = np.bincount(trial, minlength=n)
        found = {"event_steps": step - bounds[trial], "event_channels": channel}
    spikes = simulate_integers(made, trials, events)
    return ChipTest(
        event_offsets=np.append(0, np.cumsum(counts)),
        **{name: np.array(value, np.int32) for name, value in found.items()},
        spike_offsets=spikes.offsets, spike_steps=spikes.steps,
        spike_neurons=made.neurons[spikes.neurons],
    )  # fmt: skip


def write_integers(file: h5py.File, made: ChipNetwork, test: ChipTest | None) -> None:
    """The group `integers` of a tile file."""
    group = tile_layout.encode(file, GROUP, tile_layout.ELEMENTS[GROUP].encoding)
    for name, value in _fields(made).items():
        if isinstance(value, np.ndarray):
            store.write_array(group, name, value)
        elif isinstance(value, str):
            store.write_text(group, name, value)
        else:
            group.attrs[name] = value
    if test is not None:
        store.write_fields(group, test)


def read_integers(file: h5py.File, content: TileFile) -> tuple[ChipNetwork, ChipTest | None] | None:
    """The integers of an open tile file and their golden trials; None where it has none.

    Raises InputError where they are not what the chip makes of the tiles.
    """
    if GROUP not in file:
        return None
    group, made = file[GROUP], integers_of(content)
    for name, value in _fields(made).items():
        held = store.read_array(group, name) if name in group else group.attrs.get(name)
        held = held.decode() if isinstance(held, bytes) else held
        if held is None or not np.array_equal(held, value):
            raise InputError(f"{GROUP}/{name} is not what {made.chip} makes of the tiles")
    if "spike_steps" not in group:
        return made, None
    test = store.read_fields(group, ChipTest)
    inner = np.isin(test.spike_neurons, made.neurons)
    if not inner.all() or (test.event_channels >= len(made.channels)).any():
        raise InputError(f"{GROUP}: golden spikes are of neurons that the chip does not have")
    return made, test


def play_back(made: ChipNetwork, test: ChipTest | None, golden: SelfTest | None) -> int:
    """Spikes that the stepper gives as the integers' golden trials have them; 0 without trials.

    golden: the self-test whose trials they are. Raises CheckError where one differs, InputError
    where the trials are not those.
    """
    if test is None:
        return 0
    if golden is None or len(test.spike_offsets) != len(golden.offsets):
        raise InputError(f"{GROUP}: golden spikes are not of the trials of /selftest")
    trials = trials_of_test(golden, made.task_dt)
    found = simulate_integers(made, trials, _events(made, test, trials))
    for k in range(trials.n_trials):
        ours, theirs = _own(found, made, k), _golden(test, k)
        if not np.array_equal(ours, theirs):
            shared = min(len(ours), len(theirs))
            parted = np.flatnonzero((ours[:shared] != theirs[:shared]).any(axis=1))
            at = int(parted[0]) if len(parted) else shared
            raise CheckError(f"its integers do not give their golden spikes: trial {k}, spike {at}")
    return len(test.spike_steps)


def _events(made: ChipNetwork, test: ChipTest, trials: Trials) -> Any:
    """(steps, C) spikes of the channels; None where input is held."""
    if made.neuron.input == "held":
        return None
    bounds = trials.offsets * round(made.task_dt / made.dt)
    many = np.diff(test.event_offsets)
    start = np.repeat(bounds[:-1], many)
    if (test.event_steps >= np.repeat(np.diff(bounds), many)).any():
        raise InputError(f"{GROUP}: an event lies after the end of its trial")
    events = np.zeros((bounds[-1], len(made.channels)), np.uint8)
    np.add.at(events, (start + test.event_steps, test.event_channels), 1)
    return events


def _own(found: Recording, made: ChipNetwork, trial: int) -> Any:
    steps, neurons = found.trial(trial)
    return np.stack([steps, made.neurons[neurons]], axis=1)


def _golden(test: ChipTest, trial: int) -> Any:
    own = slice(test.spike_offsets[trial], test.spike_offsets[trial + 1])
    return np.stack([test.spike_steps[own], test.spike_neurons[own]], axis=1)


def _fields(made: ChipNetwork) -> dict[str, Any]:
    """What the group holds of a network, by name."""
    held = {
        field.name: getattr(made, field.name)
        for field in dataclasses.fields(made)
        if field.name not in _ELSEWHERE and getattr(made, field.name) is not None
    }
    rules = json.dumps(dataclasses.asdict(made.neuron), sort_keys=True)
    return held | {"neuron": rules}
