"""NIR as a format of a run."""

from typing import Any

from spiking_bimt.formats.compare import check_sizes, same_spikes
from spiking_bimt.formats.elements import fresh_export, require_equal
from spiking_bimt.formats.format import Check, Export, Format
from spiking_bimt.formats.nir_export import WARN_BYTES, dense_bytes, nir_form, nir_losses, write_nir
from spiking_bimt.formats.nir_import import read_nir


def _write(export: Export) -> dict[str, Any]:
    size = dense_bytes(export.network)
    write_nir(export.path, export.network)
    if size < WARN_BYTES:
        return {}
    return {"warning": f"NIR is dense: {size / 2**20:,.0f} MiB in memory; SONATA is sparse"}


_VERSIONS = ("version", "node/metadata/writer")
"""Elements that name the releases of nir and of this package."""


def _verify(check: Check) -> dict[str, Any]:
    rebuilt = read_nir(check.path)
    check_sizes(rebuilt, check.network)
    with fresh_export(check, _write) as fresh:
        require_equal(check.path, fresh, ".nir", without=_VERSIONS)
    return same_spikes(rebuilt, nir_form(check.network), check, probe=True).result(
        ", of what NIR holds; every element is that of a fresh export"
    )


FORMAT = Format(
    path="network.nir",
    suffixes=(".nir",),
    losses=nir_losses,
    write=_write,
    read=read_nir,
    steps=True,
    verify=_verify,
)
