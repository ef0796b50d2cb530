"""One-to-one conversion of a leaky ReLU rate network to spiking neurons.

A rate unit's filtered rate becomes the filtered spikes of one neuron: the synapse, with
tau_syn = tau, performs the leak of the rate network, and the membrane integrates the drive and
turns it into a spike rate. Unit j fires at `full_rate` when its drive is a_j, a high percentile of
its drive over calibration trials (data-based normalisation, Rueckauer et al. 2017,
doi:10.3389/fnins.2017.00682). With r_k the filtered rate of neuron k,

    dv_j/dt = (full_rate / a_j) (sum_k W_jk r_k + sum_c U_jc u_c + b_j),   v_th = 1,
    tau dr_k/dt = -r_k + (a_k / full_rate) * (spikes of k),

so that a spike of k moves v_j by W_jk a_k / a_j in total.

A network whose activation is the rate of a leaky neuron (activation "lif") needs no fit: its drive
is the input above the least that fires the neuron, relative to that least, and a rate of 1 is
`full_rate`, so every gain is 1 / tau_mem and the bias carries the least (Hunsberger and Eliasmith
2015, arXiv:1510.08829).

The step that the network was trained
at holds r_k for task_dt, which is on average half a step old: a synaptic delay of task_dt / 2
gives the finer simulation the same dynamics.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.network import LONGEST_DELAY, RESETS, SpikingNetwork, core_ranks
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.errors import InputError, unknown_name

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class ConversionConfig:
    """Settings of the one-to-one conversion."""

    dt: float = 1.0
    """Simulation step, ms."""
    full_rate: float = 200.0
    """Spike rate at a unit's full scale, Hz."""
    percentile: float = 99.9
    """Percentile of a unit's drive that counts as its full scale."""
    tau_mem: float = float("inf")
    """Membrane time constant, ms; inf for a non-leaky membrane."""
    t_ref: float = 0.0
    """Refractory time, ms."""
    reset: str = "subtract"
    """"subtract" (keeps the residual) or "value"."""
    delay: float | None = None
    """Synaptic delay, ms; None for half the trained step, rounded up to whole simulation steps."""
    tau_syn: tuple[float, ...] = ()
    """Synaptic time constants, ms: of each core's neurons in the order of the cores; of all neurons
    and the readout; or, none given, that of the rate network."""
    floor: float | None = None
    """Least membrane potential, thresholds (0 or below; -inf for none); None for 0 under a
    rectified unit, which forgets inhibition at once, and none under a leaky one."""

    def __post_init__(self) -> None:
        for field in ("dt", "full_rate"):
            if not (math.isfinite(getattr(self, field)) and getattr(self, field) > 0):
                raise InputError(f"{field} is {getattr(self, field)}: it must be above 0")
        for tau in self.tau_syn:
            if not (math.isfinite(tau) and tau > 0):
                raise InputError(
                    f"tau_syn is {tau}: it must be a finite time above 0 ms, since a converted "
                    "network's synapses do the leak of the rate network"
                )
        if not 0 < self.percentile <= 100:
            raise InputError(f"percentile is {self.percentile}: it must lie in (0, 100]")
        if not self.tau_mem > 0:
            raise InputError(f"tau_mem is {self.tau_mem}: it must be above 0 ms, or inf")
        if not (math.isfinite(self.t_ref) and self.t_ref >= 0):
            raise InputError(f"t_ref is {self.t_ref}: it must be a finite time, least 0 ms")
        if self.reset not in RESETS:
            raise unknown_name("reset", self.reset, RESETS)
        if self.floor is not None and not self.floor <= 0:
            raise InputError(f"floor is {self.floor}: it must not lie above the reset, 0")
        if self.t_ref * self.full_rate >= 1000:
            raise InputError(
                f"a refractory time of {self.t_ref} ms does not allow {self.full_rate} Hz"
            )

    @property
    def full_rate_per_ms(self) -> float:
        """`full_rate` in spikes per ms, the unit of a synapse's area in ms."""
        return self.full_rate / 1000


def use_trained_neurons(network: RateNetwork, config: ConversionConfig) -> ConversionConfig:
    """The settings with the neurons that the network was trained for, where it was."""
    if network.lif_curve is None:
        return config
    tau_mem, t_ref, full_rate = (float(value) for value in network.lif_curve[:3])
    return replace(config, tau_mem=tau_mem, t_ref=t_ref, full_rate=full_rate, reset="value")


def delay_steps(network: RateNetwork, config: ConversionConfig) -> int:
    """Synaptic delay in simulation steps; InputError where dt cannot express it."""
    delay = network.dt / 2 if config.delay is None else config.delay
    steps = delay / config.dt
    if config.delay is None:
        steps = math.ceil(steps - 1e-6)
    if not 0 <= steps <= LONGEST_DELAY:
        raise InputError(
            f"a delay of {delay} ms is {steps:g} steps of {config.dt} ms: it must lie in "
            f"0..{LONGEST_DELAY}"
        )
    if abs(steps - round(steps)) > 1e-6:
        raise InputError(
            f"a delay of {delay} ms is not a whole number of steps of {config.dt} ms: "
            "choose a dt that divides it, or set the delay"
        )
    return round(steps)


def delay_notes(network: RateNetwork, config: ConversionConfig) -> list[str]:
    """A line where half the trained step had to be rounded up to whole simulation steps."""
    delay, half = delay_steps(network, config) * config.dt, network.dt / 2
    if config.delay is not None or delay <= half * (1 + 1e-6):
        return []
    return [
        f"half the trained step, {half:g} ms, is not a whole number of steps of {config.dt:g} ms: "
        f"the synaptic delay is {delay:g} ms; a smaller step divides it"
    ]


def with_synapses(network: RateNetwork, config: ConversionConfig) -> RateNetwork:
    """The rate network with the time constant of the synapses in the place of its own.

    That is the one asked for, or its own, but at least half a trained step: with a delay of the
    other half, a signal then takes a whole step around, as in a network without leak. A shorter
    synapse would pass single spikes on, and not their rate.
    """
    if len(config.tau_syn) == 1:
        return replace(network, tau=config.tau_syn[0], measured=None)
    shortest = network.dt / 2
    return network if network.tau >= shortest else replace(network, tau=shortest, measured=None)


def full_drive(config: ConversionConfig) -> float:
    """Constant input (v per ms, v_th = 1) at which the neuron fires at full_rate.

    From the interspike interval of a leaky membrane, T = tau_mem ln(tau_mem x / (tau_mem x - 1));
    for tau_mem = inf it is the rate itself.
    """
    interval = 1000.0 / config.full_rate - config.t_ref
    if np.isinf(config.tau_mem):
        return 1.0 / interval
    return float(-1.0 / (config.tau_mem * np.expm1(-interval / config.tau_mem)))


def to_spiking(
    network: RateNetwork, full_scale: Floats, config: ConversionConfig
) -> SpikingNetwork:
    """The spiking network of a rate network, with the neurons of `use_trained_neurons`.

    full_scale: (N,) drive a_j at which unit j fires at full_rate (`drive_percentile`). Units whose
    full scale is below 1e-3 of the largest get that floor, so that silent ones stay silent.
    """
    return with_neurons(network, full_scale, use_trained_neurons(network, config))


def floor_full_scale(full_scale: Floats) -> npt.NDArray[np.float64]:
    """(N,) full scales, the least of them 1e-3 of the largest; InputError where all are 0."""
    if full_scale.max() <= 0:
        raise InputError(
            "no unit is ever active on the calibration trials: train longer, or, where it has no "
            "tasks and gets random input, import it with those that it was trained on"
        )
    scale: npt.NDArray[np.float64] = np.maximum(full_scale, 1e-3 * full_scale.max()).astype(float)
    return scale


def drive_gain(network: RateNetwork, config: ConversionConfig) -> float:
    """Current (v per ms) of a unit's drive of 1, where its full scale is 1."""
    return full_drive(config) if network.activation == "relu" else 1 / config.tau_mem


def spike_jump(network: RateNetwork, config: ConversionConfig) -> float:
    """What a spike adds to the filtered rate, as a share of full scale.

    A filter that jumps by 1 - exp(-dt / tau) averages to the spike rate on the grid exactly.
    """
    return -math.expm1(-config.dt / network.tau) / config.dt / config.full_rate_per_ms


def with_neurons(
    network: RateNetwork, full_scale: Floats, config: ConversionConfig
) -> SpikingNetwork:
    """`to_spiking` with exactly the neurons that `config` describes."""
    n, rate = network.n_units, config.full_rate_per_ms
    rectified = network.activation == "relu"
    a = floor_full_scale(full_scale) if rectified else np.ones(n)
    gain, least = drive_gain(network, config) / a, 0.0 if rectified else 1.0
    floor = config.floor if config.floor is not None else 0.0 if rectified else -np.inf
    # gain * W * a / rate is the change of v per spike; 1 / rate is a spike's area at full rate.
    w = gain[:, None] * network.w_rec * (a / rate)[None]
    w_in = gain[:, None] * network.w_in
    _check_range(w, network.w_rec)
    _check_range(w_in, network.w_in)
    indptr, indices, weights = to_csr(w.astype(np.float32))
    in_indptr, in_indices, in_weights = to_csr(w_in.astype(np.float32))

    def everywhere(value: float) -> Floats:
        return np.full(n, value, np.float32)

    return SpikingNetwork(
        indptr=indptr,
        indices=indices,
        weights=weights,
        in_indptr=in_indptr,
        in_indices=in_indices,
        in_weights=in_weights,
        w_out=(network.w_out * (a * spike_jump(network, config))[None]).astype(np.float32),
        b_out=network.b_out,
        tau_out=network.tau,
        tau_mem=everywhere(config.tau_mem),
        tau_syn=_tau_syn(network, config),
        v_th=everywhere(1.0),
        v_reset=everywhere(0.0),
        v_leak=everywhere(0.0),
        v_min=everywhere(floor),
        t_ref=everywhere(config.t_ref),
        bias=(gain * (network.b + least)).astype(np.float32),
        delay=delay_steps(network, config),
        reset=config.reset,
        dt=config.dt,
        task_dt=network.dt,
        positions=network.positions,
        sheet=network.sheet,
        battery=network.battery,
        tasks=network.tasks,
        chip=network.chip,
        core=network.core,
        poisson=network.poisson,
    )


def _tau_syn(network: RateNetwork, config: ConversionConfig) -> Floats:
    """(N,) synaptic time constants, ms: of one for each core, or that of the network."""
    if len(config.tau_syn) < 2:
        return np.full(network.n_units, network.tau, np.float32)
    ranks = core_ranks(network.core)
    if ranks.max() + 1 != len(config.tau_syn):
        raise InputError(
            f"tau_syn has {len(config.tau_syn)} values, and the neurons sit on {ranks.max() + 1} "
            "cores: give one for each, or one for all"
        )
    return np.array(config.tau_syn, np.float32)[ranks]


def _check_range(scaled: npt.NDArray[np.float64], weights: Floats) -> None:
    """Refuse gains that float32 cannot bear: weights would vanish, or be infinite."""
    size = np.abs(scaled[weights != 0])
    limits = np.finfo(np.float32)
    if size.size and not (size.min() > limits.tiny and size.max() < limits.max):
        raise InputError(
            f"the gains turn weights into {size.min():.1e} to {size.max():.1e}, which float32 "
            "cannot hold: units whose full scales differ that much; prune the weakest, or train on"
        )


def to_csr(
    weights: Floats,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], Floats]:
    """CSR by presynaptic index of the non-zeros of a dense [post, pre] matrix.

    Returns indptr (pre + 1,), indices (nnz,) ascending within a row, weights (nnz,).
    """
    by_pre = np.ascontiguousarray(weights.T)
    pre, post = np.nonzero(by_pre)
    counts = np.bincount(pre, minlength=len(by_pre))
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return indptr, post.astype(np.int32), by_pre[pre, post]
