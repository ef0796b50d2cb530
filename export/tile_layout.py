"""The crossbar tile format 1.0 (docs/reference/tile-format.md): elements, checksums, checks."""

import hashlib
from typing import Any, NamedTuple

import h5py
import numpy as np
import numpy.typing as npt

from spiking_bimt.data import store
from spiking_bimt.data.chip_network import CHIP_ARRAYS
from spiking_bimt.data.network import RESETS
from spiking_bimt.data.neurons import OPTIONAL, PARAMETERS
from spiking_bimt.data.selftest import CHIP_TEST
from spiking_bimt.errors import InputError
from spiking_bimt.simulation.propagators import TRIALS_HAVE

Array = npt.NDArray[Any]

ROOT = "crossbar-tiles"
VERSION = "1.0"

_INTEGER = "iu"
_NUMBER = "iuf"


class Attribute(NamedTuple):
    """What an attribute must be."""

    kind: str
    """"text", "integer" or "number"."""
    known: tuple[str, ...] = ()
    """The texts that it may hold; none: any."""
    low: float | None = None
    high: float | None = None
    required: bool = True


class Element(NamedTuple):
    """A group of the format: its encoding-type and the datasets that it must and may hold."""

    encoding: str
    must: dict[str, tuple[str, int]]
    """Kinds of number and dimensions of each dataset; -1 dimensions: any."""
    may: dict[str, tuple[str, int]]
    attributes: dict[str, Attribute]
    required: bool = True


_TEXT = Attribute("text")
_NOTE = Attribute("text", required=False)
_REAL = Attribute("number")
_COUNT = Attribute("integer", low=0)
_ONE = Attribute("integer", low=1)
_AXIS = Attribute("text", ("network", "tile", "neuron", "column"))
ROOT_ATTRIBUTES = {
    "digest": _TEXT,
    **dict.fromkeys(("package_version", "settings", "inputs", "schema", "schema_version"), _NOTE),
}


def _parameters(*, optional: bool) -> dict[str, tuple[str, int]]:
    """Datasets of the neurons' parameters: those that are always there, or those that may be."""
    return {
        name: (_INTEGER if row.dtype is np.bool_ else _NUMBER, 1)
        for name, row in PARAMETERS.items()
        if name in (TRIALS_HAVE if optional else PARAMETERS.keys() - OPTIONAL)
    }


ELEMENTS = {
    "hardware": Element(
        "crossbar-hardware", {}, {},
        {
            "name": _TEXT,
            **dict.fromkeys(("width", "height", "cores_per_tile", "neurons_per_core",
                             "weight_bits", "rows", "columns"), _ONE),
            "profile": _NOTE,
        },
    ),
    "network": Element(
        "spiking-network", {}, {},
        {
            **dict.fromkeys(("neurons", "inputs"), _COUNT),
            **dict.fromkeys(("dt", "task_dt", "tau_out"), _REAL),
            "delay": _COUNT,
            "reset": Attribute("text", RESETS),
            **dict.fromkeys(("battery", "tasks", "sheet", "populations"), _NOTE),
        },
    ),
    "tiles": Element(
        "sparse-tiles",
        {
            **dict.fromkeys(("core", "row_indptr", "row_source", "col_indptr", "col_target",
                             "indptr", "step", "code"), (_INTEGER, 1)),
            "scale": (_NUMBER, -1),
            "input_scale": (_NUMBER, -1),
            "sha256": (_INTEGER, 2),
        },
        {"delay": (_INTEGER, 1)},
        {
            "bits": Attribute("integer", low=2, high=16),
            "zero_point": Attribute("integer"),
            "exponent": Attribute("integer", low=-64, high=64),
            "sign_mode": Attribute("text", ("mixed", "split", "excitatory", "inhibitory")),
            "scale_axis": _AXIS,
            "input_scale_axis": _AXIS,
        },
    ),
    "neurons": Element(
        "neuron-parameters",
        {**_parameters(optional=False), "core": (_INTEGER, 1), "slot": (_INTEGER, 1)},
        {"positions": (_INTEGER, 2), **_parameters(optional=True)},
        {},
    ),
    "routing": Element(
        "destination-cores", dict.fromkeys(("indptr", "core"), (_INTEGER, 1)), {}, {}
    ),
    "readout": Element(
        "readout", {"code": (_INTEGER, 2), "scale": (_NUMBER, 1), "bias": (_NUMBER, 1)}, {}, {}
    ),
    "device": Element(
        "conductance-pairs",
        {"positive": (_INTEGER, 2), "negative": (_INTEGER, 2), "slice_bits": (_INTEGER, 1)},
        {},
        dict.fromkeys(("g_min", "g_max"), _REAL),
        required=False,
    ),
    "selftest": Element(
        "spike-trials",
        {
            **dict.fromkeys(("offsets", "spike_offsets", "steps", "neurons"), (_INTEGER, 1)),
            **dict.fromkeys(("inputs", "v_start", "outputs"), (_NUMBER, 2)),
        },
        {},
        {},
        required=False,
    ),
    "integers": Element(
        "chip-network",
        {**dict.fromkeys(CHIP_ARRAYS, (_INTEGER, 1)), "in_held": (_NUMBER, 1)},
        dict.fromkeys(("delays", *CHIP_TEST), (_INTEGER, 1)),
        dict(chip=_TEXT, neuron=_TEXT, reset=Attribute("text", RESETS), delay=_ONE, shift=_COUNT),
        required=False,
    ),
}  # fmt: skip

_SUMMED = ("row_source", "col_target", "step", "code", "delay")
"""Datasets of /tiles that the tiles' own checksums cover."""
_HASHED = (
    ("row_indptr", "row_source", "<i4"), ("col_indptr", "col_target", "<i4"),
    ("col_indptr", "scale", "<f4"), ("col_indptr", "in_scale", "<f4"),
    ("indptr", "position", "<i4"), ("indptr", "codes", "<i2"), ("indptr", "delays", "<i4"),
)  # fmt: skip


def check_layout(file: h5py.File) -> None:
    """Raise InputError unless all that must be there is, in a version and of a kind that is known.

    `formats.tile_schema` says the same as a JSON schema.
    """
    _check_encoding(file, ROOT, "the file")
    _check_attributes(file, ROOT_ATTRIBUTES)
    for name, element in ELEMENTS.items():
        if name not in file and not element.required:
            continue
        group = file.get(name)
        if not isinstance(group, h5py.Group):
            raise InputError(f"group {name} is missing")
        _check_encoding(group, element.encoding, f"group {name}")
        _check_attributes(group, element.attributes)
        for field, (kinds, ndim) in (element.must | element.may).items():
            if field not in group and field in element.may:
                continue
            dataset = group.get(field)
            if not isinstance(dataset, h5py.Dataset):
                raise InputError(f"dataset {name}/{field} is missing")
            if dataset.dtype.kind not in kinds:
                raise InputError(f"dataset {name}/{field} holds {dataset.dtype}, expected numbers")
            if ndim >= 0 and dataset.ndim != ndim:
                raise InputError(f"dataset {name}/{field} has {dataset.ndim} axes, expected {ndim}")


def _check_encoding(group: h5py.Group, encoding: str, what: str) -> None:
    found, version = (text(group, f"encoding-{part}") for part in ("type", "version"))
    if found != encoding:
        raise InputError(f"{what} is encoded as {found!r}, expected {encoding!r}")
    if version.split(".")[0] != VERSION.split(".")[0]:
        raise InputError(
            f"{what} has version {version} of {encoding!r}, this package reads "
            f"{VERSION.split('.')[0]}.x: use a newer release"
        )


def _check_attributes(group: h5py.Group, rules: dict[str, Attribute]) -> None:
    for name, rule in rules.items():
        if name not in group.attrs and not rule.required:
            continue
        if rule.kind == "text":
            value = text(group, name)
            if rule.known and value not in rule.known:
                raise InputError(
                    f"attribute {name} of {group.name} is {value!r}; known: {', '.join(rule.known)}"
                )
            continue
        found = number(group, name, _INTEGER if rule.kind == "integer" else _NUMBER)
        if (rule.low is not None and found < rule.low) or (
            rule.high is not None and found > rule.high
        ):
            raise InputError(f"attribute {name} of {group.name} is {found}, it must lie in "
                             f"{rule.low}..{'' if rule.high is None else rule.high}")  # fmt: skip


def encode(parent: h5py.Group, name: str, encoding: str) -> h5py.Group:
    """A new group of the format, with its encoding."""
    group = parent.create_group(name)
    store.write_text(group, "encoding-type", encoding)
    store.write_text(group, "encoding-version", VERSION)
    return group


def text(group: h5py.Group, name: str) -> str:
    """A text attribute: fixed-length UTF-8."""
    if name not in group.attrs:
        raise InputError(
            f"attribute {name} of {group.name} is missing: not a file of crossbar tiles"
        )
    value = group.attrs[name]
    if not isinstance(value, bytes):
        raise InputError(f"attribute {name} of {group.name} is not fixed-length text")
    return value.decode()


def number(group: h5py.Group, name: str, kinds: str = _NUMBER) -> Any:
    """A scalar attribute."""
    if name not in group.attrs:
        raise InputError(f"attribute {name} of {group.name} is missing")
    value = np.asarray(group.attrs[name])
    if value.ndim or value.dtype.kind not in kinds:
        raise InputError(f"attribute {name} of {group.name} is {value}, expected a number")
    return value.item()


def integer(group: h5py.Group, name: str) -> int:
    """A whole scalar attribute."""
    return int(number(group, name, _INTEGER))


def sums(fields: dict[str, Any]) -> npt.NDArray[np.uint8]:
    """(T, 32) SHA-256 of every tile over its values, little-endian and one after the other.

    core (int32); row_source, col_target (int32), scale, in_scale (float32) of its rows and
    columns; position (int32), codes (int16), delays (int32, where there are any) of its synapses.
    fields: those of `TileSet`, checked or not.
    """
    parts: list[tuple[list[int], Any]] = [
        (fields[indptr].tolist(), np.ascontiguousarray(fields[name], dtype))
        for indptr, name, dtype in _HASHED
        if fields[name] is not None
    ]
    cores = np.ascontiguousarray(fields["core"], "<i4")
    out = bytearray()
    for tile in range(len(cores)):
        digest = hashlib.sha256(cores[tile].tobytes())
        for indptr, value in parts:
            digest.update(value[indptr[tile] : indptr[tile + 1]])
        out += digest.digest()
    return np.frombuffer(bytes(out), np.uint8).reshape(-1, 32)


def digest_of(file: h5py.File) -> str:
    """Hexadecimal SHA-256 of all that the tiles' sums do not cover, the sums included.

    For every object in the order of its path, `/` first: its path and "group" or "dataset"; the
    name, type, shape and bytes of each attribute in the order of names (`digest` apart); of a
    dataset its type, shape and bytes. Every part is preceded by its length in 8 bytes.
    """
    digest = hashlib.sha256()
    items: dict[str, Any] = {"/": file}
    file.visititems(items.__setitem__)

    def add(*parts: str | bytes) -> None:
        for part in parts:
            raw = part.encode() if isinstance(part, str) else part
            digest.update(len(raw).to_bytes(8, "little") + raw)

    def add_value(value: Any) -> None:
        array: Any = np.asarray(value)
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        add(array.dtype.str, str(array.shape), array.tobytes())

    summed = {f"tiles/{name}" for name in _SUMMED}
    for path, item in sorted(items.items()):
        add(path, "dataset" if isinstance(item, h5py.Dataset) else "group")
        for name in sorted(set(item.attrs) - ({"digest"} if path == "/" else set())):
            add(name)
            add_value(item.attrs[name])
        if isinstance(item, h5py.Dataset) and path not in summed:
            add_value(store.read_dataset(item))
    return digest.hexdigest()
