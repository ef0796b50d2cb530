"""Crossbar tiles in HDF5: everything that the placed, quantised network is, and checksums of it.

    /tiles      codes (T, R, C), scale (T, C), kind (T,), core (T,), row_source (T, R),
                col_target (T, C), delays (T, R, C) where synapses have their own, sha256 (T, 32)
    /neurons    parameters (N,), scale and in_scale (N,), core and slot (N,), positions (N, 2)
    /readout    codes (K, N), scale (K,), b_out (K,)
    /network    dt, task_dt, tau_out, delay, inputs, bits; reset, sheet, battery, tasks as JSON
    /hardware   profile: the fields of `Chip` as JSON

Rows are axons, columns are neurons; weight = codes * scale of the column, and code 0 is no synapse.
Every tile is one chunk, so it is read without the others. Its SHA-256 is over its codes (int16),
scale (float32), row_source, col_target, kind, core and delays (int32), little-endian, in this
order. The root attribute `digest` is the SHA-256 of all other content, the tiles' sums included.
"""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import numpy.typing as npt

from spiking_bimt.data import store
from spiking_bimt.data.chip import Chip, Placement
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.tiles import TileSet
from spiking_bimt.errors import InputError

SCHEMA = "tiles"

_TILE_TYPES = {
    "codes": "<i2",
    "scale": "<f4",
    "row_source": "<i4",
    "col_target": "<i4",
    "kind": "<i4",
    "core": "<i4",
    "delays": "<i4",
}
_NEURON = ("tau_mem", "tau_syn", "v_th", "v_reset", "v_leak", "v_min", "t_ref", "bias", "scale",
           "in_scale", "positions")  # fmt: skip
_SCALARS = ("dt", "task_dt", "tau_out", "delay")
_TEXTS = ("reset", "battery", "tasks", "sheet")


class TileFile(NamedTuple):
    """What a tile file holds."""

    tiles: TileSet
    network: SpikingNetwork
    """The quantised network without its synapses: those are in the tiles."""
    placement: Placement
    chip: Chip


def write_tiles(
    path: Path,
    tiles: TileSet,
    network: SpikingNetwork,
    placement: Placement,
    chip: Chip,
    settings: dict[str, Any],
    inputs: dict[str, Path],
) -> None:
    """Write the tiles of a placed network, and all else that it takes to rebuild it.

    settings, inputs: provenance (see `store.writing`). Raises InputError where the network has no
    codes or the file cannot be written.
    """
    if network.out_codes is None or network.out_scale is None:
        raise InputError("the network has no integer codes: run convert with --bits")
    with store.writing(path, SCHEMA, settings, inputs) as file:
        _write_tile_arrays(file.create_group("tiles"), tiles)
        neurons = file.create_group("neurons")
        for field in _NEURON:
            store.write_array(neurons, field, getattr(network, field))
        store.write_array(neurons, "core", placement.core)
        store.write_array(neurons, "slot", placement.slot)
        readout = file.create_group("readout")
        store.write_array(readout, "codes", network.out_codes)
        store.write_array(readout, "scale", network.out_scale)
        store.write_array(readout, "b_out", network.b_out)
        scalars = file.create_group("network").attrs
        for field in _SCALARS:
            scalars[field] = getattr(network, field)
        for field in _TEXTS:
            _write_text(scalars, field, json.dumps(getattr(network, field)))
        scalars["inputs"] = network.n_inputs
        scalars["bits"] = tiles.bits
        profile = json.dumps(dataclasses.asdict(chip), sort_keys=True)
        _write_text(file.create_group("hardware").attrs, "profile", profile)
        _write_text(file.attrs, "digest", _digest(file))


def read_tiles(path: Path) -> TileFile:
    """The content of a tile file, after every checksum held.

    Raises InputError for anything but a whole, unchanged file; it names the first bad tile.
    """
    with store.reading(path, SCHEMA) as file:
        for name in ("tiles", "neurons", "readout", "network", "hardware"):
            if not isinstance(file.get(name), h5py.Group):
                raise InputError(f"group {name} is missing")
        try:
            _check_tiles(file["tiles"])
            if _text(file.attrs["digest"]) != _digest(file):
                raise InputError("the checksum of the file does not match: it was changed")
            return _parse(file)
        except (ValueError, OverflowError, MemoryError, AttributeError, AssertionError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                f"the file is damaged ({type(error).__name__}): make it again"
            ) from error


def _write_tile_arrays(group: h5py.Group, tiles: TileSet) -> None:
    stored = np.int8 if tiles.bits <= 8 else np.int16
    _write_chunked(group, "codes", tiles.codes.astype(stored))
    if tiles.delays is not None:
        _write_chunked(group, "delays", tiles.delays)
    for name in ("scale", "row_source", "col_target", "kind", "core"):
        store.write_array(group, name, getattr(tiles, name))
    _write_text(group.attrs, "rows", "axons")
    _write_text(group.attrs, "columns", "neurons")
    store.write_array(group, "sha256", _sums({n: getattr(tiles, n) for n in _TILE_TYPES}))


def _write_text(attributes: Any, name: str, text: str) -> None:
    """Text of fixed length: HDF5 can crash on a damaged text of variable length."""
    attributes.create(name, np.bytes_(text.encode()))


def _text(value: Any) -> str:
    if not isinstance(value, bytes):
        raise InputError(f"an attribute is {value!r}, expected text")
    return value.decode()


def _write_chunked(group: h5py.Group, name: str, value: npt.NDArray[Any]) -> None:
    options: dict[str, Any] = {}
    if len(value):
        options = {"chunks": (1, *value.shape[1:]), "compression": "gzip", "shuffle": True}
    group.create_dataset(name, data=value, track_times=False, **options)


def _sums(arrays: dict[str, Any]) -> npt.NDArray[np.uint8]:
    """(T, 32) SHA-256 of every tile."""
    canonical = [
        np.ascontiguousarray(arrays[name], dtype)
        for name, dtype in _TILE_TYPES.items()
        if arrays[name] is not None
    ]
    sums = np.zeros((len(canonical[0]), 32), np.uint8)
    for tile in range(len(sums)):
        digest = hashlib.sha256()
        for array in canonical:
            digest.update(array[tile].tobytes())
        sums[tile] = np.frombuffer(digest.digest(), np.uint8)
    return sums


def _tile_arrays(group: h5py.Group) -> dict[str, Any]:
    arrays: dict[str, Any] = {
        name: store.read_array(group, name) if name != "delays" or name in group else None
        for name in _TILE_TYPES
    }
    n_tiles = len(np.atleast_1d(arrays["core"]))
    for name, array in arrays.items():
        if array is not None and (array.ndim == 0 or len(array) != n_tiles):
            raise InputError(f"dataset tiles/{name} is not of {n_tiles} tiles")
    return arrays


def _check_tiles(group: h5py.Group) -> None:
    arrays = _tile_arrays(group)
    found, stored = _sums(arrays), store.read_array(group, "sha256")
    if stored.shape != found.shape:
        raise InputError(f"there are {len(found)} tiles and checksums of shape {stored.shape}")
    bad = np.flatnonzero((found != stored).any(axis=1))
    if len(bad):
        raise InputError(
            f"tile {bad[0]} does not match its checksum ({len(bad)} of {len(found)} tiles): it "
            "was changed"
        )


def _digest(file: h5py.File) -> str:
    """Hexadecimal SHA-256 of every name, attribute and dataset but the tiles' own arrays."""
    digest = hashlib.sha256()

    def add(*parts: str | bytes) -> None:
        for part in parts:
            raw = part.encode() if isinstance(part, str) else part
            digest.update(len(raw).to_bytes(8, "little") + raw)

    def add_value(name: str, value: Any) -> None:
        if isinstance(value, str):
            add(name, "text", value)
            return
        array = np.asarray(value)
        array = array.astype(array.dtype.newbyteorder("<"))
        add(name, array.dtype.str, str(array.shape), array.tobytes())

    def visit(name: str, item: Any) -> None:
        for attribute in sorted(item.attrs):
            if (name, attribute) != ("/", "digest"):
                add_value(f"{name}@{attribute}", item.attrs[attribute])
        if isinstance(item, h5py.Group):
            add(name, "group")
        elif name not in {f"tiles/{array}" for array in _TILE_TYPES}:
            add_value(name, store.read_array(item.parent, item.name.rsplit("/", 1)[1]))

    visit("/", file)
    file.visititems(visit)
    return digest.hexdigest()


def _parse(file: h5py.File) -> TileFile:
    chip = Chip(**json.loads(_text(file["hardware"].attrs["profile"])))
    scalars, neurons, readout = file["network"].attrs, file["neurons"], file["readout"]
    texts = {field: json.loads(_text(scalars[field])) for field in _TEXTS}
    bits = int(scalars["bits"])
    tiles = TileSet(**_tile_arrays(file["tiles"]), bits=bits)
    out_codes, out_scale = (store.read_array(readout, name) for name in ("codes", "scale"))
    core = store.read_array(neurons, "core")
    network = SpikingNetwork(
        indptr=np.zeros(len(core) + 1, np.int64),
        indices=np.zeros(0, np.int32),
        weights=np.zeros(0, np.float32),
        codes=np.zeros(0, np.int16),
        in_indptr=np.zeros(int(scalars["inputs"]) + 1, np.int64),
        in_indices=np.zeros(0, np.int32),
        in_weights=np.zeros(0, np.float32),
        in_codes=np.zeros(0, np.int16),
        w_out=out_codes.astype(np.float32) * out_scale[:, None],
        b_out=store.read_array(readout, "b_out"),
        out_codes=out_codes,
        out_scale=out_scale,
        tau_out=float(scalars["tau_out"]),
        delay=int(scalars["delay"]),
        reset=texts["reset"],
        dt=float(scalars["dt"]),
        task_dt=float(scalars["task_dt"]),
        sheet=tuple(texts["sheet"]),
        battery=texts["battery"],
        tasks=tuple(texts["tasks"]),
        bits=bits,
        **{field: store.read_array(neurons, field) for field in _NEURON},
    )
    placement = Placement(chip.name, chip.n_cores, core, store.read_array(neurons, "slot"))
    return TileFile(tiles, network, placement, chip)
