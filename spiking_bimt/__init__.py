"""From a trained rate RNN to a neuromorphic chip: what a program or a notebook needs, by name.

    import spiking_bimt as sb

Records and functions in memory: a network (`from_sparse`, `from_csr`, `from_coo`, `random_sheet`;
`read_nir` and `read_sonata` read files), `quantise`, `simulate_network` and `simulate_trials`,
`place_network`, `traffic`, `timeline`, `cut_tiles`, `write_tiles`, `read_tiles`, and the figures of
`sb.plot`. Every command is a function of its own name that works on a run folder and returns what
it measured: `train`, `convert`, `place` and so on; `import` is `import_network`, because Python
keeps that word. Within `taking_changed()` they take files although what these were made from has
changed since, and within `trusting()` they run the Python code of own tasks that a file names.

Names load on first use, so that importing the package costs neither torch nor Numba. Times are in
ms and rates in Hz. Bad input raises `InputError`.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spiking_bimt import plot
    from spiking_bimt.battery.draw import draw_trials
    from spiking_bimt.battery.environments import trusting
    from spiking_bimt.chip.placed import cut_tiles, place_network, timeline, traffic
    from spiking_bimt.chip.presets import load_chip, load_device
    from spiking_bimt.chip.timeline import Timeline
    from spiking_bimt.converting.quantise import quantise
    from spiking_bimt.converting.snntorch_import import from_snntorch
    from spiking_bimt.data.chip import Chip, Placement, Traffic
    from spiking_bimt.data.chip_neuron import ChipNeuron, ChipSynapse
    from spiking_bimt.data.device import Device
    from spiking_bimt.data.network import SpikingNetwork
    from spiking_bimt.data.placed import PlacedNetwork, TileFile
    from spiking_bimt.data.rate import RateNetwork
    from spiking_bimt.data.spikes import Recording
    from spiking_bimt.data.tiles import TileSet
    from spiking_bimt.data.trials import Trials
    from spiking_bimt.errors import CheckError, InputError
    from spiking_bimt.formats.nir_import import read_nir
    from spiking_bimt.formats.sonata_import import read_sonata
    from spiking_bimt.formats.tiles import read_tiles, write_tiles
    from spiking_bimt.run_folder import taking_changed
    from spiking_bimt.simulation.build import from_coo, from_csr, from_sparse, random_sheet
    from spiking_bimt.simulation.engine import Simulation, simulate_network
    from spiking_bimt.simulation.inputs import HeldCurrents, PoissonSources, SpikeTrains
    from spiking_bimt.simulation.ranks.build import share_of_file, share_of_rows, share_of_sheet
    from spiking_bimt.simulation.ranks.cut import split_by_rank
    from spiking_bimt.simulation.run import simulate_trials
    from spiking_bimt.stages.chips import chips
    from spiking_bimt.stages.compare import compare
    from spiking_bimt.stages.configs import configs
    from spiking_bimt.stages.convert import convert
    from spiking_bimt.stages.demo import demo
    from spiking_bimt.stages.devices import devices
    from spiking_bimt.stages.export import export
    from spiking_bimt.stages.import_network import import_network
    from spiking_bimt.stages.place import place
    from spiking_bimt.stages.report import report
    from spiking_bimt.stages.simulate import simulate
    from spiking_bimt.stages.tasks import tasks
    from spiking_bimt.stages.train import train
    from spiking_bimt.stages.verify import verify
    from spiking_bimt.stages.warm import warm
    from spiking_bimt.studies.study import study
    from spiking_bimt.training.bimt import arrange
    from spiking_bimt.training.config import TrainConfig
    from spiking_bimt.training.phase import Phase

    __version__: str

_NAMES = {
    "battery.draw": ("draw_trials",),
    "battery.environments": ("trusting",),
    "chip.placed": ("cut_tiles", "place_network", "timeline", "traffic"),
    "chip.presets": ("load_chip", "load_device"),
    "chip.timeline": ("Timeline",),
    "converting.quantise": ("quantise",),
    "converting.snntorch_import": ("from_snntorch",),
    "data.chip": ("Chip", "Placement", "Traffic"),
    "data.chip_neuron": ("ChipNeuron", "ChipSynapse"),
    "data.device": ("Device",),
    "data.network": ("SpikingNetwork",),
    "data.placed": ("PlacedNetwork", "TileFile"),
    "data.rate": ("RateNetwork",),
    "data.spikes": ("Recording",),
    "data.tiles": ("TileSet",),
    "data.trials": ("Trials",),
    "errors": ("CheckError", "InputError"),
    "formats.nir_import": ("read_nir",),
    "formats.sonata_import": ("read_sonata",),
    "formats.tiles": ("read_tiles", "write_tiles"),
    "run_folder": ("taking_changed",),
    "simulation.build": ("from_coo", "from_csr", "from_sparse", "random_sheet"),
    "simulation.engine": ("Simulation", "simulate_network"),
    "simulation.inputs": ("HeldCurrents", "PoissonSources", "SpikeTrains"),
    "simulation.ranks.build": ("share_of_file", "share_of_rows", "share_of_sheet"),
    "simulation.ranks.cut": ("split_by_rank",),
    "simulation.run": ("simulate_trials",),
    "stages.chips": ("chips",),
    "stages.compare": ("compare",),
    "stages.configs": ("configs",),
    "stages.convert": ("convert",),
    "stages.demo": ("demo",),
    "stages.devices": ("devices",),
    "stages.export": ("export",),
    "stages.import_network": ("import_network",),
    "stages.place": ("place",),
    "stages.report": ("report",),
    "stages.simulate": ("simulate",),
    "stages.tasks": ("tasks",),
    "stages.train": ("train",),
    "stages.verify": ("verify",),
    "stages.warm": ("warm",),
    "studies.study": ("study",),
    "training.bimt": ("arrange",),
    "training.config": ("TrainConfig",),
    "training.phase": ("Phase",),
}
"""What each module gives to the front door."""

_HOMES = {name: module for module, names in _NAMES.items() for name in names}

__all__ = [
    "CheckError",
    "Chip",
    "ChipNeuron",
    "ChipSynapse",
    "Device",
    "HeldCurrents",
    "InputError",
    "Phase",
    "PlacedNetwork",
    "Placement",
    "PoissonSources",
    "RateNetwork",
    "Recording",
    "Simulation",
    "SpikeTrains",
    "SpikingNetwork",
    "TileFile",
    "TileSet",
    "Timeline",
    "Traffic",
    "TrainConfig",
    "Trials",
    "__version__",
    "arrange",
    "chips",
    "compare",
    "configs",
    "convert",
    "cut_tiles",
    "demo",
    "devices",
    "draw_trials",
    "export",
    "from_coo",
    "from_csr",
    "from_snntorch",
    "from_sparse",
    "import_network",
    "load_chip",
    "load_device",
    "place",
    "place_network",
    "plot",
    "quantise",
    "random_sheet",
    "read_nir",
    "read_sonata",
    "read_tiles",
    "report",
    "share_of_file",
    "share_of_rows",
    "share_of_sheet",
    "simulate",
    "simulate_network",
    "simulate_trials",
    "split_by_rank",
    "study",
    "taking_changed",
    "tasks",
    "timeline",
    "traffic",
    "train",
    "trusting",
    "verify",
    "warm",
    "write_tiles",
]  # fmt: skip


if not TYPE_CHECKING:  # a type checker would take every name as one of them

    def __getattr__(name: str) -> Any:
        if name in (*_HOMES, "plot"):
            importlib.import_module("spiking_bimt.platforms").require_supported()
        if name in _HOMES:
            try:
                value = getattr(importlib.import_module(f"spiking_bimt.{_HOMES[name]}"), name)
            except ModuleNotFoundError as error:
                raise importlib.import_module("spiking_bimt.extras").named(error) from None
        elif name == "plot":
            value = importlib.import_module("spiking_bimt.plot")
        elif name == "__version__":
            value = importlib.import_module("importlib.metadata").version("spiking-bimt")
        else:
            raise AttributeError(f"module 'spiking_bimt' has no attribute {name!r}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return list(__all__)
