"""Rounding: the ways to choose a scale, against brute force and what a chip can hold."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiking_bimt.converting.quantise import Rounding
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError
from tests.kernels.networks import Array, random_network


def squared_error(network: SpikingNetwork, rounding: Rounding) -> Array:
    """(N,) summed squared error of the recurrent weights onto each neuron."""
    coded = rounding.apply(network)
    assert coded.codes is not None
    assert coded.scale is not None
    error = coded.codes * coded.scale[coded.indices] - network.weights
    return np.bincount(network.indices, error.astype(float) ** 2, network.n_neurons)


@given(st.integers(0, 2**31), st.integers(2, 6))
@settings(max_examples=20, deadline=None)
def test_least_squares_is_never_worse_and_near_the_best_scale(seed: int, bits: int) -> None:
    network = random_network(seed, 12)
    largest = squared_error(network, Rounding(bits))
    least = squared_error(network, Rounding(bits, fit="least-squares"))
    assert (least <= largest * (1 + 1e-5) + 1e-12).all()
    limit = 2 ** (bits - 1) - 1
    onto = network.weights[network.indices == 3].astype(float)
    if len(onto):
        scales = np.linspace(0.2, 1, 400) * np.abs(onto).max() / limit
        tried = [
            ((np.clip(np.rint(onto / s), -limit, limit) * s - onto) ** 2).sum() for s in scales
        ]
        assert least[3] <= 2 * min(tried) + 1e-4


def test_two_bits_are_ternary() -> None:
    coded = Rounding(2, fit="least-squares").apply(random_network(3, 30))
    assert coded.codes is not None
    assert set(np.unique(coded.codes)) == {-1, 0, 1}


def test_one_scale_for_all() -> None:
    coded = Rounding(4, per="network", fit="least-squares").apply(random_network(3, 30))
    for scale in (coded.scale, coded.in_scale):
        assert scale is not None
        assert len(np.unique(scale)) == 1


@pytest.mark.parametrize("per", ["neuron", "network"])
def test_scales_that_are_powers_of_two_apart(per: str) -> None:
    network = random_network(3, 30)
    free, coded = (Rounding(8, per=per, power_of_two=p).apply(network) for p in (False, True))
    assert coded.scale is not None
    assert free.scale is not None
    assert coded.codes is not None
    used = np.unique(network.indices)
    exponents = np.log2(coded.scale[used] / coded.scale[used].max())
    np.testing.assert_allclose(exponents, np.round(exponents), atol=1e-5)
    assert exponents.min() >= -15
    # Rounded up, so that no weight is cut off.
    assert (coded.scale[used] >= free.scale[used] * (1 - 1e-6)).all()
    error = np.abs(coded.codes * coded.scale[network.indices] - network.weights)
    assert (error <= 0.501 * coded.scale[network.indices]).all()


def test_input_and_readout_may_be_wider() -> None:
    network = random_network(3, 30)
    kinds = (Rounding(4), Rounding(8), Rounding(4, edge_bits=8))
    narrow, wide, mixed = (rounding.apply(network) for rounding in kinds)
    assert mixed.bits == 8
    np.testing.assert_array_equal(mixed.codes, narrow.codes)
    np.testing.assert_array_equal(mixed.scale, narrow.scale)
    for name in ("in_codes", "in_scale", "out_codes", "out_scale"):
        np.testing.assert_array_equal(getattr(mixed, name), getattr(wide, name))


def test_codes_of_given_scales_saturate() -> None:
    network = random_network(3, 30)
    rec, inputs, out = Rounding(4).scales(network)
    half = np.float32(0.5)
    scales = (rec * half, inputs * half, out * half)
    coded = Rounding(4).apply(network, scales)
    assert coded.codes is not None
    assert coded.scale is not None
    np.testing.assert_array_equal(coded.scale, scales[0])
    exact = network.weights / coded.scale[network.indices]
    assert (np.abs(exact) > 7.5).any()
    np.testing.assert_array_equal(coded.codes, np.round(np.clip(exact, -7, 7)))


def test_kinds_that_are_unknown_are_refused() -> None:
    with pytest.raises(InputError, match="unknown per 'column'; known: neuron, core, network"):
        Rounding(8, per="column")
    with pytest.raises(InputError, match="3 bits of input and readout: from 4"):
        Rounding(4, edge_bits=3)


def test_one_scale_for_each_core() -> None:
    network = replace(random_network(3, 30), core=np.arange(30, dtype=np.int32) % 3 * 7)
    for fit in ("largest", "least-squares"):
        shared = Rounding(4, per="core", fit=fit).apply(network)
        assert shared.scale is not None
        assert network.core is not None
        for core in np.unique(network.core):
            on = network.core == core
            assert len(np.unique(shared.scale[on])) == 1
            # What is left of the network is that core alone: its scale is that of a network.
            inside = on[network.indices]
            weights = np.where(inside, network.weights, 0).astype(np.float32)
            alone = Rounding(4, per="network", fit=fit).apply(replace(network, weights=weights))
            assert alone.scale is not None
            assert shared.scale[on][0] == alone.scale[0]
    with pytest.raises(InputError, match="no cores yet: place it"):
        Rounding(4, per="core").apply(random_network(3, 30))


@pytest.mark.parametrize("bits", [1, 3, 8])
def test_signs_held_apart_leave_every_bit_to_the_size(bits: int) -> None:
    network = random_network(3, 30)
    split, mixed = Rounding(bits, signs="split").apply(network), Rounding(bits + 1).apply(network)
    np.testing.assert_array_equal(split.codes, mixed.codes)
    assert split.codes is not None
    assert np.abs(split.codes).max() == 2**bits - 1
    assert (split.bits, split.weight_bits, mixed.weight_bits) == (bits + 1, bits, bits + 1)
    with pytest.raises(InputError, match="16 bits: integer weights with signs apart have 1 to 15"):
        Rounding(16, signs="split")
