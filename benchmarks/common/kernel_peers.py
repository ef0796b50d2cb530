"""Other simulators on a workload of `kernels.py`, run by their own interpreter.

    python kernel_peers.py PEER WORKLOAD.npz

One run for every line of its input, and a line of JSON for every run: CPU seconds and spikes. The
last run's spikes are left in spikes.npz where the workload says `record`, in float64.

A workload holds indptr, indices, weights (jumps of the synaptic term I), bias (N,), v0 (N,) and the
scalars tau_mem, tau_syn, tau_inh (0 where there is one kind of synapse), v_leak, v_th, v_reset,
t_ref, dt, duration (ms), of

    tau_mem dv/dt = v_leak - v + I_e + I_i + bias,    tau dI/dt = -I + jumps.

Times are CPU seconds of the simulation proper, without building, compiling and writing results.
"""

import inspect
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

Given = dict[str, Any]
Runs = Iterator[tuple[float, int]]

_FEW_EVENTS = 10**9
"""Synapses that snnTorch, which walks all of them at every step, walks in a run."""
_FEWEST_STEPS = 100
"""Steps that it makes at least."""

_CPU_BEFORE = "const std::clock_t cpu_before = std::clock();"
_CPU_AFTER = """{
    std::ofstream file("results/cpu_seconds");
    file << double(std::clock() - cpu_before) / CLOCKS_PER_SEC << std::endl;
}"""


def brian2_standalone(w: Given) -> Runs:
    """C++ standalone, float32 and one thread, compiled with its own flags (-O3, fast math)."""
    import brian2 as b  # type: ignore[import-not-found]

    b.prefs.core.default_float_dtype = np.float64 if w["record"] else np.float32
    folder = tempfile.mkdtemp()
    b.set_device("cpp_standalone", directory=folder, build_on_run=False)
    b.defaultclock.dt = w["dt"] * b.ms
    names = {name: w[name] * b.ms for name in ("tau_mem", "tau_syn")}
    names |= {"tau_inh": (w["tau_inh"] or 1.0) * b.ms, "v_leak": w["v_leak"]}
    two = w["tau_inh"] > 0
    equations = "dv/dt = (v_leak - v + I_e + bias" + (" + I_i" if two else "")
    equations += ") / tau_mem : 1 (unless refractory)\ndI_e/dt = -I_e / tau_syn : 1\nbias : 1"
    equations += "\ndI_i/dt = -I_i / tau_inh : 1" if two else ""
    group = b.NeuronGroup(
        len(w["v0"]), equations, threshold="v > v_th", reset="v = v_reset", method="exact",
        refractory=(w["t_ref"] + w["dt"]) * b.ms,
        namespace=names | {"v_th": w["v_th"], "v_reset": w["v_reset"]},
    )  # fmt: skip
    group.v, group.bias = w["v0"], w["bias"]
    pre = np.repeat(np.arange(len(w["v0"])), np.diff(w["indptr"]))
    parts: list[Any] = [group]
    for target, chosen in (("I_e", w["weights"] >= 0), ("I_i", w["weights"] < 0)):
        kept = chosen if two else np.ones(len(chosen), bool)
        if target == "I_i" and not two:
            continue
        synapses = b.Synapses(group, group, "weight : 1", on_pre=f"{target}_post += weight")
        synapses.connect(i=pre[kept], j=w["indices"][kept])
        synapses.weight, synapses.delay = w["weights"][kept], w["dt"] * b.ms
        parts.append(synapses)
    spikes = b.SpikeMonitor(group)
    network = b.Network(*parts, spikes)
    b.device.insert_code("before_network_run", _CPU_BEFORE)
    b.device.insert_code("after_network_run", _CPU_AFTER)
    network.run(w["duration"] * b.ms)
    b.device.build(directory=folder, compile=True, run=False)
    while True:
        b.device.run(directory=folder, with_output=False)
        if w["record"]:
            steps = np.round(np.asarray(spikes.t / b.ms) / w["dt"])
            np.savez("spikes.npz", steps=steps.astype(int), neurons=np.asarray(spikes.i))
        seconds = float((Path(folder) / "results" / "cpu_seconds").read_text())
        yield seconds, int(spikes.num_spikes)


def brainevent(w: Given) -> Runs:
    """Sparse event-driven products of JAX on the CPU, a compiled scan over the steps."""
    import brainevent as be  # type: ignore[import-not-found]
    import jax  # type: ignore[import-not-found]
    import jax.numpy as jnp  # type: ignore[import-not-found]

    n, steps = len(w["v0"]), round(w["duration"] / w["dt"])
    two, hold = w["tau_inh"] > 0, round(w["t_ref"] / w["dt"])
    signs = [w["weights"] >= 0, w["weights"] < 0] if two else [w["weights"] < np.inf]
    rows = np.repeat(np.arange(n), np.diff(w["indptr"]))
    matrices, factors = [], []
    d = np.exp(-w["dt"] / w["tau_mem"])
    for kept, tau in zip(signs, (w["tau_syn"], w["tau_inh"])[: len(signs)], strict=True):
        indptr = np.append(0, np.cumsum(np.bincount(rows[kept], minlength=n))).astype(np.int32)
        data = (jnp.asarray(w["weights"][kept]), jnp.asarray(w["indices"][kept]), indptr)
        matrices.append(be.CSR(data, shape=(n, n)))
        s = np.exp(-w["dt"] / tau)
        factors.append((np.float32(s), np.float32((s - d) * tau / (tau - w["tau_mem"]))))
    constant = jnp.asarray(((1 - d) * (w["v_leak"] + w["bias"])).astype(np.float32))

    def step(carry: Any, t: Any) -> Any:
        v, currents, spikes, free = carry
        new = np.float32(d) * v + constant
        after = []
        for matrix, (s, g), current in zip(matrices, factors, currents, strict=True):
            new = new + g * current
            after.append(s * current + be.BinaryArray(spikes) @ matrix)
        v = jnp.where(free > t, v, new)
        spikes = (v > w["v_th"]) & (free <= t)
        v = jnp.where(spikes, np.float32(w["v_reset"]), v)
        return (v, tuple(after), spikes, jnp.where(spikes, t + 1 + hold, free)), spikes.sum()

    @jax.jit  # type: ignore[untyped-decorator]
    def run(v: Any) -> Any:
        currents = tuple(jnp.zeros(n, jnp.float32) for _ in matrices)
        start = (v, currents, jnp.zeros(n, bool), jnp.zeros(n, jnp.int32))
        return jax.lax.scan(step, start, jnp.arange(steps, dtype=jnp.int32))[1].sum()

    v = jnp.asarray(w["v0"], jnp.float32)
    run(v).block_until_ready()  # compiles
    while True:
        start = time.process_time()
        count = int(run(v))
        yield time.process_time() - start, count


def nest(w: Given) -> Runs:
    """iaf_psc_exp, delays of one step; the membrane's capacitance is tau_mem, so 1 pA is 1 mV."""
    import nest as ns

    while True:
        ns.ResetKernel()
        ns.resolution, ns.local_num_threads = w["dt"], 1
        values = {
            "tau_m": w["tau_mem"], "C_m": w["tau_mem"], "E_L": w["v_leak"], "V_th": w["v_th"],
            "V_reset": w["v_reset"], "t_ref": max(w["t_ref"], w["dt"]),
            "tau_syn_ex": w["tau_syn"], "tau_syn_in": w["tau_inh"] or w["tau_syn"],
        }  # fmt: skip
        cells = ns.Create("iaf_psc_exp", len(w["v0"]), params=values)
        cells.V_m, cells.I_e = w["v0"].astype(float), w["bias"].astype(float)
        pre = np.repeat(np.arange(len(w["v0"])), np.diff(w["indptr"])) + 1
        strength = w["weights"].astype(float)
        ns.Connect(
            pre, w["indices"].astype(np.int64) + 1, "one_to_one",
            {"weight": strength, "delay": np.full(len(pre), w["dt"])},
        )  # fmt: skip
        recorder = ns.Create("spike_recorder") if w["record"] else None
        if recorder is not None:
            ns.Connect(cells, recorder)
        ns.Prepare()
        start = time.process_time()
        ns.Run(w["duration"])
        seconds, count = time.process_time() - start, int(ns.local_spike_counter)
        ns.Cleanup()
        if recorder is not None:
            steps = np.round(recorder.events["times"] / w["dt"]).astype(int) - 1
            np.savez("spikes.npz", steps=steps, neurons=recorder.events["senders"] - 1)
        yield seconds, count


def snntorch(w: Given) -> Runs:
    """Leaky neurons around torch's sparse products, the first steps alone, scaled to all.

    Synapses and refractory times, which Leaky does not have, are written out around it.
    """
    import snntorch as snn
    import torch

    torch.set_num_threads(1)
    n, steps, hold = len(w["v0"]), round(w["duration"] / w["dt"]), round(w["t_ref"] / w["dt"])
    counted = max(min(steps, _FEW_EVENTS // len(w["indices"])), _FEWEST_STEPS)
    d = np.exp(-w["dt"] / w["tau_mem"])
    source = np.repeat(np.arange(n), np.diff(w["indptr"]))
    kinds = [(w["weights"] < np.inf, w["tau_syn"])]
    if w["tau_inh"]:
        negative = w["weights"] < 0
        kinds = [(~negative, w["tau_syn"]), (negative, w["tau_inh"])]
    matrices, factors = [], []
    for kept, tau in kinds:
        pairs = torch.as_tensor(np.stack([w["indices"][kept], source[kept]]).astype(np.int64))
        values = torch.as_tensor(w["weights"][kept], dtype=torch.float32)
        matrices.append(torch.sparse_coo_tensor(pairs, values, (n, n)).to_sparse_csr())
        s = np.exp(-w["dt"] / tau)
        factors.append((float(s), float((s - d) * tau / (tau - w["tau_mem"]))))
    constant = torch.as_tensor((1 - d) * (w["v_leak"] - w["v_reset"] + w["bias"])).float()
    threshold = w["v_th"] - w["v_reset"]  # Leaky resets to 0
    neurons = snn.Leaky(beta=float(d), threshold=threshold, reset_mechanism="zero")
    while True:
        v = torch.as_tensor(w["v0"] - w["v_reset"]).float()
        currents, free = [torch.zeros(n) for _ in matrices], torch.zeros(n)
        count = 0
        start = time.process_time()
        with torch.no_grad():
            for t in range(counted):
                drive = constant.clone()
                for current, (_, gain) in zip(currents, factors, strict=True):
                    drive.add_(current, alpha=gain)
                spikes, v = neurons(torch.where(free > t, 0.0, drive), v)
                free = torch.where(spikes > 0, t + 1.0 + hold, free)
                for current, matrix, (left, _) in zip(currents, matrices, factors, strict=True):
                    current.mul_(left).add_(matrix @ spikes)
                count += int(spikes.sum())
        seconds = time.process_time() - start
        yield seconds * steps / counted, round(count * steps / counted)


def checkout(w: Given) -> Runs:
    """The clock mode of the spiking_bimt that is on the path, any that has `Simulation`."""
    from spiking_bimt.simulation import build
    from spiking_bimt.simulation.engine import Simulation

    scalars = ("dt", "tau_mem", "tau_syn", "v_th", "v_reset", "v_leak", "t_ref")
    values: Given = {name: w[name] for name in scalars}
    options: Given = {"mode": "clock", "v_start": w["v0"]}
    if "tau_negative" in inspect.signature(Simulation).parameters:  # before networks had it
        options["tau_negative"] = w["tau_inh"] or None
    else:
        values["tau_syn_negative"] = w["tau_inh"] or None
    tau = np.where(w["weights"] < 0, w["tau_inh"] or w["tau_syn"], w["tau_syn"])
    weights = (w["weights"] * tau / w["tau_mem"]).astype(np.float32)
    bias, steps = w["bias"] / w["tau_mem"], round(w["duration"] / w["dt"])
    network = build.from_csr(w["indptr"], w["indices"], weights, bias=bias, **values)
    while True:
        simulation = Simulation(network, **options)
        start = time.process_time()
        spikes = simulation.advance(steps).neurons
        yield time.process_time() - start, len(spikes)


PEERS = {
    "brian2": brian2_standalone, "brainevent": brainevent, "nest": nest, "snntorch": snntorch,
    "checkout": checkout,
}  # fmt: skip

if __name__ == "__main__":
    with np.load(sys.argv[2]) as file:
        given = {name: file[name] if file[name].ndim else file[name].item() for name in file}
    runs = PEERS[sys.argv[1]](given)
    for _ in sys.stdin:
        taken, spikes = next(runs)
        print(json.dumps({"seconds": taken, "spikes": spikes}), flush=True)
