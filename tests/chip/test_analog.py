"""Devices do what their data says; without effects they compute the digital sums."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spiking_bimt.chip import analog
from spiking_bimt.chip.analog import (
    EFFECTS,
    conductance_pairs,
    has_effect,
    ideal,
    program,
    slice_bits,
    with_effects,
)
from spiking_bimt.chip.presets import device_names, load_device
from spiking_bimt.data.device import Conductances
from spiking_bimt.data.tiles import TileSet
from spiking_bimt.errors import InputError
from tests.formats.test_tiles import case

PCM = load_device("pcm")
PLAIN = with_effects(PCM, ())


def one_code(code: int, size: int = 200) -> TileSet:
    """A full tile of size x size crosspoints of one code, 8 bits, scale 1."""
    ones: Any = np.ones(size)
    return TileSet(
        rows=size, cols=size, bits=8, n_neurons=size, n_inputs=0, core=np.array([0]),
        row_indptr=np.array([0, size]), row_source=np.arange(size),
        col_indptr=np.array([0, size]), col_target=np.arange(size), scale=ones, in_scale=ones,
        indptr=np.array([0, size**2]), position=np.arange(size**2),
        codes=np.full(size**2, code),
    )  # fmt: skip


def values(tiles: TileSet, device: Any, seconds: float = 0.0) -> Any:
    return program(tiles, device, np.random.default_rng(0), seconds).value


def test_the_presets_load_and_effects_go_away() -> None:
    assert "pcm" in device_names()
    assert [name for name in EFFECTS if has_effect(PCM, name)] == [
        "programming noise", "drift", "read noise", "converter",
    ]  # fmt: skip
    assert not any(has_effect(PLAIN, name) for name in EFFECTS)


@pytest.mark.parametrize("slices", [1, 2, 7])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_device_without_effects_holds_the_codes(seed: int, slices: int) -> None:
    tiles = case(seed, n=20, density=0.4, bits=8).tiles
    crossbars = program(tiles, replace(PLAIN, slices=slices), np.random.default_rng(0), 1e6)
    codes = (crossbars.value * crossbars.scale[:, None, :]).reshape(
        slices, tiles.n_tiles, tiles.rows, tiles.cols
    )
    scale = crossbars.scale[: tiles.n_tiles]
    dense = np.stack([tiles.dense(t) for t in range(tiles.n_tiles)])
    np.testing.assert_allclose(codes.sum(axis=0), dense * scale[:, None, :], atol=1e-9)
    assert ideal(tiles).adc_bits is None


@pytest.mark.parametrize(("bits", "slices"), [(8, 1), (8, 2), (8, 7), (16, 4), (2, 1)])
def test_pairs_give_the_codes_back(bits: int, slices: int) -> None:
    limit = 2 ** (bits - 1) - 1
    codes = np.arange(-limit, limit + 1)
    pairs = conductance_pairs(codes, bits, replace(PLAIN, slices=slices))
    np.testing.assert_array_equal(pairs.codes(), codes)
    assert not ((pairs.positive > 0) & (pairs.negative > 0)).any()
    assert slice_bits(bits, slices).sum() == bits - 1


def test_programming_noise_has_the_stated_spread() -> None:
    for code in (10, 64, 127):
        found = values(one_code(code), with_effects(PCM, ("programming noise",)))
        g = code / 127
        plus, minus = 0.26348 + 1.9650 * g - 1.1731 * g**2, 0.26348
        # G- is at 0, where noise below 0 is cut: half a normal distribution.
        half = minus * np.sqrt(0.5 - 1 / (2 * np.pi))
        expected = np.hypot(plus, half) * 127 / 25
        assert np.std(found) == pytest.approx(expected, rel=0.02)


def test_stuck_devices_have_the_stated_shares() -> None:
    stuck = replace(PLAIN, stuck_min=0.1, stuck_max=0.05)
    found = np.rint(values(one_code(64), stuck))
    # G+ at 64, 0 or 127, G- at 0 or 127.
    assert np.mean(found == 0) == pytest.approx(0.1 * 0.95 + 0.05 * 0.05, abs=0.005)
    assert np.mean(found == 127) == pytest.approx(0.05 * 0.95, abs=0.005)
    assert np.mean(found == 64) == pytest.approx(0.85 * 0.95, abs=0.005)


def test_drift_is_a_power_of_time() -> None:
    drifting = replace(PLAIN, drift_mean=[0.05, 0.0, 0.0, 1.0], drift_start=20.0)
    tiles = one_code(100)
    np.testing.assert_allclose(values(tiles, drifting, 2000.0), 100 * 100**-0.05)
    np.testing.assert_allclose(values(tiles, drifting, 20.0), 100)


def test_levels_round_conductances() -> None:
    found = values(one_code(50), replace(PLAIN, levels=5))
    np.testing.assert_allclose(found, 127 * 0.5)


def test_the_converter_rounds_and_clips() -> None:
    crossbars = program(
        one_code(1, 4), replace(PLAIN, adc_bits=4, adc_range=0.5), np.random.default_rng(0), 0.0
    )
    step = 127 * 0.5 / 7
    sums = np.array([[[-100.0, 0.4 * step, 0.6 * step, 2.6 * step]]])
    np.testing.assert_allclose(crossbars.convert(sums)[0, 0] / step, [-7, 0, 1, 3])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"g_min": 30.0}, r"g_min is 30\.0, it must lie in 0\.\.g_max"),
        ({"slices": 0}, "slices is 0, it must lie in 1"),
        ({"levels": 1}, "levels is 1"),
        ({"adc_bits": 1}, "adc_bits is 1"),
        ({"program_noise": [1.0]}, "program_noise takes 3 numbers, or none"),
        ({"stuck_min": 0.6, "stuck_max": 0.6}, "add up to 1 at most"),
        ({"adc_bits": 2000}, r"adc_bits is 2000, it must lie in 2\.\.32"),
        ({"stuck_min": float("nan")}, "stuck_min is nan, expected a number"),
        ({"drift_mean": [0.05, 0.0, 0.2, 0.1]}, r"drift_mean is clipped to 0\.2\.\.0\.1"),
        ({"drift_spread": [0.05, 0.0, -0.1, 0.1]}, r"drift_spread is clipped to -0\.1\.\.0\.1"),
        ({"read_noise": [0.01, 0.5, -0.2]}, "the first and the last must not be negative"),
        ({"adc_bits": None}, "adc_range has no effect without adc_bits: leave it out"),
        ({"adc_range": None}, "adc_bits needs adc_range, which is missing"),
        ({"drift_start": None}, "drift_mean needs drift_start, which is missing"),
        ({"drift_start": None, "drift_mean": []}, "drift_spread has no effect without drift_mean"),
        ({"drift_mean": [], "drift_spread": []}, "drift_start has no effect without drift_mean"),
    ],
)
def test_bad_devices_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(PCM, **change)


def test_a_device_file_leaves_out_what_the_device_lacks(tmp_path: Path) -> None:
    text = (Path(analog.__file__).parent / "pcm.device.toml").read_text("utf-8")
    lines = [line for line in text.splitlines() if not line.startswith(("drift", "adc_"))]
    lines = ["drift_mean = []", "drift_spread = []", *lines]
    (tmp_path / "mine.toml").write_text("\n".join(lines))
    device = load_device(tmp_path / "mine.toml")
    assert not has_effect(device, "drift")
    assert not has_effect(device, "converter")
    assert values(one_code(64), with_effects(device, ()), 1e9) == pytest.approx(64)
    (tmp_path / "mine.toml").write_text("\n".join(["adc_bits = 2000", "adc_range = 8.0", *lines]))
    with pytest.raises(InputError, match="adc_bits is 2000"):
        load_device(tmp_path / "mine.toml")


def test_more_slices_than_bits_and_too_many_crosspoints_are_refused() -> None:
    with pytest.raises(InputError, match="3 slices of 2 magnitude bits"):
        slice_bits(3, 3)
    tiles = replace(one_code(1, 4), rows=2**15, cols=2**15, position=np.repeat(
        np.arange(4) * 2**15, 4) + np.tile(np.arange(4), 4))  # fmt: skip
    with pytest.raises(InputError, match="1 tiles have 1073741824 crosspoints"):
        ideal(tiles)


def test_levels_that_a_slice_lacks_are_refused() -> None:
    pairs = conductance_pairs(np.array([3]), 3, PLAIN)
    with pytest.raises(InputError, match="positive has a level that its slice lacks"):
        Conductances(0.0, 1.0, pairs.slice_bits, pairs.positive + 1, pairs.negative)
