"""Reads a crossbar tile file, and refuses it where it breaks its specification."""

from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from spiking_bimt.chip.presets import chip_from_profile
from spiking_bimt.data import gate, store, validate
from spiking_bimt.data.chip import Chip, Placement
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.neurons import PARAMETERS
from spiking_bimt.data.placed import TileFile
from spiking_bimt.data.tiles import TileSet
from spiking_bimt.errors import InputError
from spiking_bimt.formats import tile_layout

Array = npt.NDArray[Any]


def parse(file: h5py.File) -> TileFile:
    """The content of an open tile file: layout, checksums, then what the values say."""
    tile_layout.check_layout(file)
    fields = _tile_fields(file)
    _check_sums(fields, store.read_array(file["tiles"], "sha256"))
    if tile_layout.text(file, "digest") != tile_layout.digest_of(file):
        raise InputError("the checksum of the file does not match: it was changed")
    tiles = TileSet(**fields)
    chip = _chip(file["hardware"])
    if (chip.crossbar_rows, chip.crossbar_cols) != (tiles.rows, tiles.cols):
        raise InputError("the crossbars of /hardware are not those of its profile")
    core, slot = (store.read_array(file["neurons"], name) for name in ("core", "slot"))
    placement = Placement(chip.name, chip.n_cores, core, slot)
    _check_signs(tile_layout.text(file["tiles"], "sign_mode"), tiles.codes)
    indptr, cores = routing(tiles)
    for name, expected in ("indptr", indptr), ("core", cores):
        if not np.array_equal(store.read_array(file["routing"], name), expected):
            raise InputError("the routing is not that of the tiles")
    return TileFile(tiles, _skeleton(file, tiles), placement, chip)


def routing(tiles: TileSet) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """(N + C + 1,) indptr and ascending destination cores of every neuron and input channel."""
    n_cores = int(tiles.core.max(initial=0)) + 1
    core = np.repeat(tiles.core.astype(np.int64), np.diff(tiles.row_indptr))
    pairs = np.unique(tiles.row_source.astype(np.int64) * n_cores + core)
    sources = np.arange(tiles.n_neurons + tiles.n_inputs + 1, dtype=np.int64)
    indptr = np.searchsorted(pairs, sources * n_cores).astype(np.int64)
    return indptr, (pairs % n_cores).astype(np.int32)


def _tile_fields(file: h5py.File) -> dict[str, Any]:
    """The fields of `TileSet`: lengths agree, values are not looked at yet."""
    group, network = file["tiles"], file["network"]
    n = len(store.read_array(file["neurons"], "core"))
    n_inputs = len(store.read_array(file["routing"], "indptr")) - 1 - n
    # Before anything as long as they say is made.
    if (tile_layout.integer(network, "neurons"), tile_layout.integer(network, "inputs")) != (
        n,
        n_inputs,
    ):
        raise InputError("the numbers of neurons and inputs are not those of /neurons and /routing")
    fields: dict[str, Any] = {
        name: store.read_array(group, name)
        for name in ("core", "row_indptr", "row_source", "col_indptr", "col_target", "indptr")
    }
    for name in ("row_indptr", "col_indptr", "indptr"):
        if len(fields[name]) != len(fields["core"]) + 1:
            raise InputError(f"dataset tiles/{name} is not of {len(fields['core'])} tiles")
    exponent = tile_layout.integer(group, "exponent")
    for name, stored in (("scale", "scale"), ("in_scale", "input_scale")):
        scale = _columns(group, stored, fields["col_indptr"], fields["col_target"], n)
        fields[name] = np.ldexp(scale, exponent).astype(np.float32)
    fields["position"] = _positions(store.read_array(group, "step"), fields["indptr"])
    code, zero = store.read_array(group, "code"), tile_layout.integer(group, "zero_point")
    if len(code) != len(fields["position"]):
        raise InputError(f"{len(code)} codes and {len(fields['position'])} steps")
    fields["codes"] = code if zero == 0 else code.astype(np.int64) - zero
    fields["delays"] = store.read_array(group, "delay") if "delay" in group else None
    hardware = file["hardware"]
    return fields | {
        "rows": tile_layout.integer(hardware, "rows"),
        "cols": tile_layout.integer(hardware, "columns"),
        "bits": tile_layout.integer(group, "bits"),
        "split_signs": tile_layout.text(group, "sign_mode") == "split",
        "n_neurons": n,
        "n_inputs": n_inputs,
    }


def _columns(group: h5py.Group, name: str, indptr: Array, target: Array, n: int) -> Array:
    """The scale of every column from a scale by network, tile, neuron or column."""
    axis, value = tile_layout.text(group, f"{name}_axis"), store.read_array(group, name)
    n_columns = len(target)
    wanted = {
        "network": (), "tile": (len(indptr) - 1,), "neuron": (n,), "column": (n_columns,)
    }  # fmt: skip
    if np.shape(value) != wanted[axis]:
        raise InputError(f"dataset tiles/{name} has shape {np.shape(value)}, expected "
                         f"{wanted[axis]} by {axis}")  # fmt: skip
    if axis == "network":
        return np.full(n_columns, value)
    if axis == "neuron":
        if n_columns and not 0 <= target.min() <= target.max() < n:
            raise InputError(f"dataset tiles/col_target names neurons outside 0..{n - 1}")
        return np.asarray(value)[target]
    counts = np.diff(indptr.astype(np.int64))
    if axis == "tile" and ((counts < 0).any() or counts.sum() != n_columns):
        raise InputError(f"dataset tiles/col_indptr does not divide {n_columns} columns")
    return np.repeat(value, counts) if axis == "tile" else np.asarray(value)


def _positions(step: Array, indptr: Array) -> Array:
    """position = sum of a tile's steps so far - 1."""
    counts = np.diff(indptr.astype(np.int64))
    if (counts < 0).any() or indptr[0] != 0 or indptr[-1] != len(step):
        raise InputError(f"dataset tiles/indptr does not divide {len(step)} synapses")
    total = np.cumsum(step, dtype=np.int64)
    before = np.append(0, total)[indptr[:-1].astype(np.int64)]
    position: Array = total - np.repeat(before, counts) - 1
    if position.max(initial=0) > np.iinfo(np.int32).max:
        raise InputError("dataset tiles/step leads out of the tile")
    return position.astype(np.int32)


def _check_sums(fields: dict[str, Any], stored: Array) -> None:
    found = tile_layout.sums(fields)
    if stored.shape != found.shape:
        raise InputError(f"there are {len(found)} tiles and checksums of shape {stored.shape}")
    bad = np.flatnonzero((found != stored).any(axis=1))
    if len(bad):
        raise InputError(
            f"tile {bad[0]} does not match its checksum ({len(bad)} of {len(found)} tiles): it "
            "was changed"
        )


def _check_signs(mode: str, codes: Array) -> None:
    one_sign = {"excitatory": (codes > 0).all(), "inhibitory": (codes < 0).all()}
    if not one_sign.get(mode, True):
        raise InputError(f"sign_mode is {mode}, and there are codes of the other sign")


def _chip(group: h5py.Group) -> Chip:
    """The chip of its profile, or one with the geometry alone where the file has no profile."""
    geometry: dict[str, Any] = {
        field: tile_layout.integer(group, field)
        for field in ("width", "height", "cores_per_tile", "weight_bits", "neurons_per_core")
    }
    lines: dict[str, Any] = {"crossbar_rows": tile_layout.integer(group, "rows"),
             "crossbar_cols": tile_layout.integer(group, "columns")}  # fmt: skip
    if "profile" in group.attrs:
        profile = gate.json_value(tile_layout.text(group, "profile"))
        if not (isinstance(profile, dict) and isinstance(profile.get("name"), str)):
            raise InputError("the profile of /hardware is no chip with a name")
        chip = chip_from_profile(profile["name"], profile)
        for field, value in geometry.items():
            if getattr(chip, field) != value:
                raise InputError(f"the profile's {field} is {getattr(chip, field)}, not {value}")
        return chip
    return Chip(
        name=tile_layout.text(group, "name"), description="from a tile file", input_axons=None,
        output_axons=None, synapse_bits=None, synapse_formula="flat", routing="unicast",
        local_packets=False, packet_cost=1.0, hop_cost_x=1.0, hop_cost_y=1.0, energy=None,
        sources={}, latency=None, **geometry, **lines,
    )  # fmt: skip


def _skeleton(file: h5py.File, tiles: TileSet) -> SpikingNetwork:
    network, neurons, readout = file["network"], file["neurons"], file["readout"]
    n = tiles.n_neurons
    none: Any = np.zeros(0, np.int32)
    ones: Any = np.ones(n)
    out_codes, out_scale = (store.read_array(readout, name) for name in ("code", "scale"))
    if len(out_scale) != len(out_codes):
        raise InputError(f"{len(out_codes)} outputs have {len(out_scale)} scales")
    places = np.stack([np.zeros(n), np.arange(n)], axis=1)
    if "positions" in neurons:
        places = store.read_array(neurons, "positions")
    meaning: dict[str, Any] = {
        name: gate.json_value(tile_layout.text(network, name)) if name in network.attrs else default
        for name, default in (("tasks", []), ("sheet", [1, n]), ("populations", []))
    }
    return SpikingNetwork(
        indptr=np.zeros(n + 1, np.int64), indices=none, weights=none, codes=none,
        in_indptr=np.zeros(tiles.n_inputs + 1, np.int64), in_indices=none, in_weights=none,
        in_codes=none, scale=ones, in_scale=ones, out_codes=out_codes,
        out_scale=out_scale, w_out=out_codes.astype(np.float32) * out_scale[:, None],
        b_out=store.read_array(readout, "bias"),
        tau_out=float(tile_layout.number(network, "tau_out")),
        delay=tile_layout.integer(network, "delay"), reset=tile_layout.text(network, "reset"),
        dt=float(tile_layout.number(network, "dt")),
        task_dt=float(tile_layout.number(network, "task_dt")),
        positions=places, sheet=tuple(meaning["sheet"]),
        battery=tile_layout.text(network, "battery") if "battery" in network.attrs else "",
        tasks=tuple(meaning["tasks"]), bits=tiles.bits, split_signs=tiles.split_signs,
        populations=_populations(meaning["populations"]),
        delays=None if tiles.delays is None else none,
        **_parameters(neurons),
    )  # fmt: skip


def _populations(given: Any) -> Any:
    """As a network has them; InputError where they are no list of names and neurons."""
    hint = tuple[tuple[str, int, int], ...]
    return validate.typed("network", "populations", given, hint)


def _parameters(group: h5py.Group) -> dict[str, Any]:
    """The parameters of the neurons that the file has; a flag is stored as 0 or 1."""
    found = {name: store.read_array(group, name) for name in PARAMETERS if name in group}
    return {
        name: value == 1 if PARAMETERS[name].dtype is np.bool_ else value
        for name, value in found.items()
    }
