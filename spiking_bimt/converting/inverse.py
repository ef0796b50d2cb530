"""From a spiking network back to the rate network that it is the conversion of."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.converting.normalise import replace_with_leaky_units
from spiking_bimt.converting.one_to_one import ConversionConfig, drive_gain, spike_jump
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.errors import InputError

Array = npt.NDArray[Any]


def to_rate_network(
    network: RateNetwork, config: ConversionConfig, made: SpikingNetwork
) -> RateNetwork:
    """The normalised network whose spiking network is `made`: `network` with its rounding."""
    gain, jump = drive_gain(network, config), spike_jump(network, config)
    rate, n = config.full_rate_per_ms, network.n_units
    return replace(
        network,
        w_rec=_dense(made.indptr, made.indices, made.weights * np.float32(rate / gain), n),
        w_in=_dense(made.in_indptr, made.in_indices, made.in_weights / np.float32(gain), n),
        w_out=made.w_out / np.float32(jump),
    )


def recover_rate_network(made: SpikingNetwork, rate: RateNetwork, softness: float) -> RateNetwork:
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
        one = replace_with_leaky_units(one, config, softness)
    least = 0.0 if one.activation == "relu" else 1.0
    bias = made.bias / np.float32(drive_gain(one, config)) - np.float32(least)
    return replace(to_rate_network(one, config, made), b=bias, b_out=made.b_out)


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


def refuse_other_neurons(made: SpikingNetwork, asked: ConversionConfig) -> None:
    """Refuse to train a network on for a membrane that it has not learnt to live with."""
    own = _conversion_of(made)
    fixed = ("tau_mem", "t_ref", "full_rate") if math.isfinite(own.tau_mem) else ("tau_mem",)
    for name in fixed:
        if getattr(own, name) != getattr(asked, name):
            raise InputError(
                f"the network to start from has {name} {getattr(own, name)}, and "
                f"{getattr(asked, name)} is asked for: set the same"
            )


def _dense(indptr: Array, indices: Array, weights: Array, n: int) -> Array:
    """(n, rows) dense [post, pre] matrix of a CSR one by presynaptic index."""
    out = np.zeros((n, len(indptr) - 1), np.float32)
    out[indices, np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))] = weights
    return out
