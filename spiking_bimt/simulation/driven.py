"""What drives a network: trials of its tasks, a stimulus, its own activity, or random currents."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spiking_bimt.battery.drive import trials_of
from spiking_bimt.battery.probe import ROW_MS, ROWS
from spiking_bimt.data import validate
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.spikes import Recording
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import InputError
from spiking_bimt.simulation.engine import simulate_network
from spiking_bimt.simulation.inputs import (
    Input,
    PoissonSources,
    SpikeTrains,
    ThroughSynapses,
)
from spiking_bimt.simulation.ranks.world import size_of
from spiking_bimt.simulation.run import simulate_trials

Floats = npt.NDArray[np.float64]

RUN_MS = 1000.0
"""Length of a run that nothing else gives, ms."""
PROBE_TRIALS = 10
"""Trials of random currents, where no length is given."""
OWN_HZ = 0.1
"""Mean rate in the second half of `RUN_MS` from which a network fires by itself, Hz: what the
potentials of the start gave has died out by then."""
FAST_HZ = 500.0
"""Rate above which a neuron is told, Hz: no neuron of a brain or trained network fires so."""
_CALIBRATION = 2**31
"""Added to the seed of a run that a placement is made for, so that it is not the one reported."""


@dataclass(frozen=True)
class Stimulus:
    """Input that the user gives in the place of trials."""

    key: str
    """"spikes", "currents" or "poisson"."""
    describe: Callable[[SpikingNetwork], str]
    """What it is for a network, in words."""
    length_ms: float
    make: Callable[[SpikingNetwork, int], Input]
    """Gives the input of a network, for a seed; InputError where it does not go with it."""


@dataclass(frozen=True, eq=False)
class Driven:
    """A network's activity, and what drove it."""

    recording: Recording
    trials: Trials | None
    """The trials of its tasks; None where it was driven otherwise."""
    key: str
    """"tasks", "own", "probe", or a stimulus's."""
    text: str
    """What drove it, in words."""
    network: SpikingNetwork | None = None
    """The network as it was run, where it can be run again."""
    inputs: tuple[Input, ...] = ()
    """Its stimuli in the engine."""
    levels: Trials | None = None
    """Trials of its tasks, or of random currents."""
    seed: int = 0

    @property
    def units(self) -> dict[str, float]:
        """Units that costs are told in, and how many of each were simulated."""
        trials = {} if self.trials is None else {"trial": float(self.trials.n_trials)}
        return {"second": self.seconds, **trials}

    @property
    def seconds(self) -> float:
        """Simulated time, s."""
        return self.recording.duration_ms / 1000

    def described(self) -> dict[str, Any]:
        """The drive, its length and the rates that it gave, as JSON values."""
        told = {"kind": self.key, "text": self.text, "seconds": self.seconds}
        return told | rate_summary(self.recording.rates_hz)


def rate_summary(rates_hz: Floats) -> dict[str, Any]:
    """How neurons fire, as JSON values: the mean rate, and how many are silent or very fast."""
    return {
        "mean_rate_hz": float(rates_hz.mean()),
        "neurons": len(rates_hz),
        "silent": int((rates_hz == 0).sum()),
        "above_500_hz": int((rates_hz > FAST_HZ).sum()),
    }


def drive(
    network: SpikingNetwork,
    stimulus: Stimulus | None = None,
    *,
    trials: int | None = None,
    ms: float | None = None,
    stream: str = "test",
    seed: int = 0,
    threads: int | None = None,
    comm: Any = None,
    ranks: npt.ArrayLike | None = None,
) -> Driven:
    """Run a network under a stimulus, on trials of its tasks, or as a network without them is run.

    That is by itself for `RUN_MS` where it fires so, and else under random currents
    (`battery.probe`). trials: a task, 10 by default. ms: length of a run without trials. stream:
    "test", or "calibrate" for other trials, potentials and random input. seed: of the potentials
    at the start and of random input. comm, ranks: as in `Simulation`. Raises InputError for
    settings that have no effect, and for trials on several ranks.
    """
    how = _How(threads or 1, comm, ranks)
    start = seed + (_CALIBRATION if stream == "calibrate" else 0)
    if stimulus is not None:
        if trials is not None:
            raise InputError("trials are of tasks: leave them out where a stimulus is given")
        inputs = (stimulus.make(network, start),)
        recording = _run(network, inputs, stimulus.length_ms, start, how)
        text = stimulus.describe(network)
        return Driven(recording, None, stimulus.key, text, network, inputs, seed=start)
    if network.tasks:
        if ms is not None:
            raise InputError("ms is the length of a run without trials: give `trials`")
        how.refuse_trials()
        many = PROBE_TRIALS if trials is None else trials
        drawn = trials_of(network, many, stream)[1]
        recording = simulate_trials(network, drawn, seed=seed, threads=threads)
        text = f"{many} test trials of each of {len(network.tasks)} tasks"
        return Driven(recording, drawn, "tasks", text, network, levels=drawn, seed=seed)
    if trials is not None:
        raise InputError("the network has no tasks to draw trials of: give its length as `ms`")
    own = _own_activity(network, ms, start, how)
    if own is not None:
        return own
    how.refuse_trials()
    return _probed(network, ms, stream, seed, threads)


class _How(NamedTuple):
    """The threads or ranks that a network runs on."""

    threads: int
    comm: Any
    ranks: npt.ArrayLike | None

    def refuse_trials(self) -> None:
        """InputError where there are several ranks."""
        if size_of(self.comm) > 1:
            raise InputError(
                "trials run on the threads of one process: start it without mpiexec, or give a "
                "stimulus, such as `poisson_hz=20`"
            )

    def first_says(self, value: int) -> int:
        """The value of rank 0, which alone has all spikes."""
        return value if self.comm is None else int(self.comm.bcast(value, 0))


def _own_activity(network: SpikingNetwork, ms: float | None, seed: int, how: _How) -> Driven | None:
    """The network without input, where it fires by itself."""
    if network.in_use("poisson").any():  # the engine has none
        return None
    recording = _run(network, (), RUN_MS, seed, how)
    later = how.first_says(int((recording.steps >= recording.n_steps // 2).sum()))
    if later < OWN_HZ * network.n_neurons * RUN_MS / 2000:
        return None
    if ms is not None:
        recording = _run(network, (), ms, seed, how)
    text = "its own activity, without input"
    return Driven(recording, None, "own", text, network, seed=seed)


def _probed(
    network: SpikingNetwork, ms: float | None, stream: str, seed: int, threads: int | None
) -> Driven:
    """The network under random currents."""
    piece = ROW_MS * ROWS
    many = PROBE_TRIALS if ms is None else int(np.ceil(ms / piece))
    driven, trials = trials_of(network, many, stream)
    recording = simulate_trials(driven, trials, seed=seed, threads=threads)
    text = f"random currents, {many} times {piece:g} ms, because it does not fire by itself"
    return Driven(recording, None, "probe", text, driven, levels=trials, seed=seed)


def _run(
    network: SpikingNetwork, inputs: tuple[Input, ...], ms: float, seed: int, how: _How
) -> Recording:
    """A run of at least ms, in whole steps."""
    validate.positive("drive", "ms", ms)
    length = max(int(np.ceil(ms / network.dt - 1e-6)), 1) * network.dt
    return simulate_network(network, length, inputs=inputs, seed=seed, **how._asdict())


def poisson(rate_hz: float, *, weight: float | None = None, ms: float | None = None) -> Stimulus:
    """Poisson input: a source for each input channel, or for each neuron where there are none.

    rate_hz: of each source. weight: see `into`.
    """

    def make(network: SpikingNetwork, seed: int) -> Input:
        channels = network.n_inputs > 0
        sources = np.arange(network.n_inputs if channels else network.n_neurons)
        return into(network, channels, PoissonSources(sources, rate_hz, 1.0, seed), weight)

    PoissonSources([0], rate_hz, 1.0 if weight is None else weight)  # refuses what cannot be
    return Stimulus(
        "poisson",
        lambda network: (
            f"Poisson input of {rate_hz:g} Hz into each "
            f"{'input channel' if network.n_inputs else 'neuron'}"
        ),
        RUN_MS if ms is None else ms,
        make,
    )


def into(
    network: SpikingNetwork, channels: bool, source: SpikeTrains | PoissonSources,
    weight: float | None,
) -> ThroughSynapses:  # fmt: skip
    """Spikes into the input channels, or the neurons, of a network.

    One into a channel is the channel held at `weight` (1 by default) for a step, of which the
    neurons get the charge through their synapses. One into a neuron changes its v by `weight` in
    total, by default by the distance from its reset to its threshold.
    """
    n = network.n_neurons
    factor = 1.0 if weight is None else weight
    if channels:
        synapses = network.in_indptr, network.in_indices, factor * network.dt * network.in_weights
    else:
        span = network.v_th.astype(float) - network.v_reset
        synapses = np.arange(n + 1), np.arange(n), span if weight is None else np.full(n, weight)
    return ThroughSynapses(source, *synapses)
