"""From a trained rate RNN to a neuromorphic chip: one function a stage, named as its command.

(`import` is `import_network`, because Python keeps that word.)

Each takes a run folder and returns what it measured. They load on first use, so that importing
the package costs neither torch nor Numba.
"""

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import spiking_bimt.export  # noqa: F401  (binds the sub-package, which is called like a stage)

if TYPE_CHECKING:
    from spiking_bimt.stages.compare import compare
    from spiking_bimt.stages.convert import convert
    from spiking_bimt.stages.demo import demo
    from spiking_bimt.stages.import_network import import_network
    from spiking_bimt.stages.place import place
    from spiking_bimt.stages.report import report
    from spiking_bimt.stages.simulate import simulate
    from spiking_bimt.stages.train import train
    from spiking_bimt.stages.verify import verify

__all__ = [
    "compare",
    "convert",
    "demo",
    "import_network",
    "place",
    "report",
    "simulate",
    "train",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'spiking_bimt' has no attribute {name!r}")
    return getattr(importlib.import_module(f"spiking_bimt.stages.{name}"), name)


class _ExportPackage(ModuleType):
    """Lets `spiking_bimt.export`, a package of formats, also be the stage of that name."""

    def __call__(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        from spiking_bimt.stages.export import export

        return export(*args, **kwargs)


sys.modules["spiking_bimt.export"].__class__ = _ExportPackage
