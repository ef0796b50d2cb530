"""The layout of the crossbar tile format as a JSON schema, made from `formats.tile_layout`.

    python -m spiking_bimt.formats.tile_schema > docs/reference/tile-format.schema.json

It is of the description that `examples/describe_tiles.py` makes of a file: a group is an object of
`attributes` and `members`, a dataset has a `kind` and a number of `axes`, an attribute a `kind` and
a `value`.
"""

import json
from typing import Any

from spiking_bimt.formats import tile_layout

_KINDS = {"i": "integer", "u": "integer", "f": "float"}


def schema() -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of a file's description."""
    members = {name: _group(element) for name, element in tile_layout.ELEMENTS.items()}
    required = [name for name, element in tile_layout.ELEMENTS.items() if element.required]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Crossbar tiles in HDF5, version {tile_layout.VERSION}: layout",
        **_node(tile_layout.ROOT, tile_layout.ROOT_ATTRIBUTES, members, required),
    }


def _group(element: tile_layout.Element) -> dict[str, Any]:
    fields = {name: _dataset(*field) for name, field in (element.must | element.may).items()}
    return _node(element.encoding, element.attributes, fields, list(element.must))


def _node(
    encoding: str,
    attributes: dict[str, tile_layout.Attribute],
    members: dict[str, Any],
    must: list[str],
) -> dict[str, Any]:
    major = tile_layout.VERSION.split(".")[0]
    rules = {
        "encoding-type": _object(kind={"const": "text"}, value={"const": encoding}),
        "encoding-version": _object(
            kind={"const": "text"}, value={"type": "string", "pattern": rf"^{major}(\.|$)"}
        ),
    } | {name: _attribute(rule) for name, rule in attributes.items()}
    needed = [name for name in rules if name not in attributes or attributes[name].required]
    return _object(
        type={"const": "group"},
        attributes={"type": "object", "properties": rules, "required": needed},
        members={"type": "object", "properties": members, "required": must},
    )


def _attribute(rule: tile_layout.Attribute) -> dict[str, Any]:
    if rule.kind == "text":
        value = {"enum": list(rule.known)} if rule.known else {"type": "string"}
        return _object(kind={"const": "text"}, value=value)
    kinds = ["integer"] if rule.kind == "integer" else ["integer", "float"]
    edges = (("minimum", rule.low), ("maximum", rule.high))
    limits = {word: edge for word, edge in edges if edge is not None}
    return _object(kind={"enum": kinds}, **({"value": limits} if limits else {}))


def _dataset(kinds: str, axes: int) -> dict[str, Any]:
    rules: dict[str, Any] = {"kind": {"enum": sorted({_KINDS[kind] for kind in kinds})}}
    if axes >= 0:
        rules["axes"] = {"const": axes}
    return _object(type={"const": "dataset"}, **rules)


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


if __name__ == "__main__":
    print(json.dumps(schema(), indent=1))
