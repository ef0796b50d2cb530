"""netx as a format of a run."""

from typing import Any

from spiking_bimt.formats.compare import same_spikes
from spiking_bimt.formats.format import Check, Export, Format
from spiking_bimt.formats.netx import from_layer, netx_losses, read_netx, to_layer, write_netx


def _write(export: Export) -> dict[str, Any]:
    layer = write_netx(export.path, export.network)
    return {"threshold": layer.threshold, "weights": "rounded to one step for the layer"}


def _verify(check: Check) -> dict[str, Any]:
    layer, dt = read_netx(check.path)
    form = from_layer(to_layer(check.network), check.network.dt)
    compared = same_spikes(from_layer(layer, dt), form, check, probe=True)
    return compared | {"found": f"{compared['found']}, of the weights as rounded"}


FORMAT = Format(
    path="netx.h5", suffixes=(".net",), losses=netx_losses, write=_write, verify=_verify
)
