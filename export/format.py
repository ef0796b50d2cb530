"""What a file format is to the commands: one record, in which each format's own module ends."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spiking_bimt.data.network import SpikingNetwork


@dataclass(frozen=True)
class Export:
    """A network that is to be written."""

    run: Path
    """The run folder, which holds the files that the format needs."""
    path: Path
    """The file or folder to write."""
    network: SpikingNetwork
    """With integer weights where it has them."""
    options: dict[str, Any]
    """The options of `export` by name; a format looks at those that it lists."""


@dataclass(frozen=True)
class Check:
    """A file that is to be compared with a network."""

    path: Path
    """The file or folder."""
    run: Path
    """The folder that holds it, and what it was made from."""
    reference: Path
    """Where the network comes from."""
    network: SpikingNetwork
    """With integer weights where it has them."""
    trials: int
    """Trials per task."""
    threads: int | None


def _nothing(_network: SpikingNetwork) -> list[str]:
    return []


def _network_alone(_network: SpikingNetwork) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True)
class Format:
    """How one format is recognised, written, read and checked."""

    path: str = ""
    """Its file or folder in a run."""
    suffixes: tuple[str, ...] = ()
    """Suffixes of its files elsewhere."""
    mark: str = ""
    """A file that a folder of this format holds, and no other format's."""
    also: tuple[str, ...] = ()
    """Patterns of files by which folders that other tools wrote are recognised."""
    needs: Callable[[SpikingNetwork], tuple[str, ...]] = _network_alone
    """Files of the run, network.h5 apart, that it is made from."""
    losses: Callable[[SpikingNetwork], list[str]] = _nothing
    """What of a network it cannot hold, in words."""
    keeps_codes: bool = False
    """Whether it holds the integer codes themselves; the others have their weights as floats, or
    round anew, which needs no --lossy."""
    keeps_poisson: bool = False
    """Whether it says which neurons are Poisson sources, or needs not to."""
    options: tuple[str, ...] = ()
    """The options of `export` that it takes."""
    write: Callable[[Export], dict[str, Any]] | None = None
    """Writes the file or folder; returns more to report."""
    read: Callable[..., SpikingNetwork] | None = None
    """Takes the path, `dt` (ms) where one is given, `step` where it `steps`, and the neurons'
    parameters where a file leaves them open."""
    steps: bool = False
    """Whether its files have readers with steps of their own (`formats.nir_neurons`)."""
    verify: Callable[[Check], dict[str, Any]] | None = None
    """Compares the file with a network; returns what was compared, in words under "found".
    Raises CheckError where they differ, InputError for a file that cannot be read."""

    def detects(self, path: Path) -> bool:
        """Whether a file or folder is of this format, by its name or its mark."""
        if path.is_dir():
            own = bool(self.mark) and (path / self.mark).exists()
            return own or any(any(path.glob(pattern)) for pattern in self.also)
        return path.name == self.path or path.suffix.lower() in self.suffixes
