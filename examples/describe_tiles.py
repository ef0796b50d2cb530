"""Describe an HDF5 file as JSON, for the schema of crossbar tiles; h5py and numpy alone.

    python describe_tiles.py TILES.H5 > tiles.json
    check-jsonschema --schemafile docs/reference/tile-format.schema.json tiles.json

The schema covers the layout: groups, datasets, attributes, versions. It does not cover checksums,
nor whether the values agree with one another: a reader of the format checks these.
"""

import json
import sys
from typing import Any

import h5py
import numpy as np

KINDS = {"i": "integer", "u": "integer", "f": "float"}


def describe(item: h5py.Group | h5py.Dataset) -> dict[str, Any]:
    """Kind and axes of a dataset; attributes and members of a group."""
    if isinstance(item, h5py.Dataset):
        kind = KINDS.get(item.dtype.kind, "other")
        return {"type": "dataset", "kind": kind, "axes": item.ndim}
    attributes = {name: attribute(value) for name, value in item.attrs.items()}
    members = {name: describe(member) for name, member in item.items()}
    return {"type": "group", "attributes": attributes, "members": members}


def attribute(value: Any) -> dict[str, Any]:
    """Kind and value of an attribute; only fixed-length text and scalar numbers have a value."""
    if isinstance(value, bytes):
        return {"kind": "text", "value": value.decode()}
    number = np.asarray(value)
    if number.ndim or number.dtype.kind not in KINDS:
        return {"kind": "other", "value": None}
    return {"kind": KINDS[number.dtype.kind], "value": number.item()}


if __name__ == "__main__":
    with h5py.File(sys.argv[1]) as file:
        json.dump(describe(file), sys.stdout, indent=1)
