"""A chip says of a network everything that it cannot compute, and nothing of one that it can."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spiking_bimt.chip.computes import cannot_compute, refuse, spiking_sources
from spiking_bimt.chip.presets import chip_names, load_chip
from spiking_bimt.converting.quantise import quantise
from spiking_bimt.data.chip import Placement
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.simulation.build import from_csr

N = 6
SHIFT4 = -1 / np.log1p(-(2.0**-4))
"""Time constant of a decay by a shift of 4 at a step of 1 ms, ms."""

FITTING: dict[str, dict[str, Any]] = {
    "loihi": {"reset": "value", "tau_syn": 20.0, "tau_mem": np.inf, "v_min": 0.0, "delay": 7,
              "bias": 0.1, "t_ref": 3.0},
    "truenorth": {"reset": "subtract", "tau_syn": 0.0, "tau_mem": np.inf, "v_min": 0.0,
                  "bias": 0.1, "delay": 14},
    "ranc": {"reset": "value", "tau_syn": 0.0, "tau_mem": np.inf, "bias": 0.1, "delay": 14},
    "spinnaker": {"reset": "value", "tau_syn": 20.0, "tau_mem": 500.0, "bias": 0.1, "delay": 15,
                  "tau_syn_negative": 5.0},
    "odin": {"reset": "value", "tau_syn": 0.0, "tau_mem": np.inf, "v_min": 0.0},
    "tinyodin": {"reset": "value", "tau_syn": 0.0, "tau_mem": np.inf},
    "reckon": {"reset": "subtract", "tau_syn": 0.0, "tau_mem": 20.0},
    "xylo-audio2": {"reset": "subtract", "tau_syn": SHIFT4, "tau_mem": SHIFT4, "bias": 0.1},
}  # fmt: skip
"""A network's neurons that each chip computes."""
DELAYED = ("loihi", "truenorth", "ranc", "spinnaker")


def network(**changes: Any) -> SpikingNetwork:
    """A ring of neurons of one weight each."""
    weights = np.full(N, 0.5)
    given = {"dt": 1.0, "delay": 0} | changes
    made = from_csr(np.arange(N + 1), (np.arange(N) + 1) % N, weights, **given)
    return quantise(made, bits=3).quantised()


def held(made: SpikingNetwork) -> SpikingNetwork:
    """The network with a held channel into neuron 0."""
    return replace(
        made.without_codes(), in_indptr=np.array([0, 1]), in_indices=np.array([0]),
        in_weights=np.array([1.0]),
    )  # fmt: skip


@pytest.mark.parametrize("name", FITTING)
def test_a_network_within_a_chips_means_is_computed(name: str) -> None:
    assert cannot_compute(network(**FITTING[name]), load_chip(name)) == []
    assert refuse(network(**FITTING[name]), load_chip(name)) == []


@pytest.mark.parametrize("name", FITTING)
def test_each_step_beyond_them_is_named_with_its_key(name: str) -> None:
    """One change at a time makes one reason."""
    fits = FITTING[name]
    chip = load_chip(name)
    assert chip.neuron is not None
    other = {"subtract": "value", "value": "subtract"}[fits["reset"]]
    steps: dict[str, tuple[dict[str, Any], bool]] = {
        "neuron.reset": ({"reset": other}, other not in chip.neuron.reset),
        "neuron.delay": ({"delay": chip.neuron.delay[1]}, True),
        "neuron.refractory": ({"t_ref": 1.0 + chip.neuron.refractory[1]}, True),
        "neuron.leak": ({"tau_mem": 33.0}, chip.neuron.leak not in ("multiplicative",)),
        "neuron.no_leak": ({"tau_mem": np.inf}, not chip.neuron.no_leak),
        "neuron.current is": ({"tau_syn": 33.0}, chip.neuron.current in ("none", "shift")),
        "neuron.floor": ({"v_min": -0.5}, chip.neuron.floor not in ("any", "power-of-two")),
        "neuron.bias_bits": ({"bias": 0.1}, name in ("odin", "tinyodin", "reckon")),
    }
    for key, (change, beyond) in steps.items():
        found = cannot_compute(network(**fits | change), chip)
        assert len(found) == beyond, (key, found)
        assert all(key in reason for reason in found)


def test_held_input_is_for_chips_that_hold_it_and_spiking_sources_are_its_way() -> None:
    made = held(network(**FITTING["loihi"]))
    assert ["held input of 1 channels into 1 neurons" in text for text in
            cannot_compute(made, load_chip("loihi"))] == [True]  # fmt: skip
    assert cannot_compute(made, load_chip("grid16")) == []
    kept = np.arange(N) != N - 1
    source = replace(
        made, indptr=np.append(0, np.cumsum(kept)), indices=made.indices[kept],
        weights=made.weights[kept],
    )  # fmt: skip
    assert spiking_sources(source).tolist() == [True] + [False] * (N - 1)
    assert cannot_compute(source, load_chip("loihi")) == []
    # What the host computes need not be the chip's.
    leaky = replace(source, t_ref=np.where(np.arange(N) == 0, 99, source.t_ref))
    assert cannot_compute(leaky, load_chip("loihi")) == []


def test_weights_of_a_chip_have_its_signs_levels_and_widths() -> None:
    rng = np.random.default_rng(3)
    n = 20
    indptr, indices = np.arange(0, n * n + 1, n), np.tile(np.arange(n), n)
    mixed = from_csr(
        indptr, indices, rng.normal(size=n * n), dt=1.0, delay=0, reset="value", tau_syn=0.0,
        tau_mem=np.inf, v_min=0.0,
    )  # fmt: skip
    coded = quantise(mixed, bits=5).quantised()
    odin = " ".join(cannot_compute(coded, load_chip("odin")))
    assert "weights of both signs of 20 neurons" in odin
    assert "weights of up to 15 steps" in odin
    truenorth = cannot_compute(coded, load_chip("truenorth"))
    assert len(truenorth) == 1
    assert "levels_per_neuron is 4" in truenorth[0]
    one_sign = replace(mixed, weights=np.abs(mixed.weights))
    assert cannot_compute(quantise(one_sign, bits=4).quantised(), load_chip("odin")) == []


def test_settings_that_a_core_shares_are_counted_on_its_neurons() -> None:
    n = 40
    weights = np.random.default_rng(0).uniform(0.2, 1.0, n)
    made = from_csr(np.arange(n + 1), (np.arange(n) + 1) % n, weights, dt=1.0, delay=0,
                    reset="value", tau_syn=20.0, tau_mem=np.inf)  # fmt: skip
    coded, chip = quantise(made, bits=8).quantised(), load_chip("loihi")
    assert "40 thresholds, in weight steps, on 1 core (neuron.thresholds_per_core is 16)" in (
        cannot_compute(coded, chip)
    )
    slot = (np.arange(n) % 10).astype(np.int32)
    spread = Placement("loihi", chip.n_cores, (np.arange(n) // 10).astype(np.int32), slot)
    assert cannot_compute(coded, chip, spread) == []
    slow = replace(coded, tau_syn=np.linspace(5, 50, n).astype(np.float32))
    assert "settings of current" in " ".join(cannot_compute(slow, chip))
    assert cannot_compute(slow, chip, spread) == []
    two = np.repeat(np.arange(2, dtype=np.int32), 20)
    crowded = Placement("loihi", chip.n_cores, two, np.arange(n, dtype=np.int32))
    assert "20 thresholds, in weight steps, on core 0" in cannot_compute(coded, chip, crowded)[0]


def test_all_reasons_stand_in_one_line() -> None:
    made = held(network(reset="subtract", tau_syn=100.0, tau_mem=np.inf, v_min=0.0, delay=10))
    for name in ("truenorth", "odin", "dynapse2", "loihi", "xylo-audio2"):
        chip = load_chip(name)
        found = cannot_compute(made, chip)
        with pytest.raises(InputError, match="traffic_only=True") as caught:
            refuse(made, chip)
        assert all(reason in str(caught.value) for reason in found)
        assert "\n" not in str(caught.value)
        assert refuse(made, chip, allow=True) == found
    for name in set(chip_names()) & {"grid16", "grid64", "grid256", "board64", "loihi16"}:
        assert cannot_compute(made, load_chip(name)) == []
