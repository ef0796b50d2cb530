"""A spiking network refuses what no simulator could run, naming the field."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spiking_bimt.converting.quantise import quantise
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError


def network() -> SpikingNetwork:
    """Three neurons in a ring, one input channel, two outputs."""
    ones = np.ones(3, np.float32)
    return SpikingNetwork(
        indptr=np.array([0, 1, 2, 3]), indices=np.array([1, 2, 0], np.int32), weights=0.5 * ones,
        in_indptr=np.array([0, 3]), in_indices=np.array([0, 1, 2], np.int32), in_weights=ones,
        w_out=np.ones((2, 3), np.float32), b_out=np.zeros(2, np.float32), tau_out=100.0,
        tau_mem=np.inf * ones, tau_syn=100 * ones, v_th=ones, v_reset=0 * ones, v_leak=0 * ones,
        v_min=0 * ones, t_ref=0 * ones, bias=0 * ones, delay=1, reset="subtract", dt=1.0,
        task_dt=20.0, positions=np.array([[0, 0], [0, 1], [1, 0]], np.int32), sheet=(2, 2),
        battery="yang19", tasks=("go",),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("indices", [1, 3, 0], r"indices holds 3, outside 0\.\.2"),
        ("indices", [1, -1, 0], r"indices holds -1, outside 0\.\.2"),
        ("indptr", [0, 2, 1, 3], "indptr must rise from 0 to 3"),
        ("indptr", [0, 1, 2, 4], "indptr must rise from 0 to 3"),
        ("in_indices", [0, 1, 9], "in_indices holds 9"),
        ("weights", [1, np.nan, 1], r"weights\[1\] is nan: it must be finite"),
        ("weights", [1, 1], r"weights has shape \(2,\), expected \(3\)"),
        ("w_out", np.ones((2, 4)), r"w_out has shape \(2, 4\), expected \(2, 3\)"),
        ("tau_syn", [1, -1, 1], "tau_syn must not be negative"),
        ("tau_mem", [1, 0, 1], "tau_mem must be above 0 everywhere"),
        ("v_min", [1, 1, 1], "v_min must not lie above v_reset"),
        ("v_th", [1, 0, 1], "v_reset of neuron 1 is not below its v_th"),
        ("t_ref", [0, -1, 0], "t_ref must not be negative"),
        ("reset", "soft", "unknown reset 'soft'; known: subtract, value"),
        ("delay", -1, "delays? holds -1 steps: the least is 0"),
        ("delay", 10_001, "delays? holds 10001 steps: the most is 10000"),
        ("delays", [1, 2, 2_000_000], "delays? holds 2000000 steps: the most is 10000"),
        ("dt", 1e-12, r"dt is 1e-12 ms: the least is 0\.0001"),
        ("delays", [1, -1, 1], "delays? holds -1 steps: the least is 0"),
        ("task_dt", 20.5, "task_dt 20.5 ms is not a multiple of dt"),
        ("dt", float("inf"), "dt is inf: it must be a finite number above 0"),
        ("codes", [1, 1, 1], "out_scale are None: give all of bits, codes"),
    ],
)
def test_bad_values_are_named(field: str, value: Any, message: str) -> None:
    if isinstance(value, list):
        value = np.array(value)
    with pytest.raises(InputError, match=message):
        replace(network(), **{field: value})


def test_a_good_one_is_taken() -> None:
    assert network().n_neurons == 3
    assert network().steps_per_task_step == 20


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bits": 400}, "bits is 400: signed codes have 2 to 16 bits"),
        ({"bits": 1}, "bits is 1: signed codes have 2 to 16 bits"),
        ({"codes": np.array([1, -8, 1])}, r"codes holds -8, outside the 4-bit range -7\.\.7"),
        (
            {"out_codes": np.array([[1, 1, 1], [1, 8, 1]])},
            r"out_codes holds 8, outside the 4-bit range",
        ),
        ({"codes": np.array([1, 3.7, 1])}, r"codes\[1\] is 3\.7: no whole number that fits int16"),
        ({"indices": np.array([1, 2**32 + 2, 0])}, r"indices\[1\] is 4294967298: no whole number"),
        (
            {"delays": np.array([1, 1.9, 1])},
            r"delays\[1\] is 1\.9: no whole number that fits int32",
        ),
        ({"weights": np.array([1, 1e300, 1])}, r"weights\[1\] is 1e\+300: too large for float32"),
    ],
)
def test_codes_and_casts_are_exact(changes: dict[str, Any], message: str) -> None:
    whole = quantise(network(), 4)
    with pytest.raises(InputError, match=message):
        replace(whole, **changes)
