"""SONATA as a format of a run."""

from typing import Any

from spiking_bimt.formats.compare import same_spikes
from spiking_bimt.formats.format import Check, Export, Format
from spiking_bimt.formats.sonata_import import read_sonata
from spiking_bimt.formats.sonata_network import write_network


def _write(export: Export) -> dict[str, Any]:
    write_network(export.path, export.network)
    return {}


def _verify(check: Check) -> dict[str, Any]:
    return same_spikes(read_sonata(check.path), check.network, check, probe=False)


FORMAT = Format(
    path="sonata",
    suffixes=(".json",),
    mark="circuit_config.json",
    write=_write,
    read=read_sonata,
    verify=_verify,
)
