"""NIR as a format of a run."""

from typing import Any

from spiking_bimt.formats.compare import same_spikes
from spiking_bimt.formats.format import Check, Export, Format
from spiking_bimt.formats.nir_export import WARN_BYTES, dense_bytes, nir_form, nir_losses, write_nir
from spiking_bimt.formats.nir_import import read_nir


def _write(export: Export) -> dict[str, Any]:
    size = dense_bytes(export.network)
    write_nir(export.path, export.network)
    if size < WARN_BYTES:
        return {}
    return {"warning": f"NIR is dense: {size / 2**20:,.0f} MiB in memory; SONATA is sparse"}


def _verify(check: Check) -> dict[str, Any]:
    compared = same_spikes(read_nir(check.path), nir_form(check.network), check, probe=True)
    return compared | {"found": f"{compared['found']}, of what NIR holds"}


FORMAT = Format(
    path="network.nir",
    suffixes=(".nir",),
    losses=nir_losses,
    write=_write,
    read=read_nir,
    verify=_verify,
)
