"""A seeded part of the campaign of damaged files: refused in one line, or nothing is different."""

import dataclasses
import runpy
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spiking_bimt.chip.presets import load_chip
from spiking_bimt.chip.start import slots
from spiking_bimt.chip.tiling import cut
from spiking_bimt.converting.quantise import quantise
from spiking_bimt.data import store
from spiking_bimt.data.chip import Placement
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.placed import TileFile
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.data.spikes import Recording
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import InputError
from spiking_bimt.formats.netx import read_netx, write_netx
from spiking_bimt.formats.sonata import read_spikes, write_spikes
from spiking_bimt.formats.tiles import read_tiles, write_tiles
from spiking_bimt.simulation.build import random_sheet
from spiking_bimt.training.state import Checkpoint

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
KINDS = runpy.run_path(str(BENCHMARKS / "common" / "damage.py"))["KINDS"]
CASES = 44
"""Damaged files of each of the seven artefacts, 308 in all."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every artefact that is HDF5."""
    folder = tmp_path_factory.mktemp("run")
    sys.path.insert(0, str(BENCHMARKS))
    try:
        from common import fault_run

        store.save(fault_run.rate_network(), folder / "rate.h5", {"command": "train"})
        fault_run.make_training(folder / "trained")
    finally:
        sys.path.remove(str(BENCHMARKS))
        for name in [name for name in sys.modules if name.partition(".")[0] == "common"]:
            del sys.modules[name]
    (folder / "trained" / "checkpoint.h5").rename(folder / "checkpoint.h5")
    network = quantise(random_sheet(5, fan_out=4, reach=2, seed=0), 8)
    chip, core = load_chip("grid16"), np.arange(25, dtype=np.int32) // 5
    placement = Placement(
        "grid16", chip.n_cores, core, slots(core), profile=dataclasses.asdict(chip)
    )
    store.save(network, folder / "network.h5", {})
    store.save(placement, folder / "placement.h5", {})
    quantised = network.quantised()
    content = TileFile(cut(quantised, placement, chip), quantised, placement, chip)
    write_tiles(folder / "tiles.h5", content, {}, {})
    write_netx(folder / "netx.h5", dataclasses.replace(quantised, reset="value"))
    zeros, ones = np.zeros(1, np.int32), np.ones((4, 1), np.float32)
    trials = Trials(ones, np.zeros(4, np.int32), np.array([0, 4]), zeros, zeros, ("noise",), 1.0)
    recording = Recording(
        ones, np.array([[2, 1, 0]], np.int32), np.array([0, 3]), np.array([0, 1, 3], np.int32),
        np.array([0, 1, 0], np.int32), np.array([4]), 1.0, 3,
    )  # fmt: skip
    write_spikes(folder / "spikes.h5", recording, trials)
    return folder


def record_of(kind: type) -> Callable[[Path], Any]:
    return lambda path: (store.load(path, kind), store.provenance(path, kind.__name__))


READERS: dict[str, Callable[[Path], Any]] = {
    "rate.h5": record_of(RateNetwork),
    "network.h5": record_of(SpikingNetwork),
    "placement.h5": record_of(Placement),
    "checkpoint.h5": record_of(Checkpoint),
    "spikes.h5": read_spikes,
    "tiles.h5": read_tiles,
    "netx.h5": read_netx,
}


def plain(value: Any) -> Any:
    """All that a reader returned, as values that can be compared."""
    if dataclasses.is_dataclass(value):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    return [plain(part) for part in value] if isinstance(value, tuple | list) else value


@pytest.mark.parametrize("name", READERS)
def test_damage_is_refused_in_one_line_or_changes_nothing(run: Path, name: str) -> None:
    image, bad = (run / name).read_bytes(), run / f"bad-{name}"
    whole, refused = plain(READERS[name](run / name)), 0
    for case in range(CASES):
        rng = np.random.default_rng(case)
        kind = list(KINDS)[case % len(KINDS)]
        bad.write_bytes(KINDS[kind](image, rng))
        error, found = reading(READERS[name], bad)
        if error is None:
            assert found == whole, f"{kind} {case}"
            continue
        refused += 1
        assert bad.name in error
        assert "\n" not in error
    assert refused > CASES / 2


def reading(reader: Callable[[Path], Any], path: Path) -> tuple[str | None, Any]:
    """The line of the error, or what was read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return None, plain(reader(path))
    except InputError as error:
        return str(error), None
