"""What the neurons' filtered rates are on a batch: in spikes, or by the f-I curve."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.converting.one_to_one import (
    ConversionConfig,
    drive_gain,
    full_drive,
    spike_jump,
    with_neurons,
)
from spiking_bimt.converting.quantise import Rounding, Scales
from spiking_bimt.converting.rescale import with_leaky_units
from spiking_bimt.converting.tune_gradient import Packed
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import InputError
from spiking_bimt.kernels.train_activation import look_up
from spiking_bimt.simulation.filtered import filtered_spikes

Array = npt.NDArray[Any]


def spiking(
    network: RateNetwork, config: ConversionConfig, rounding: Rounding | None,
    scales: Scales | None = None,
) -> SpikingNetwork:  # fmt: skip
    """The spiking network of a normalised network, rounded where that is asked for.

    scales: of the rounding; those of the weights themselves by default.
    """
    exact = with_neurons(network, np.ones(network.n_units, np.float32), config)
    return exact if rounding is None else rounding.of(exact, scales).quantised()


def as_rates(network: RateNetwork, config: ConversionConfig, made: SpikingNetwork) -> RateNetwork:
    """The normalised network whose spiking network is `made`: `network` with its rounding."""
    gain, jump = drive_gain(network, config), spike_jump(network, config)
    rate, n = config.full_rate / 1000, network.n_units
    return replace(
        network,
        w_rec=_dense(made.indptr, made.indices, made.weights * np.float32(rate / gain), n),
        w_in=_dense(made.in_indptr, made.in_indices, made.in_weights / np.float32(gain), n),
        w_out=made.w_out / np.float32(jump),
    )


def behind(made: SpikingNetwork, rate: RateNetwork, softness: float) -> RateNetwork:
    """The normalised network that `convert` made a spiking network of, to be trained on.

    rate: the network that it was converted from; softness: of a leaky curve's threshold. Raises
    InputError where `made` is not a conversion of it.
    """
    config = _conversion_of(made)
    if made.n_neurons != rate.n_units or made.tasks != rate.tasks or made.task_dt != rate.dt:
        raise InputError("the network to start from is no conversion of this run's rate network")
    if made.tau_out != rate.tau:
        raise InputError(
            f"the network to start from has synapses of {made.tau_out} ms, and {rate.tau} ms is "
            "asked for: set the same tau_syn"
        )
    one = replace(rate, measured=None)
    if math.isfinite(config.tau_mem) and rate.activation == "relu":
        one = with_leaky_units(one, config, softness)
    least = 0.0 if one.activation == "relu" else 1.0
    bias = made.bias / np.float32(drive_gain(one, config)) - np.float32(least)
    return replace(as_rates(one, config, made), b=bias, b_out=made.b_out)


def _conversion_of(made: SpikingNetwork) -> ConversionConfig:
    """The settings that a network was converted with, which `convert` keeps with it."""
    measured = made.measured or {}
    kept = measured.get("conversion")
    if not isinstance(kept, dict) or measured.get("method") in (None, "kim2019"):
        raise InputError("the network to start from was not made by convert, or by kim2019")
    numbers: dict[str, Any] = {
        key: float(value) if value in ("inf", "-inf") else value for key, value in kept.items()
    }
    return ConversionConfig(**numbers | {"tau_syn": tuple(numbers.get("tau_syn", ()))})


def agreeing(made: SpikingNetwork, asked: ConversionConfig) -> None:
    """Refuse to train a network on for a membrane that it has not learnt to live with."""
    own = _conversion_of(made)
    fixed = ("tau_mem", "t_ref", "full_rate") if math.isfinite(own.tau_mem) else ("tau_mem",)
    for name in fixed:
        if getattr(own, name) != getattr(asked, name):
            raise InputError(
                f"the network to start from has {name} {getattr(own, name)}, and "
                f"{getattr(asked, name)} is asked for: set the same"
            )


def rates_in_spikes(
    network: RateNetwork, config: ConversionConfig, made: SpikingNetwork, batch: Packed, seed: int,
    threads: int | None = 1,
) -> Array:  # fmt: skip
    """(P, N) filtered spikes at the end of every task step, shares of full scale."""
    rows, trials = by_trial(batch, network)
    rates = np.empty((len(rows), network.n_units), np.float32)
    jump = spike_jump(network, config)
    rates[rows], _ = filtered_spikes(made, trials, jump, seed=seed, threads=threads)
    return rates


def rates_by_curve(
    network: RateNetwork, drive: Array, counts: Array, alpha: float, rows: Array
) -> tuple[Array, Array]:
    """(P, N) rates and slopes of the rate network itself, whose activation `rows` tabulates.

    drive (P, N) is what comes from outside; the recurrent drive is added to it.
    """
    rates, slopes = np.empty_like(drive), np.empty_like(drive)
    w_rec_t = np.ascontiguousarray(network.w_rec.T)
    before, start = 0, 0
    for count in counts:
        now = slice(start, start + int(count))
        past = rates[before : before + int(count)] if start else None
        if past is not None:
            drive[now] += past @ w_rec_t
        look_up(drive[now], rows, rates[now], slopes[now])
        rates[now] *= np.float32(alpha)
        if past is not None:
            rates[now] += np.float32(1 - alpha) * past
        before, start = start, start + int(count)
    return rates, slopes


def full_drive_of(network: RateNetwork, config: ConversionConfig) -> float:
    """Drive at which a normalised unit is at full scale."""
    least = 0.0 if network.activation == "relu" else 1.0
    return full_drive(config) / drive_gain(network, config) - least


def by_trial(batch: Packed, network: RateNetwork) -> tuple[Array, Trials]:
    """The packed row of every row of the trials, which lie end to end, and the trials."""
    starts = np.cumsum(batch.counts) - batch.counts
    lengths = (batch.counts[:, None] > np.arange(batch.counts[0])).sum(axis=0)
    offsets = np.append(0, np.cumsum(lengths))
    step = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
    rows: Array = starts[step] + np.repeat(np.arange(len(lengths)), lengths)
    return rows, Trials(
        inputs=batch.inputs[rows],
        labels=batch.labels[rows],
        offsets=offsets,
        decision=np.zeros(len(lengths), np.int32),
        task=batch.task[: batch.counts[0]],
        tasks=network.tasks,
        dt=network.dt,
    )


def _dense(indptr: Array, indices: Array, weights: Array, n: int) -> Array:
    """(n, rows) dense [post, pre] matrix of a CSR one by presynaptic index."""
    out = np.zeros((n, len(indptr) - 1), np.float32)
    out[indices, np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))] = weights
    return out
