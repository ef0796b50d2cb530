"""The rate network behind a spiking one: its rates, and the network that was converted."""

import math
from dataclasses import asdict, replace

import numpy as np
import pytest

from spiking_bimt.converting import finetune_rates, inverse
from spiking_bimt.converting.normalise import (
    replace_with_leaky_units,
)
from spiking_bimt.converting.one_to_one import ConversionConfig, with_neurons
from spiking_bimt.converting.quantise import Rounding
from spiking_bimt.errors import InputError
from spiking_bimt.training.parameters import PARAMETERS
from tests.converting.test_one_to_one import random_rate_network


@pytest.mark.parametrize("leaky", [False, True])
def test_the_rates_behind_a_spiking_network_are_its_own(leaky: bool) -> None:
    config = ConversionConfig(full_rate=100.0, tau_mem=20.0 if leaky else np.inf)
    network = random_rate_network(1)
    network = replace_with_leaky_units(network, config, 0.1) if leaky else network
    exact = inverse.to_rate_network(
        network, config, finetune_rates.make_spiking(network, config, None)
    )
    rounded = inverse.to_rate_network(
        network, config, finetune_rates.make_spiking(network, config, Rounding(3))
    )
    for name in ("w_rec", "w_in", "w_out"):
        own = getattr(network, name)
        np.testing.assert_allclose(getattr(exact, name), own, rtol=1e-5, atol=1e-7)
        step = np.abs(own).max(axis=1, keepdims=True) / 3
        assert (np.abs(getattr(rounded, name) - own) <= 0.501 * step).all()
    made = with_neurons(rounded, np.ones(12, np.float32), config)
    np.testing.assert_allclose(
        made.weights, finetune_rates.make_spiking(network, config, Rounding(3)).weights, rtol=1e-5
    )


@pytest.mark.parametrize("tau_mem", [math.inf, 20.0])
def test_the_network_behind_a_conversion_is_the_one_that_was_converted(tau_mem: float) -> None:
    config = ConversionConfig(full_rate=100.0, tau_mem=tau_mem, t_ref=2.0, floor=0.0)
    rate = random_rate_network(1)
    tuned = replace_with_leaky_units(rate, config, 0.1) if math.isfinite(tau_mem) else rate
    kept = {key: str(v) if v == math.inf else v for key, v in asdict(config).items()}
    made = replace(
        finetune_rates.make_spiking(tuned, config, None),
        measured={"method": "finetune", "conversion": kept},
    )
    found = inverse.recover_rate_network(made, rate, 0.1)
    for name in PARAMETERS:
        np.testing.assert_allclose(getattr(found, name), getattr(tuned, name), rtol=1e-5, atol=1e-6)
    assert found.activation == tuned.activation
    inverse.refuse_other_neurons(made, replace(config, reset="value"))
    with pytest.raises(InputError, match=f"has tau_mem {tau_mem}, and 10.0 is asked for"):
        inverse.refuse_other_neurons(made, replace(config, tau_mem=10.0))
    with pytest.raises(InputError, match="no conversion of this run's rate network"):
        inverse.recover_rate_network(
            made, replace(rate, tasks=rate.tasks[::-1], dt=rate.dt + 1), 0.1
        )
    with pytest.raises(InputError, match=r"synapses of 100\.0 ms, and 80\.0 ms is asked for"):
        inverse.recover_rate_network(made, replace(rate, tau=80.0), 0.1)
    kim = {"method": "kim2019", "conversion": kept}
    for measured in (None, {}, kim):
        with pytest.raises(InputError, match="not made by convert, or by kim2019"):
            inverse.recover_rate_network(replace(made, measured=measured), rate, 0.1)
