"""The networks W1, W2 and W3 that `kernels.py` measures, and how ours and the floor run them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from common.kernel_floor import plain

from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.simulation import build
from spiking_bimt.simulation.closed_forms import response
from spiking_bimt.simulation.engine import Simulation

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Workload:
    """A network, in the peers' terms (see `kernel_peers`) and in ours."""

    name: str
    given: dict[str, Any]
    network: SpikingNetwork

    @property
    def steps(self) -> int:
        """Steps of the measured run."""
        ratio: float = self.given["duration"] / self.given["dt"]
        return round(ratio)


def workload(name: str, indptr: Array, indices: Array, weights: Array, **given: Any) -> Workload:
    """Both forms of one workload."""
    tau = np.where(weights < 0, given["tau_inh"] or given["tau_syn"], given["tau_syn"])
    network = build.from_csr(
        indptr, indices, (weights * tau / given["tau_mem"]).astype(np.float32),
        bias=given["bias"] / given["tau_mem"], tau_syn_negative=given["tau_inh"] or None,
        **{k: given[k] for k in ("dt", "tau_mem", "tau_syn", "v_th", "v_reset", "v_leak", "t_ref")},
    )  # fmt: skip
    arrays = {"indptr": indptr, "indices": indices, "weights": weights.astype(np.float32)}
    return Workload(name, arrays | given, network)


def cuba(name: str, n: int, fan_out: float, scale: float, duration: float) -> Workload:
    """W1 and W2: the CUBA network, 80% excitatory, random targets (Vogels and Abbott 2005)."""
    rng = np.random.default_rng(1)
    counts = rng.binomial(n, fan_out / n, n) if n <= 4000 else np.full(n, round(fan_out))
    indptr = np.append(0, np.cumsum(counts))
    if n <= 4000:
        rows = [np.sort(rng.choice(n, count, replace=False)) for count in counts]
        indices = np.concatenate(rows).astype(np.int32)
    else:
        indices = np.sort(rng.integers(0, n, (n, round(fan_out)), np.int32), axis=1).ravel()
    weights = np.repeat(np.where(np.arange(n) < 0.8 * n, 1.62, -9.0) * scale, counts)
    return workload(
        name, indptr, indices, weights, bias=np.zeros(n, np.float32),
        v0=rng.uniform(-60, -50, n), tau_mem=20.0, tau_syn=5.0, tau_inh=10.0, v_leak=-49.0,
        v_th=-50.0, v_reset=-60.0, t_ref=5.0, dt=0.1, duration=duration,
    )  # fmt: skip


def sheet(side: int, mu: float, duration: float, dt: float = 1.0) -> Workload:
    """W3: a torus of local synapses, 30 each, driven by constant currents."""
    drawn, rng = build.random_sheet(side, seed=3), np.random.default_rng(4)
    n = side * side
    return workload(
        f"W3 {n:,} at {mu}", drawn.indptr, drawn.indices, drawn.weights,
        bias=(mu + 0.2 * rng.standard_normal(n)).astype(np.float32), v0=rng.random(n),
        tau_mem=20.0, tau_syn=100.0, tau_inh=0.0, v_leak=0.0, v_th=1.0, v_reset=0.0, t_ref=2.0,
        dt=dt, duration=duration,
    )  # fmt: skip


def plain_run(work: Workload, ahead: int) -> tuple[float, int]:
    """CPU seconds and spikes of the floor."""
    w, net, f = work.given, work.network, np.float32
    a, b, c = (np.array(w["dt"] / (w[k] or 1.0)) for k in ("tau_mem", "tau_syn", "tau_inh"))
    one = np.array(1.0)
    q, p = np.zeros(len(w["v0"]), f), np.zeros(len(w["v0"]) if w["tau_inh"] else 0, f)
    constant = ((1 - np.exp(-a)) * (w["v_leak"] + w["bias"])).astype(f)
    scalars = (np.exp(-a), response(a, b, one), response(a, c, one), np.exp(-b), np.exp(-c))
    v, hold = w["v0"].astype(f), round(w["t_ref"] / w["dt"])
    start = time.process_time()
    spikes = plain(
        v, q, p, constant, net.indptr, net.indices, net.weights, *(f(x) for x in scalars),
        f(w["v_th"]), f(w["v_reset"]), hold, work.steps, ahead,
    )  # fmt: skip
    return time.process_time() - start, spikes


def simulation_of(work: Workload, **options: Any) -> Simulation:
    """Ours at the workload's start."""
    return Simulation(work.network, v_start=work.given["v0"], **options)


def our_run(
    work: Workload, clock: Callable[[], float] = time.process_time, **options: Any
) -> tuple[float, int]:
    """Seconds by `clock` and spikes of ours."""
    simulation = simulation_of(work, **({"mode": "clock"} | options))
    start = clock()
    activity = simulation.advance(work.steps)
    return clock() - start, len(activity.neurons)
