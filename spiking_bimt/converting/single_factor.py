"""The conversion of Kim, Li and Sejnowski (2019, doi:10.1073/pnas.1905926116), as a baseline.

Every neuron is a leaky integrate-and-fire neuron held at the least input that fires it; the rate
network's weights onto it become currents with one scale for all, and recurrent and readout weights
are divided by one factor lambda, the spike rate (Hz) that stands for a rate of 1:

    tau_mem dv/dt = -v + 1 + s (W r + U u + b),    r = filtered spikes / lambda

lambda is found by a grid search for the best accuracy. The published code fixes s, for sigmoid
rates (a threshold of 25 mV above reset); a rectifier has no scale of its own, so s is set here by
`full_rate`: the largest drive, of all units and trials, fires a neuron at that. The second
synaptic time constant (a rise of 2 ms) and the membrane noise of the published code are left out.
"""

from dataclasses import dataclass, replace

import numpy as np

from spiking_bimt.battery.accuracy import score
from spiking_bimt.converting.one_to_one import (
    ConversionConfig,
    floor_full_scale,
    full_drive,
    with_neurons,
)
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import InputError
from spiking_bimt.simulation.rate import drive_percentile
from spiking_bimt.simulation.run import simulate_trials

TAU_MEM = 10.0
"""Membrane time constant of the published neurons, ms."""

T_REF = 2.0
"""Refractory time of the published neurons, ms."""

FACTORS = np.geomspace(0.2, 3.0, 20)
"""Candidates for lambda, relative to what the f-I curve gives at full scale."""

SOFTNESS = 0.1
"""Softness of the threshold in the leaky rates that describe the result, relative to the threshold;
the conversion does not use it."""


@dataclass(frozen=True)
class SingleFactor:
    """The baseline's network."""

    network: SpikingNetwork
    rate: RateNetwork
    """The network of leaky rates that it is the spiking network of."""
    config: ConversionConfig
    """With full_rate = lambda."""


def convert_with_single_factor(
    network: RateNetwork, config: ConversionConfig, trials: Trials, threads: int | None = None
) -> SingleFactor:
    """The network with the lambda that scores best on `trials` (the smallest of equal ones).

    A config whose membrane does not leak gets the paper's tau_mem and t_ref. Raises InputError for
    a network that is not rectified.
    """
    if network.activation != "relu":
        raise InputError("kim2019 converts a rectified network: this one has leaky rates")
    if np.isinf(config.tau_mem):
        config = replace(config, tau_mem=TAU_MEM, t_ref=T_REF)
    drives = drive_percentile(network, trials, config.percentile)
    full_scale = float(floor_full_scale(drives).max())
    scale = np.float32((full_drive(config) * config.tau_mem - 1) / full_scale)
    found: list[tuple[float, SingleFactor]] = []
    for factor in FACTORS:
        rate_of_one = config.full_rate / full_scale * float(factor)
        if rate_of_one * config.t_ref < 1000:
            made = _scaled(network, replace(config, full_rate=rate_of_one, reset="value"), scale)
            outputs = simulate_trials(
                made.network, trials, threads=threads, record_spikes=False
            ).outputs
            found.append((score(outputs, trials).accuracy, made))
    return max(found, key=lambda pair: pair[0])[1]


def _scaled(network: RateNetwork, config: ConversionConfig, scale: np.float32) -> SingleFactor:
    """One candidate: currents with one scale for all."""
    curve = [config.tau_mem, config.t_ref, config.full_rate, SOFTNESS]
    rate = replace(
        network,
        w_rec=network.w_rec * scale,
        w_in=network.w_in * scale,
        b=network.b * scale,
        activation="lif",
        lif_curve=np.array(curve, np.float32),
        measured=None,
    )
    return SingleFactor(
        with_neurons(rate, np.ones(network.n_units, np.float32), config), rate, config
    )
