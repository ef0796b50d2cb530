"""Products against NumPy's, the passes against a loop over single trials."""

from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from spiking_bimt.kernels import train_recurrent
from spiking_bimt.kernels.shared_vector import LANES
from spiking_bimt.kernels.train_batch import gather

Array = npt.NDArray[Any]
RELU = np.empty(0, np.float32)


def floats(rng: np.random.Generator, *shape: int) -> Array:
    return rng.normal(size=shape).astype(np.float32)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 21), st.integers(1, 3), st.integers(1, 3))
def test_products_equal_numpys(seed: int, m: int, k: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    x, w, out = floats(rng, m, 16 * k), floats(rng, 16 * k, 16 * n), floats(rng, m, 16 * n)
    expected = out + x @ w
    train_recurrent.add_product(x, w, out)
    np.testing.assert_allclose(out, expected, atol=1e-4)

    right, total = floats(rng, m, 16 * n), floats(rng, 16 * k, 16 * n)
    expected = total + x.T @ right
    train_recurrent.add_outer(x, right, total)
    np.testing.assert_allclose(total, expected, atol=1e-4)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 9), min_size=1, max_size=7))
def test_each_packed_trial_runs_as_if_alone(seed: int, lengths: list[int]) -> None:
    rng = np.random.default_rng(seed)
    lengths = sorted(lengths, reverse=True)
    counts = np.array([sum(length > t for length in lengths) for t in range(lengths[0])])
    start = np.concatenate([[0], np.cumsum(counts)])
    n, alpha = 16, np.float32(0.3)
    w, drive = floats(rng, n, n) / 4, floats(rng, start[-1], n)
    rates, slopes = np.empty_like(drive), drive.copy()
    train_recurrent.forward(slopes, rates, counts, np.ascontiguousarray(w.T), alpha, RELU)
    for trial, length in enumerate(lengths):
        r = np.zeros(n)
        for t in range(length):
            total = w @ r + drive[start[t] + trial]
            r = (1 - alpha) * r + alpha * np.maximum(total, 0)
            np.testing.assert_allclose(rates[start[t] + trial], r, atol=1e-4)
            if (np.abs(total) > 1e-4).all():
                np.testing.assert_array_equal(slopes[start[t] + trial], total > 0)


def test_padded_sizes_are_whole_vectors() -> None:
    assert [train_recurrent.padded(n) for n in (1, 16, 17, 400)] == [16, 16, 32, 400]
    assert LANES % train_recurrent.UNROLLED == 0


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 3), st.integers(1, 5))
def test_gathering_turns_each_ring_by_the_places_of_its_trial(
    seed: int, n_rings: int, ring: int
) -> None:
    rng = np.random.default_rng(seed)
    counts = np.sort(rng.integers(1, 5, 3))[::-1]
    n_channels, rows = 1 + n_rings * ring + 2, np.arange(counts.sum())
    source = floats(rng, len(rows), n_channels)
    rng.shuffle(rows)
    turn = rng.integers(ring, size=counts[0])
    out = np.full((len(rows), n_channels + 1), np.nan, np.float32)
    gather(source, rows, counts, turn, ring, n_rings, out)
    trial = np.concatenate([np.arange(count) for count in counts])
    for p, row in enumerate(rows):
        expected = source[row].copy()
        for m in range(n_rings):
            part = slice(1 + m * ring, 1 + (m + 1) * ring)
            expected[part] = np.roll(source[row, part], turn[trial[p]])
        np.testing.assert_array_equal(out[p, :-1], expected)
        assert np.isnan(out[p, -1])
