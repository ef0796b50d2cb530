"""The formats: one line each. A format's module, and with it its libraries, loads on use."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from spiking_bimt.errors import unknown_name

if TYPE_CHECKING:
    from spiking_bimt.formats.format import Format


class _Line(NamedTuple):
    module: str
    """Module of this folder that ends in the format's record, `FORMAT`."""
    written: bool
    """Whether `export` writes it and `verify` checks it."""
    read: str = ""
    """What `import` reads, in words; empty where it reads none."""
    open: bool = False
    """Whether a file leaves the neurons' parameters to whoever reads it."""


_LINES = {
    "tiles": _Line("tiles_format", written=True),
    "nir": _Line("nir_format", written=True, read="NIR (.nir)"),
    "sanafe": _Line("sanafe_format", written=True),
    "netx": _Line("netx_format", written=True),
    "xylo": _Line("xylo_format", written=True),
    "sonata": _Line("sonata_format", written=True, read="SONATA (folder or .json)"),
    "c": _Line("c_format", written=True),
    "npz": _Line("npz", written=False, read="scipy.sparse (.npz)", open=True),
}


_ELSEWHERE = ("snnTorch state dict (.pt, .pth, .ckpt)",)
"""What `import` reads by `converting.snntorch_import`, since it needs torch."""


def written() -> tuple[str, ...]:
    """Names of the formats that `export` writes."""
    return tuple(name for name, line in _LINES.items() if line.written)


def read() -> tuple[str, ...]:
    """What `import` reads, in words."""
    return (*(line.read for line in _LINES.values() if line.read), *_ELSEWHERE)


def leave_parameters() -> tuple[str, ...]:
    """Names of the formats whose files leave the neurons' parameters to whoever reads them."""
    return tuple(name for name, line in _LINES.items() if line.open)


def load(name: str) -> Format:
    """The record of a format that is written; InputError for an unknown name."""
    if name not in written():
        raise unknown_name("format", name, written())
    return _record(name)


def of_written(path: Path) -> str | None:
    """Name of the format whose exported file or folder `path` is; None for another one."""
    records = {name: _record(name) for name in written()}
    for name, record in records.items():
        if path.name == record.path and (not record.mark or (path / record.mark).exists()):
            return name
    return next((name for name, record in records.items() if record.detects(path)), None)


def of_foreign(path: Path) -> tuple[str, Format] | None:
    """Name and record of the format as which `import` reads `path`; None where there is none."""
    records = ((name, _record(name)) for name, line in _LINES.items() if line.read)
    return next(((name, record) for name, record in records if record.detects(path)), None)


def _record(name: str) -> Format:
    module = importlib.import_module(f"spiking_bimt.formats.{_LINES[name].module}")
    record: Format = module.FORMAT
    return record
