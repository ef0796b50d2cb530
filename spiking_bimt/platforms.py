"""The operating systems that this package runs on."""

import sys

from spiking_bimt.errors import InputError

SUPPORTED = ("linux", "darwin")
"""Values of sys.platform: run folders are locked by `fcntl`, threads give way by `sched_yield`."""


def require_supported() -> None:
    """Raise InputError on any other operating system than Linux and macOS."""
    if sys.platform not in SUPPORTED:
        raise InputError(
            f"spiking_bimt runs on Linux and macOS, not on {sys.platform}: on Windows use it "
            "within WSL"
        )
