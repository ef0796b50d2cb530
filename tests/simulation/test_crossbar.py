"""The tile simulator: digital crossbars give the kernel's spikes bit for bit."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiking_bimt.chip.analog import ideal, program
from spiking_bimt.chip.presets import load_device
from spiking_bimt.errors import InputError
from spiking_bimt.simulation.crossbar import run_crossbars
from spiking_bimt.simulation.run import simulate_trials
from tests.formats.test_tiles import assert_same, case, trials


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_digital_crossbars_are_bit_exact_with_the_kernel(seed: int) -> None:
    content = case(seed, n=1 + seed % 20, delays=False)
    network = content.network.quantised()
    test = trials(network.n_inputs, seed)
    # Delays of their own make the kernel add up what is due first, as a column does.
    own = replace(network, delays=np.full(len(network.indices), network.delay, np.int32))
    kernel = simulate_trials(own, test, seed=seed, threads=1, dtype=np.float64)
    found = run_crossbars(network, ideal(content.tiles), test, seed=seed)
    np.testing.assert_array_equal(found.spike_counts, kernel.spike_counts)
    assert_same(found, kernel, ("outputs",))
    np.testing.assert_allclose(found.outputs, kernel.outputs, rtol=1e-5, atol=1e-5)


def test_poisson_sources_fire_as_in_the_kernel() -> None:
    content = case(3, n=12, delays=False)
    network = content.network.quantised()
    sources = np.arange(12) < 5
    network = replace(
        network, poisson=sources, delays=np.full(len(network.indices), network.delay, np.int32),
        tau_mem=np.where(sources, np.inf, network.tau_mem),
        t_ref=np.where(sources, 0, network.t_ref), bias=np.where(sources, 0.1, network.bias),
    )  # fmt: skip
    test = trials(network.n_inputs, 3)
    kernel = simulate_trials(network, test, seed=5, threads=1, dtype=np.float64)
    found = run_crossbars(replace(network, delays=None), ideal(content.tiles), test, seed=5)
    assert kernel.spike_counts[:, sources].sum() > 30
    np.testing.assert_array_equal(found.spike_counts, kernel.spike_counts)


def test_read_noise_is_seeded() -> None:
    content = case(7, n=20, density=0.4, bits=8, delays=False)
    test = trials(content.network.n_inputs, 7)
    crossbars = program(content.tiles, load_device("pcm"), np.random.default_rng(0), 20.0)
    one, two, other = (
        run_crossbars(content.network, crossbars, test, seed=seed) for seed in (1, 1, 2)
    )
    assert_same(one, two)
    assert not np.array_equal(one.outputs, other.outputs)


def test_delays_of_their_own_are_refused() -> None:
    content = case(7, n=20, density=0.4, delays=True)
    with pytest.raises(InputError, match="do not add up in a column"):
        run_crossbars(content.network, ideal(content.tiles), trials(content.network.n_inputs, 7))
