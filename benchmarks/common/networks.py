"""Networks that several benchmarks measure."""

from importlib import resources
from pathlib import Path

from spiking_bimt.data import store
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.stages.convert import convert


def bundled(name: str, folder: Path) -> SpikingNetwork | None:
    """The bundled network of that name, converted to 8 bits; None where there is none."""
    source = resources.files("spiking_bimt.bundle") / f"{name}.h5"
    if not source.is_file():
        return None
    folder.mkdir()
    store.write_bytes(folder / "rate.h5", source.read_bytes())
    convert(folder, trials=1)
    return store.load(folder / "network.h5", SpikingNetwork).quantised()
