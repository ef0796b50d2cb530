"""The neurons' filtered rates on a batch: of the spiking network, or by its neurons' f-I curve."""

from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.chip.on_chip import filtered_on_chip
from spiking_bimt.converting.one_to_one import (
    ConversionConfig,
    drive_gain,
    full_drive,
    spike_jump,
    with_neurons,
)
from spiking_bimt.converting.quantise import Rounding, Scales
from spiking_bimt.data.chip import Chip
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.data.trials import Trials
from spiking_bimt.kernels.train_activation import look_up
from spiking_bimt.simulation.filtered import filtered_spikes
from spiking_bimt.training.batch import Batch

Array = npt.NDArray[Any]


def make_spiking(
    network: RateNetwork, config: ConversionConfig, rounding: Rounding | None,
    scales: Scales | None = None,
) -> SpikingNetwork:  # fmt: skip
    """The spiking network of a normalised network, rounded where that is asked for.

    scales: of the rounding; those of the weights themselves by default.
    """
    exact = with_neurons(network, np.ones(network.n_units, np.float32), config)
    return exact if rounding is None else rounding.apply(exact, scales).quantised()


def measure_rates(
    network: RateNetwork, config: ConversionConfig, made: SpikingNetwork, batch: Batch, seed: int,
    threads: int | None = 1, chip: Chip | None = None,
) -> Array:  # fmt: skip
    """(P, N) filtered spikes at the end of every task step, shares of full scale.

    chip: whose integers the neurons are simulated in, floating point by default.
    """
    rows, trials = unpack_trials(batch, network)
    rates = np.empty((len(rows), network.n_units), np.float32)
    jump = spike_jump(network, config)
    if chip is None:
        rates[rows], _ = filtered_spikes(made, trials, jump, seed=seed, threads=threads)
    else:
        rates[rows] = filtered_on_chip(made, chip, trials, jump, seed=seed, threads=threads)
    return rates


def compute_rates(
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


def full_scale_drive(network: RateNetwork, config: ConversionConfig) -> float:
    """Drive at which a normalised unit is at full scale."""
    least = 0.0 if network.activation == "relu" else 1.0
    return full_drive(config) / drive_gain(network, config) - least


def unpack_trials(batch: Batch, network: RateNetwork) -> tuple[Array, Trials]:
    """The packed row of every row of the trials, which lie end to end, and the trials."""
    starts = np.cumsum(batch.counts) - batch.counts
    lengths = (batch.counts[:, None] > np.arange(batch.counts[0])).sum(axis=0)
    offsets = np.append(0, np.cumsum(lengths))
    step = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
    rows: Array = starts[step] + np.repeat(np.arange(len(lengths)), lengths)
    return rows, Trials(
        inputs=batch.inputs[rows],
        labels=batch.labels[rows].astype(np.int32),
        offsets=offsets,
        decision=np.zeros(len(lengths), np.int32),
        task=batch.task[: batch.counts[0]],
        tasks=network.tasks,
        dt=network.dt,
    )
