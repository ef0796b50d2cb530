"""SONATA as a format of a run."""

from typing import Any

from spiking_bimt.formats.compare import check_sizes, same_spikes
from spiking_bimt.formats.elements import fresh_export, require_equal
from spiking_bimt.formats.format import Check, Export, Format
from spiking_bimt.formats.sonata_files import BUILT
from spiking_bimt.formats.sonata_import import read_sonata
from spiking_bimt.formats.sonata_network import write_network


def _write(export: Export) -> dict[str, Any]:
    write_network(export.path, export.network)
    return {}


def _verify(check: Check) -> dict[str, Any]:
    rebuilt = read_sonata(check.path)
    check_sizes(rebuilt, check.network)
    with fresh_export(check, _write) as fresh:
        require_equal(check.path, fresh)
    compared = same_spikes(rebuilt, check.network, check)
    return compared.result("; every element is that of a fresh export")


FORMAT = Format(
    path="sonata",
    suffixes=(".json",),
    mark="circuit_config.json",
    also=("config*.json", "simulation_config.json", BUILT),
    write=_write,
    read=read_sonata,
    verify=_verify,
)
