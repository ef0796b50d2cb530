"""Figures as files of their own."""

import base64
from pathlib import Path

from spiking_bimt.data import store


def store_figure(path: Path, uri: str) -> None:
    """Write a figure, which comes as a data URI, to a file of its own in a folder that is there."""
    store.write_bytes(path, base64.b64decode(uri.partition(",")[2]))
