"""Crossbar tiles on memory devices: programming, stuck devices, drift, noise, converter."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.crossbars import Crossbars
from spiking_bimt.data.device import Conductances, Device
from spiking_bimt.data.tiles import TileSet
from spiking_bimt.errors import InputError

Floats = npt.NDArray[np.float64]

EFFECTS: dict[str, dict[str, Any]] = {
    "conductance levels": {"levels": None},
    "programming noise": {"program_noise": []},
    "stuck devices": {"stuck_min": 0.0, "stuck_max": 0.0},
    "drift": {"drift_mean": [], "drift_spread": [], "drift_start": None},
    "read noise": {"read_noise": []},
    "converter": {"adc_bits": None, "adc_range": None},
}
"""Each effect of a device by name, and the values of the device's fields without it."""

_MOST_CELLS = 2**24
"""Crosspoints that are simulated at most: one array of them takes 128 MiB."""


def slice_bits(bits: int, slices: int) -> npt.NDArray[np.int32]:
    """Bits of each slice, low bits first: the magnitude bits of a code, as evenly as possible."""
    if slices > bits - 1:
        raise InputError(f"{slices} slices of {bits - 1} magnitude bits: a slice needs one or more")
    share, more = divmod(bits - 1, slices)
    return np.array([share + (s < more) for s in range(slices)], np.int32)


def conductance_pairs(codes: npt.NDArray[Any], bits: int, device: Device) -> Conductances:
    """The codes (nnz,) as levels of pairs of the device: G+ holds positive ones, G- negative."""
    widths = slice_bits(bits, device.slices)
    digits = _digits(np.abs(codes.astype(np.int64)), widths)
    return Conductances(
        g_min=device.g_min,
        g_max=device.g_max,
        slice_bits=widths,
        positive=np.where(codes > 0, digits, 0).astype(np.uint16),
        negative=np.where(codes < 0, digits, 0).astype(np.uint16),
    )


def with_effects(device: Device, kept: tuple[str, ...]) -> Device:
    """The device with only the named effects."""
    removed: dict[str, Any] = {}
    for name, fields in EFFECTS.items():
        if name not in kept:
            removed |= fields
    return replace(device, **removed)


def has_effect(device: Device, name: str) -> bool:
    """Whether the device shows the effect at all."""
    return any(getattr(device, field) != value for field, value in EFFECTS[name].items())


def ideal(tiles: TileSet) -> Crossbars:
    """Digital crossbars: every crosspoint holds its weight, in float32 as in the kernels."""
    codes = _dense(tiles)
    rows, cols, scale, in_scale = _lines(tiles)
    spikes = (rows >= 0) & (rows < tiles.n_neurons)
    factor = np.where(spikes[:, :, None], scale[:, None, :], in_scale[:, None, :])
    value = (codes.astype(np.float32) * factor.astype(np.float32)).astype(np.float64)
    ones = np.ones(scale.shape)
    return Crossbars(value, None, rows, cols, ones, ones, None, None)


def program(tiles: TileSet, device: Device, rng: np.random.Generator, seconds: float) -> Crossbars:
    """The tiles in pairs of memory devices, `seconds` after programming.

    Every crosspoint of a used row and column has its pairs, also where there is no synapse. The
    conductance of each device is written once: rounded to a level, with programming noise, at a
    limit for the given shares of stuck devices, times the drift (seconds / drift_start)^-nu. The
    variance of its readings is kept for the simulation.
    """
    widths = slice_bits(tiles.bits, device.slices)
    rows, cols, scale, in_scale = _lines(tiles)
    codes = _dense(tiles).astype(np.int64)
    used = (rows >= 0)[:, :, None] & (cols >= 0)[:, None, :]
    largest = (2.0**widths - 1)[:, None, None, None]
    unit = largest / (device.g_max - device.g_min)
    digits = _digits(np.abs(codes), widths)
    sides = [_write(np.where(sign * codes > 0, digits, 0) / unit + device.g_min, device, rng)
             for sign in (1, -1)]  # fmt: skip
    sides = [_drift(side, device, rng, seconds) for side in sides]
    value = np.where(used, (sides[0] - sides[1]) * unit, 0.0)
    variance = None
    if device.read_noise:
        spread = sum(_read_noise(side, device) ** 2 for side in sides)
        variance = np.where(used, spread * unit**2, 0.0).reshape(-1, *codes.shape[1:])
    shift = 2.0 ** (np.cumsum(widths) - widths)[:, None, None]
    return Crossbars(
        value=value.reshape(-1, *codes.shape[1:]),
        variance=variance,
        row_source=np.tile(rows, (device.slices, 1)),
        col_target=np.tile(cols, (device.slices, 1)),
        scale=(scale * shift).reshape(-1, tiles.cols),
        in_scale=(in_scale * shift).reshape(-1, tiles.cols),
        adc_bits=device.adc_bits,
        adc_full=None
        if device.adc_range is None
        else np.repeat(largest.ravel(), len(rows)) * device.adc_range,
    )


def _write(target: Floats, device: Device, rng: np.random.Generator) -> Floats:
    """Conductances after programming, microsiemens."""
    g = target
    if device.levels is not None:
        step = (device.g_max - device.g_min) / (device.levels - 1)
        g = device.g_min + np.rint((g - device.g_min) / step) * step
    if device.program_noise:
        spread = np.polynomial.polynomial.polyval(g / device.g_max, device.program_noise)
        g = np.maximum(g + np.maximum(spread, 0) * rng.standard_normal(g.shape), 0)
    if device.stuck_min or device.stuck_max:
        draw = rng.random(g.shape)
        g = np.where(draw < device.stuck_min, device.g_min, g)
        g = np.where(draw >= 1 - device.stuck_max, device.g_max, g)
    return g


def _drift(g: Floats, device: Device, rng: np.random.Generator, seconds: float) -> Floats:
    if device.drift_start is None or seconds <= device.drift_start:
        return g
    log = np.log(np.maximum(g / device.g_max, 1e-7))
    nu = _clipped(log, device.drift_mean)
    if device.drift_spread:
        nu = nu + _clipped(log, device.drift_spread) * rng.standard_normal(g.shape)
    drifted: Floats = g * (seconds / device.drift_start) ** -np.maximum(nu, 0)
    return drifted


def _clipped(log: Floats, line: list[float]) -> Floats:
    a, b, low, high = line
    return np.clip(a + b * log, low, high)


def _read_noise(g: Floats, device: Device) -> Floats:
    """Standard deviation of one reading, microsiemens."""
    a, b, cap = device.read_noise
    relative = np.maximum(g / device.g_max, 1e-7)
    noise: Floats = g * np.minimum(a * relative**-b, cap)
    return noise


def _digits(magnitude: npt.NDArray[np.int64], widths: npt.NDArray[np.int32]) -> Any:
    """(S, ..) value of each slice of the magnitudes."""
    shift = np.cumsum(widths) - widths
    return np.stack([(magnitude >> s) & ((1 << w) - 1) for s, w in zip(shift, widths, strict=True)])


def _dense(tiles: TileSet) -> npt.NDArray[np.int16]:
    cells = tiles.n_tiles * tiles.rows * tiles.cols
    if cells > _MOST_CELLS:
        raise InputError(
            f"{tiles.n_tiles} tiles have {cells} crosspoints: devices are simulated for up to "
            f"{_MOST_CELLS}"
        )
    empty = np.zeros((0, tiles.rows, tiles.cols), np.int16)
    return np.concatenate([empty, *(tiles.dense(t)[None] for t in range(tiles.n_tiles))])


def _lines(tiles: TileSet) -> tuple[Any, Any, Floats, Floats]:
    """(T, R) sources, (T, C) targets, scales and input scales, -1 and 0 where unused."""

    def padded(indptr: Any, values: Any, width: int, fill: float, dtype: Any) -> Any:
        out = np.full((tiles.n_tiles, width), fill, dtype)
        tile = np.repeat(np.arange(tiles.n_tiles), np.diff(indptr))
        out[tile, np.arange(len(values)) - indptr[tile]] = values
        return out

    return (
        padded(tiles.row_indptr, tiles.row_source, tiles.rows, -1, np.int32),
        padded(tiles.col_indptr, tiles.col_target, tiles.cols, -1, np.int32),
        padded(tiles.col_indptr, tiles.scale, tiles.cols, 0, np.float64),
        padded(tiles.col_indptr, tiles.in_scale, tiles.cols, 0, np.float64),
    )
