"""The table of neuron parameters is the only list of them: all that handles them follows it."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from spiking_bimt.data.network import CODES, SpikingNetwork
from spiking_bimt.data.neurons import OPTIONAL, PARAMETERS, NeuronOptions, NeuronParameters
from spiking_bimt.errors import InputError
from spiking_bimt.formats import tile_layout
from spiking_bimt.simulation.build import from_csr
from spiking_bimt.simulation.locality import renumber, select_neurons


def varied(n: int = 12) -> SpikingNetwork:
    """A network whose parameters differ in every neuron."""
    rng = np.random.default_rng(0)
    values: dict[str, Any] = {
        name: rng.uniform(0.5, 0.9, n) for name in PARAMETERS if name not in OPTIONAL
    }
    values |= {
        "v_th": values["v_th"] + 1,
        "v_min": values["v_min"] - 1,
        "t_ref": np.arange(n) * 1.0,
    }
    return from_csr(np.arange(n + 1), (np.arange(n) + 1) % n, np.ones(n), dt=1.0, **values)


def test_the_table_has_every_field_of_the_record_with_its_unit() -> None:
    assert list(PARAMETERS) == [field.name for field in fields(NeuronParameters)]
    assert list(PARAMETERS) == list(NeuronOptions.__annotations__)
    assert {"poisson", "tau_syn_negative"} == OPTIONAL
    for name, row in PARAMETERS.items():
        assert row.unit or row.dtype is np.bool_
        assert row.nir or row.meaning, f"{name}: what does NIR lose?"


def test_builders_take_every_parameter_and_its_default() -> None:
    plain = from_csr([0, 0, 0], [], [])
    for name, row in PARAMETERS.items():
        value = getattr(plain, name)
        if name in OPTIONAL:
            assert value is None
            continue
        assert value.dtype == row.dtype
        np.testing.assert_array_equal(value, np.full(2, row.default, row.dtype))
        assert not plain.in_use(name).any()
    given = from_csr([0, 0, 0], [], [], poisson=[True, False], tau_mem=np.inf)
    np.testing.assert_array_equal(given.poisson, [True, False])


def test_every_parameter_follows_its_neuron() -> None:
    sources = np.arange(12) == 3
    none = np.zeros(12, np.float32)
    network = replace(
        varied(), poisson=sources, tau_mem=none + np.float32(np.inf), t_ref=none,
        tau_syn_negative=np.arange(12, dtype=np.float32),
    )  # fmt: skip
    order = np.random.default_rng(1).permutation(12).astype(np.int32)
    for made, chosen in (
        (renumber(network, order), order),
        (select_neurons(network, order[:5]), order[:5]),
    ):
        for name in PARAMETERS:
            np.testing.assert_array_equal(getattr(made, name), getattr(network, name)[chosen])


def test_tiles_have_a_dataset_for_every_parameter_that_a_crossbar_can_have() -> None:
    element = tile_layout.ELEMENTS["neurons"]
    for name in PARAMETERS:
        held = name in (element.may if name in OPTIONAL else element.must)
        assert held == (name != "tau_syn_negative"), name  # a column adds up both signs


@pytest.mark.parametrize("name", [name for name in PARAMETERS if name not in OPTIONAL])
@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_what_no_neuron_can_have_is_refused_by_name(name: str, value: float) -> None:
    network = varied()
    bad = np.array(getattr(network, name))
    bad[4] = value
    if name == "v_min" and np.isinf(value):
        return
    changed: dict[str, Any] = {name: bad}
    with pytest.raises(InputError, match=rf"SpikingNetwork\.{name}"):
        replace(network, **changed)


def test_a_file_without_a_parameter_says_what_it_loses() -> None:
    network = varied()
    assert network.losses(PARAMETERS) == []
    assert network.losses(set(PARAMETERS) - {"t_ref"}) == ["the refractory time of 11 neurons"]
    defaults: dict[str, Any] = network.defaults({"tau_mem"} | OPTIONAL)
    assert not replace(network, **defaults).losses({"tau_mem"})


def test_an_optional_parameter_is_refused_where_it_is_unknown() -> None:
    network = from_csr([0, 0, 0], [], [], poisson=[True, False], tau_mem=np.inf)
    network.refuse_optional("here", known=["poisson"])
    with pytest.raises(InputError, match="fixed point has no Poisson sources: convert with"):
        network.refuse_optional("fixed point")


def test_without_codes_is_the_same_network_in_floats() -> None:
    n = 3
    codes = np.ones(n, np.int16)
    coding: dict[str, Any] = {
        "bits": 8, "codes": codes, "scale": np.ones(n), "in_codes": codes[:0],
        "in_scale": np.ones(n), "out_codes": np.ones((1, n)), "out_scale": [1.0],
    }  # fmt: skip
    coded = replace(from_csr([0, 1, 2, 3], [1, 2, 0], np.ones(n)), **coding)
    plain = coded.without_codes(b_out=[2.0])
    assert all(getattr(plain, name) is None for name in CODES)
    assert plain.b_out[0] == 2
    np.testing.assert_array_equal(plain.weights, coded.weights)
