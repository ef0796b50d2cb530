"""Kernels are compiled once, before the workers start that would each compile them."""

import os
from pathlib import Path

import pytest

from spiking_bimt import kernels

_KEPT = Path(os.environ.get("NUMBA_CACHE_DIR") or next(iter(kernels.__path__)))


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Warm an empty cache, where there are workers; what changed since is left to them."""
    works = hasattr(config, "workerinput") or not getattr(config.option, "numprocesses", None)
    if not works and next(_KEPT.rglob("*.nbi"), None) is None:
        from spiking_bimt.stages.warm import warm

        warm()
