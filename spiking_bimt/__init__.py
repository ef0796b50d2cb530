"""From a trained rate RNN to a neuromorphic chip: one function a command, of the same name.

(`import` is `import_network`, because Python keeps that word.)

Each takes a run folder and returns what it measured. They load on first use, so that importing
the package costs neither torch nor Numba.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
    from spiking_bimt.studies.study import study

_HOMES = {
    "chips": "stages.chips",
    "compare": "stages.compare",
    "configs": "stages.configs",
    "convert": "stages.convert",
    "demo": "stages.demo",
    "devices": "stages.devices",
    "export": "stages.export",
    "import_network": "stages.import_network",
    "place": "stages.place",
    "report": "stages.report",
    "simulate": "stages.simulate",
    "study": "studies.study",
    "tasks": "stages.tasks",
    "train": "stages.train",
    "verify": "stages.verify",
}

__all__ = [
    "chips",
    "compare",
    "configs",
    "convert",
    "demo",
    "devices",
    "export",
    "import_network",
    "place",
    "report",
    "simulate",
    "study",
    "tasks",
    "train",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'spiking_bimt' has no attribute {name!r}")
    return getattr(importlib.import_module(f"spiking_bimt.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
