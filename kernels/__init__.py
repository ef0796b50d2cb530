"""Numba kernels: pure functions over NumPy arrays, compiled once and cached on disk."""

import os
import tempfile
from pathlib import Path

# Numba caches beside the sources, or else in the user's cache folder; with neither writable it
# raises on import, so such a process gets a folder of its own.
if "NUMBA_CACHE_DIR" not in os.environ and not (
    os.access(Path(__file__).parent, os.W_OK) or os.access(Path.home(), os.W_OK)
):
    os.environ["NUMBA_CACHE_DIR"] = tempfile.mkdtemp(prefix="spiking_bimt-")
