"""Golden trials in a tile file: made at export, played back by verify, or by a chip."""

import numpy as np

from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.selftest import SelfTest
from spiking_bimt.data.spikes import Recording
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import InputError
from spiking_bimt.simulation.run import simulate_trials
from spiking_bimt.simulation.start import starts


def make_selftest(network: SpikingNetwork, trials: Trials) -> SelfTest:
    """The network's spikes and outputs on the trials.

    Raises InputError where the trials drive channels that the network lacks.
    """
    if trials.n_inputs != network.n_inputs:
        raise InputError("a self-test needs the network's own tasks: this network has none")
    recording = simulate_trials(network, trials)
    return SelfTest(
        inputs=trials.inputs,
        offsets=trials.offsets,
        v_start=starts(network, 0, slice(0, trials.n_trials), np.dtype(np.float32)),
        spike_offsets=recording.offsets,
        steps=recording.steps,
        neurons=recording.neurons,
        outputs=recording.outputs,
    )


def replay(network: SpikingNetwork, test: SelfTest) -> tuple[Recording, Recording, Trials]:
    """What the network does on the self-test's trials, what it should do, and the trials.

    Raises InputError where the trials do not start as this package's simulator starts them.
    """
    n = len(test.offsets) - 1
    if not np.array_equal(test.v_start, starts(network, 0, slice(0, n), np.dtype(np.float32))):
        raise InputError("the self-test starts from other potentials than this simulator draws")
    trials = trials_of_test(test, network.task_dt)
    of_trial = np.repeat(np.arange(n), np.diff(test.spike_offsets))
    counts = np.zeros((n, network.n_neurons), np.int32)
    np.add.at(counts, (of_trial, test.neurons), 1)
    golden = Recording(
        test.outputs, counts, test.spike_offsets, test.steps, test.neurons,
        trials.lengths * network.steps_per_task_step, network.dt, network.n_neurons,
    )  # fmt: skip
    return simulate_trials(network, trials), golden, trials


def trials_of_test(test: SelfTest, task_dt: float) -> Trials:
    """The trials of a self-test; task_dt: their step, ms."""
    n = len(test.offsets) - 1
    return Trials(
        inputs=test.inputs,
        labels=np.zeros(len(test.inputs), np.int32),
        offsets=test.offsets,
        decision=np.zeros(n, np.int32),
        task=np.zeros(n, np.int32),
        tasks=("self-test",),
        dt=task_dt,
    )
