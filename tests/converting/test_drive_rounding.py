"""Rounding for the drives, against rounding of each weight by itself and against brute force."""

import itertools
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from spiking_bimt.converting.drive_rounding import measure_moments, round_for_drives
from spiking_bimt.converting.one_to_one import ConversionConfig, to_spiking
from spiking_bimt.converting.quantise import Rounding
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.simulation.rate import drive_percentile, rate_steps
from tests.converting.test_one_to_one import held_inputs, random_rate_network

CONFIG = ConversionConfig(full_rate=200.0)
ROUNDING = Rounding(4, fit="drive")
Doubles = npt.NDArray[np.float64]


def network_and_moments(seed: int = 3) -> tuple[SpikingNetwork, Doubles]:
    rate, trials = random_rate_network(seed), held_inputs(2)
    full_scale = drive_percentile(rate, trials, 100.0)
    floor = np.maximum(full_scale, 1e-3 * full_scale.max())
    return to_spiking(rate, full_scale, CONFIG), measure_moments(rate, trials, 0.2 / floor)


def incoming(network: SpikingNetwork, post: int) -> Doubles:
    """(N + C,) weights onto a neuron from neurons and channels."""
    rows = [np.zeros(network.n_neurons), np.zeros(network.n_inputs)]
    parts = ((network.indptr, network.indices, network.weights),
             (network.in_indptr, network.in_indices, network.in_weights))  # fmt: skip
    for row, (indptr, indices, weights) in zip(rows, parts, strict=True):
        source = np.repeat(np.arange(len(row)), np.diff(indptr))
        row[source[indices == post]] = weights[indices == post]
    return np.concatenate(rows)


def test_the_moments_are_those_of_what_is_heard() -> None:
    rate, trials = random_rate_network(3), held_inputs(2)
    per_unit = np.linspace(0.1, 2.0, 12)
    moments, every = measure_moments(rate, trials, per_unit), np.zeros((len(trials.labels), 12))
    for rows, rates, _ in rate_steps(rate, trials):
        every[rows] = rates * per_unit
    together = np.hstack([every, trials.inputs])
    np.testing.assert_allclose(moments, together.T @ together / len(together), rtol=1e-6)


def test_drives_and_outputs_are_off_by_less() -> None:
    """In most networks: what is best for one weight after another may not be best for all."""

    def error(made: SpikingNetwork, network: SpikingNetwork, moments: Doubles) -> Doubles:
        exact, n = made.quantised(), made.n_neurons
        off = np.array([incoming(exact, j) - incoming(network, j) for j in range(n)])
        drives = np.einsum("ij,jk,ik->i", off, moments, off)
        read = exact.w_out - network.w_out
        return np.append(drives, np.einsum("ij,jk,ik->i", read, moments[:n, :n], read))

    ratios = []
    for seed in range(8):
        network, moments = network_and_moments(seed)
        plain, found = ROUNDING.apply(network), round_for_drives(network, ROUNDING, moments)
        ratios.append(error(found, network, moments) / error(plain, network, moments))
        assert found.codes is not None
        assert np.abs(found.codes).max() <= 7
        np.testing.assert_array_equal(found.scale, plain.scale)
    drives, outputs = np.split(np.array(ratios), [12], axis=1)
    assert np.exp(np.log(drives).mean()) < 0.75
    assert np.exp(np.log(outputs).mean()) < 0.75


def test_three_weights_are_rounded_nearly_as_well_as_can_be() -> None:
    """Every choice of codes near the weights of a readout that hears three neurons."""
    network, moments = network_and_moments()
    w_out = np.zeros_like(network.w_out)
    w_out[0, :3] = network.w_out[0, :3]
    alone = replace(network, w_out=w_out)
    found, plain = round_for_drives(alone, ROUNDING, moments), ROUNDING.apply(alone)
    assert found.out_codes is not None
    assert found.out_scale is not None
    assert plain.out_codes is not None
    step = float(found.out_scale[0])

    def error(codes: npt.ArrayLike) -> float:
        off = np.asarray(codes) * step - w_out[0, :3]
        return float(off @ moments[:3, :3] @ off)

    near = [range(max(code - 2, -7), min(code + 2, 7) + 1) for code in plain.out_codes[0, :3]]
    best = min(error(codes) for codes in itertools.product(*near))
    assert best <= error(found.out_codes[0, :3]) <= error(plain.out_codes[0, :3])
    assert not found.out_codes[0, 3:].any()


def test_nothing_heard_is_rounded_to_the_nearest() -> None:
    network, moments = network_and_moments()
    found, plain = round_for_drives(network, ROUNDING, 0 * moments), ROUNDING.apply(network)
    for name in ("codes", "in_codes", "out_codes"):
        np.testing.assert_array_equal(getattr(found, name), getattr(plain, name))
