"""The engine against NEST on the CUBA network (Vogels and Abbott 2005): rate and intervals."""

from typing import Any

import numpy as np
import pytest
import scipy.stats

from spiking_bimt.simulation import build
from spiking_bimt.simulation.engine import simulate_network

Array = Any
N, DT, DURATION = 4000, 0.1, 1000.0
TAU_MEM, TAU_EX, TAU_IN, LEAK = 20.0, 5.0, 10.0, -49.0


def cuba(seed: int) -> tuple[Array, Array, Array, Array]:
    """indptr, indices, jumps of the synaptic current in mV, and first potentials."""
    rng = np.random.default_rng(seed)
    counts = rng.binomial(N, 0.02, N)
    indices = np.concatenate([np.sort(rng.choice(N, count, replace=False)) for count in counts])
    jumps = np.repeat(np.where(np.arange(N) < 0.8 * N, 1.62, -9.0), counts)
    return np.append(0, np.cumsum(counts)), indices, jumps, rng.uniform(-60, -50, N)


def nest_spikes(indptr: Array, indices: Array, jumps: Array, start: Array) -> tuple[Array, Array]:
    """Steps and neurons; the capacitance is tau_mem, so 1 pA moves the leak by 1 mV."""
    nest = pytest.importorskip("nest")
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.ResetKernel()
    nest.resolution = DT
    cells = nest.Create("iaf_psc_exp", N, params={
        "tau_m": TAU_MEM, "C_m": TAU_MEM, "E_L": LEAK, "V_th": -50.0, "V_reset": -60.0,
        "t_ref": 5.0, "tau_syn_ex": TAU_EX, "tau_syn_in": TAU_IN,
    })  # fmt: skip
    cells.V_m = start
    pre = np.repeat(np.arange(N), np.diff(indptr)) + 1
    synapses = {"weight": jumps, "delay": np.full(len(jumps), DT)}
    nest.Connect(pre, indices + 1, "one_to_one", synapses)
    recorder = nest.Create("spike_recorder")
    nest.Connect(cells, recorder)
    nest.Simulate(DURATION)
    events = recorder.events
    return np.round(events["times"] / DT).astype(int) - 1, events["senders"] - 1


def intervals(steps: Array, neurons: Array) -> Array:
    order = np.lexsort((steps, neurons))
    own = neurons[order][1:] == neurons[order][:-1]
    return np.diff(steps[order])[own]


def test_cuba_has_nests_rate_and_intervals() -> None:
    indptr, indices, jumps, start = cuba(1)
    steps, neurons = nest_spikes(indptr, indices, jumps, start)
    network = build.from_csr(
        indptr, indices, jumps * np.where(jumps > 0, TAU_EX, TAU_IN) / TAU_MEM, dt=DT,
        tau_mem=TAU_MEM, tau_syn=TAU_EX, v_leak=LEAK, v_th=-50.0, v_reset=-60.0, t_ref=5.0,
        tau_syn_negative=TAU_IN,
    )  # fmt: skip
    ours = simulate_network(network, DURATION, v_start=start, dtype=np.float64)
    # Rounding grows into other spikes within some 100 ms; until then they are the same.
    early, mine = steps < 300, ours.steps < 300
    nests = np.sort(steps[early] * N + neurons[early])
    np.testing.assert_array_equal(nests, ours.steps[mine].astype(int) * N + ours.neurons[mine])
    assert early.sum() > 500
    assert abs(len(ours.neurons) / len(neurons) - 1) < 0.02
    distance = scipy.stats.ks_2samp(intervals(steps, neurons), intervals(ours.steps, ours.neurons))
    assert distance.pvalue > 0.01
