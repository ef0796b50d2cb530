"""NeuroBench's figures: against brute force, and against its own package where it is installed."""

from typing import Any

import numpy as np
import pytest

from spiking_bimt.analysis.neurobench import membrane_updates, neurobench_figures, sizes
from spiking_bimt.battery.probe import probe_trials
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.trials import Trials
from spiking_bimt.simulation.build import from_coo
from spiking_bimt.simulation.driven import Driven, drive
from spiking_bimt.simulation.engine import Simulation
from spiking_bimt.simulation.inputs import channel_currents
from spiking_bimt.simulation.run import simulate_trials
from spiking_bimt.simulation.start import starts
from tests.kernels.networks import random_network

Array = np.ndarray[Any, Any]


def example() -> tuple[SpikingNetwork, Driven]:
    """A network with channels and a readout on three trials of random levels."""
    network = random_network(1, n=14)
    weights = network.weights.copy()
    weights[::5] = 0
    values = {f: getattr(network, f) for f in network.__dataclass_fields__}
    network = SpikingNetwork(**values | {"weights": weights})
    rng = np.random.default_rng(2)
    lengths = np.array([4, 9, 6])
    levels = rng.uniform(0, 1, (lengths.sum(), network.n_inputs))
    levels[rng.random(levels.shape) < 0.3] = 0
    trials = Trials(
        inputs=levels.astype(np.float32), labels=np.zeros(len(levels), np.int32),
        offsets=np.append(0, np.cumsum(lengths)), decision=np.zeros(3, np.int32),
        task=np.zeros(3, np.int32), tasks=("go",), dt=network.task_dt,
    )  # fmt: skip
    recording = simulate_trials(network, trials)
    return network, Driven(recording, trials, "tasks", "", network, levels=trials)


def dense(network: SpikingNetwork) -> tuple[Array, Array]:
    """(N, C) and (N, N) weights, [post, pre]."""
    parts = []
    for indptr, indices, weights in (
        (network.in_indptr, network.in_indices, network.in_weights),
        (network.indptr, network.indices, network.weights),
    ):
        matrix = np.zeros((network.n_neurons, len(indptr) - 1), np.float32)
        for pre in range(len(indptr) - 1):
            own = slice(indptr[pre], indptr[pre + 1])
            matrix[indices[own], pre] = weights[own]
        parts.append(matrix)
    return parts[0], parts[1]


def potentials(network: SpikingNetwork, driven: Driven, trial: int) -> Array:
    """(steps, N) of a trial."""
    assert driven.levels is not None
    rows = slice(*driven.levels.offsets[trial : trial + 2])
    start = starts(network, driven.seed, slice(trial, trial + 1), np.dtype(np.float64))[0]
    run = Simulation(
        network, inputs=[channel_currents(network, driven.levels.inputs[rows])], v_start=start,
        traces=range(network.n_neurons), mode="clock",
    )  # fmt: skip
    return run.advance(int(driven.recording.lengths[trial])).traces


def test_operations_equal_a_count_step_by_step() -> None:
    network, driven = example()
    w_in, w_rec = dense(network)
    n, k = network.n_neurons, len(network.b_out)
    found = neurobench_figures(network, driven)
    recording, trials = driven.recording, driven.trials
    assert trials is not None
    acs = macs = total = updates = 0
    for trial in range(3):
        steps, neurons = recording.trial(trial)
        for step, neuron in zip(steps, neurons, strict=True):
            assert step < recording.lengths[trial]
            acs += np.count_nonzero(w_rec[:, neuron]) + np.count_nonzero(network.w_out[:, neuron])
        for row in trials.inputs[trials.offsets[trial] : trials.offsets[trial + 1]]:
            macs += sum(np.count_nonzero(w_in[:, c]) for c in np.flatnonzero(row))
            total += w_in.size
        total += int(recording.lengths[trial]) * (w_rec.size + k * n)
        v = potentials(network, driven, trial)
        updates += n + np.count_nonzero(np.diff(v, axis=0))
    assert acs > 100
    done = found["synaptic_operations_per_trial"]
    assert done == {
        "dense": pytest.approx(total / 3), "effective_macs": pytest.approx(macs / 3),
        "effective_acs": pytest.approx(acs / 3),
    }  # fmt: skip
    assert found["membrane_updates_per_trial"] == pytest.approx(updates / 3)
    assert found["synaptic_operations_per_second"]["effective_acs"] == pytest.approx(
        acs / driven.seconds
    )
    zeros = sum(int((w == 0).sum()) for w in (w_in, w_rec, network.w_out))
    assert found["connection_sparsity"] == pytest.approx(
        zeros / (w_in.size + w_rec.size + network.w_out.size)
    )


def test_storage_is_counted_in_bytes() -> None:
    network = from_coo([0, 0, 1], [1, 2, 2], [0.5, 0.0, 1.0], 3)
    found = sizes(network)
    # Weights; biases of the neurons. An imported network without a readout has none.
    assert found["parameters"] == {"dense": 9 + 3, "sparse": 2 + 3}
    assert found["footprint_bytes"]["dense"] == 4 * (9 + 3 + 7 * 3)
    assert found["footprint_bytes"]["sparse"] == 2 * 8 + 4 * (3 + 7 * 3) + 8 * (4 + 1 + 1)
    assert found["connection_sparsity"] == pytest.approx(7 / 9)


def test_membrane_updates_of_every_drive_can_be_counted() -> None:
    quiet = from_coo([0], [1], [0.1], 20, dt=0.5)
    assert 0 < (membrane_updates(drive(quiet)) or 0) <= 20
    still = from_coo([], [], [], 4, dt=0.5, tau_mem=np.inf, bias=[0.0, 0.0, 0.0, 0.05])
    own = drive(still)
    assert own.key == "own"
    # Three neurons never change after the first step, at which all are counted.
    assert membrane_updates(own) == pytest.approx((2000 + 3) / 2000)
    assert membrane_updates(Driven(own.recording, None, "own", "")) is None


def test_random_currents_are_no_input_of_the_network() -> None:
    quiet = from_coo([0], [1], [0.1], 20, dt=0.5)
    assert probe_trials(quiet, 1)[0].n_inputs > 0
    done = neurobench_figures(quiet, drive(quiet))["synaptic_operations_per_second"]
    assert done["effective_macs"] == 0
    assert done["dense"] == pytest.approx(20 * 20 * 2000)


def played_back(network: SpikingNetwork, driven: Driven) -> Any:
    """A model of NeuroBench that gives back the recorded spikes through dense layers."""
    import torch
    from neurobench.models import NeuroBenchModel
    from snntorch import SpikingNeuron

    w_in, w_rec = dense(network)
    n, c, k = network.n_neurons, network.n_inputs, len(network.b_out)

    class Cells(SpikingNeuron):  # type: ignore[misc]
        """Gives back the spikes and potentials of a recording."""

        def __init__(self) -> None:
            torch.nn.Module.__init__(self)
            self.init_hidden, self.output = False, True
            for name in ("tau_mem", "tau_syn", "v_th", "v_reset", "v_leak", "v_min", "t_ref"):
                self.register_buffer(name, torch.tensor(getattr(network, name).tolist()))
            self.mem = torch.zeros(1, n)

        def forward(self, spikes: Any, potentials: Any) -> Any:
            self.mem = potentials
            return spikes, potentials

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w_in = torch.nn.Linear(c, n)
            self.w_rec = torch.nn.Linear(n, n, bias=False)
            self.w_out = torch.nn.Linear(n, k)
            self.cells = Cells()
            with torch.no_grad():
                self.w_in.weight[:] = torch.tensor(w_in)
                self.w_rec.weight[:] = torch.tensor(w_rec)
                self.w_out.weight[:] = torch.tensor(network.w_out.tolist())

    class Model(NeuroBenchModel):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.net = Net()
            self.add_activation_module(SpikingNeuron)

        def __net__(self) -> Net:
            return self.net

        def __call__(self, trial: int) -> None:
            assert driven.trials is not None
            net, (steps, neurons) = self.net, driven.recording.trial(trial)
            spikes = torch.zeros(int(driven.recording.lengths[trial]), n)
            spikes[steps.tolist(), neurons.tolist()] = 1
            v = torch.tensor(potentials(network, driven, trial))
            first = int(driven.trials.offsets[trial])
            for step in range(len(spikes)):
                row, within = divmod(step, network.steps_per_task_step)
                if within == 0:
                    level = driven.trials.inputs[first + row].tolist()
                    net.w_in(torch.tensor([level]))
                fired = net.cells(spikes[step : step + 1], v[step : step + 1])[0]
                net.w_rec(fired)
                net.w_out(fired)

    return Model()


def test_the_figures_are_those_of_the_neurobench_package() -> None:
    pytest.importorskip("neurobench")
    import torch
    from neurobench.metrics.static import ConnectionSparsity, Footprint, ParameterCount
    from neurobench.metrics.workload import ActivationSparsity, MembraneUpdates, SynapticOperations

    network, driven = example()
    model, found = played_back(network, driven), neurobench_figures(network, driven)
    assert ParameterCount()(model) == found["parameters"]["dense"]
    assert Footprint()(model) == found["footprint_bytes"]["dense"]
    assert ConnectionSparsity()(model) == round(found["connection_sparsity"], 4)
    model.register_hooks()
    operations, updates, sparsity = SynapticOperations(), MembraneUpdates(), ActivationSparsity()
    zeros = []
    for trial in range(3):
        model(trial)
        data = (torch.zeros(1, 1), None)
        done, changed = operations(model, None, data), updates(model, None, data)
        zeros.append(sparsity(model, None, data) * driven.recording.lengths[trial])
        model.reset_hooks()
    assert done == {
        "Dense": pytest.approx(found["synaptic_operations_per_trial"]["dense"]),
        "Effective_MACs": pytest.approx(found["synaptic_operations_per_trial"]["effective_macs"]),
        "Effective_ACs": pytest.approx(found["synaptic_operations_per_trial"]["effective_acs"]),
    }
    assert changed == pytest.approx(found["membrane_updates_per_trial"])
    assert sum(zeros) / driven.recording.n_steps == pytest.approx(found["activation_sparsity"])
