"""netx as a format of a run."""

from typing import Any

from spiking_bimt.formats.compare import check_sizes, same_spikes
from spiking_bimt.formats.elements import fresh_export, require_equal
from spiking_bimt.formats.format import Check, Export, Format
from spiking_bimt.formats.netx import from_layer, netx_losses, read_netx, to_layer, write_netx


def _write(export: Export) -> dict[str, Any]:
    layer = write_netx(export.path, export.network)
    return {"threshold": layer.threshold, "weights": "rounded to one step for the layer"}


def _verify(check: Check) -> dict[str, Any]:
    layer, dt = read_netx(check.path)
    rebuilt = from_layer(layer, dt)
    form = from_layer(to_layer(check.network), check.network.dt)
    check_sizes(rebuilt, form)
    with fresh_export(check, _write) as fresh:
        require_equal(check.path, fresh, ".h5")
    return same_spikes(rebuilt, form, check, probe=True).result(
        ", of the weights as rounded; every element is that of a fresh export"
    )


FORMAT = Format(
    path="netx.h5", suffixes=(".net",), losses=netx_losses, write=_write, verify=_verify
)
