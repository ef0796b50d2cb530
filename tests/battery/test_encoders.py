"""Encoders: what goes in can be read from the spikes again."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import spiking_bimt as sb
from spiking_bimt.battery.encoders import (
    DELTA,
    SUBSTEPS,
    encode_delta,
    encode_latency,
    encode_rate,
)
from spiking_bimt.battery.raw_data import DataOptions
from spiking_bimt.battery.read_data import read_data

LEVELS = hnp.arrays(
    float, st.tuples(st.integers(4, 12), st.integers(1, 3)), elements=st.floats(0, 1)
)


def split(levels: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    """Offsets of two sequences of different lengths."""
    return np.array([0, len(levels) // 3, len(levels)])


@settings(max_examples=50, deadline=None)
@given(LEVELS)
def test_rate_sends_what_came_in_up_to_one_spike(levels: np.ndarray) -> None:  # type: ignore[type-arg]
    offsets = split(levels)
    spikes = encode_rate(levels, offsets)
    assert set(np.unique(spikes)) <= {0, 1}
    for begin, end in itertools.pairwise(offsets):
        sent = np.cumsum(spikes[begin * SUBSTEPS : end * SUBSTEPS], axis=0)
        due = np.cumsum(np.repeat(levels[begin:end], SUBSTEPS, axis=0), axis=0)
        assert (sent <= due + 1e-6).all()
        assert (sent > due - 1 - 1e-6).all()


@settings(max_examples=50, deadline=None)
@given(LEVELS)
def test_latency_sends_one_spike_the_earlier_the_larger(levels: np.ndarray) -> None:  # type: ignore[type-arg]
    spikes = encode_latency(levels, split(levels)).reshape(len(levels), SUBSTEPS, -1)
    np.testing.assert_array_equal(spikes.sum(axis=1), levels > 0)
    at = spikes.argmax(axis=1)
    read = 1 - at / SUBSTEPS
    sent = levels > 0
    assert (levels[sent] <= read[sent] + 1e-6).all()
    assert (levels[sent] >= read[sent] - 1 / SUBSTEPS - 1e-6).all()


@settings(max_examples=50, deadline=None)
@given(LEVELS)
def test_delta_follows_the_level_within_one_change(levels: np.ndarray) -> None:  # type: ignore[type-arg]
    offsets, n = split(levels), levels.shape[1]
    spikes = encode_delta(levels, offsets)[::SUBSTEPS]
    for begin, end in itertools.pairwise(offsets):
        change = spikes[begin:end, :n] - spikes[begin:end, n:]
        followed = DELTA * np.cumsum(change, axis=0)
        assert np.abs(followed - levels[begin:end]).max(initial=0) < DELTA + 1e-6
    assert not (spikes[:, :n] * spikes[:, n:]).any()


@pytest.mark.parametrize("encoder", ["rate", "latency", "delta"])
def test_data_with_spikes_at_the_input_go_the_whole_way(encoder: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    label = np.arange(60) % 2
    inputs = np.where(label, 0.8, 0.2)[:, None, None] + rng.normal(0, 0.1, (60, 5, 2))
    data = read_data({"inputs": inputs, "labels": label}, DataOptions(encode=encoder))
    assert (data.dt, data.substeps, len(data.offsets)) == (5.0, SUBSTEPS, 61)
    assert (data.take(np.arange(60)).inputs == data.inputs).all()
    (tmp_path / "tiny.toml").write_text(
        'sheet = [3, 4]\npool = 100\n[[phases]]\nname = "all"\ndt = 20.0\nsteps = 80\nlr = 1e-2\n'
    )
    trained = sb.train(
        tmp_path / "run", data={"inputs": inputs, "labels": label}, encode=encoder,
        config=tmp_path / "tiny.toml",
    )  # fmt: skip
    assert trained["accuracy"] > 0.8
    converted = sb.convert(tmp_path / "run", full_rate=500.0)
    assert converted["accuracy"]["quantised"] > 0.7


def test_unknown_encoders_and_settings_without_effect_are_refused(tmp_path: Path) -> None:
    arrays = {"inputs": np.random.default_rng(0).random((9, 5, 2)), "labels": np.arange(9) % 2}
    with pytest.raises(sb.InputError, match="unknown encode 'rates'; did you mean 'rate'"):
        sb.train(tmp_path / "run", data=arrays, encode="rates")
    with pytest.raises(sb.InputError, match="`standardise` goes before no encoder"):
        sb.train(tmp_path / "run", data=arrays, encode="rate", standardise="all")
    assert not (tmp_path / "run").exists()
