"""A tile file alone gives the network back, bit for bit, or it is refused."""

import dataclasses
import hashlib
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spiking_bimt.chip.analog import conductance_pairs
from spiking_bimt.chip.presets import load_chip, load_device
from spiking_bimt.chip.start import slots
from spiking_bimt.chip.tiling import cut, rebuild
from spiking_bimt.data import store
from spiking_bimt.data.chip import Placement
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.placed import TileFile
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import InputError
from spiking_bimt.formats.tiles import (
    SCHEMA,
    read_device,
    read_selftest,
    read_tiles,
    write_content,
    write_tiles,
)
from spiking_bimt.simulation.golden import make_selftest, replay
from spiking_bimt.simulation.run import simulate_trials
from tests.chip.networks import random_network


def case(seed: int = 0, **changes: Any) -> TileFile:
    """A random network, placed and cut into small tiles."""
    rng = np.random.default_rng(seed)
    options: dict[str, Any] = {
        "n": int(rng.integers(1, 30)),
        "inputs": int(rng.integers(0, 5)),
        "density": float(rng.choice([0.0, 0.1, 0.4])),
        "bits": int(rng.choice([2, 8, 9, 16])),
        "delays": bool(rng.random() < 0.5),
    }
    network = random_network(seed, **(options | changes))
    chip = replace(
        load_chip(str(rng.choice(["loihi", "grid16"]))), weight_bits=16,
        crossbar_rows=int(rng.integers(1, 9)), crossbar_cols=int(rng.integers(1, 9)),
    )  # fmt: skip
    core = rng.integers(0, 6, network.n_neurons).astype(np.int32)
    placement = Placement(chip.name, chip.n_cores, core, slots(core))
    return TileFile(cut(network, placement, chip), network, placement, chip)


def written(path: Path, seed: int = 0, **changes: Any) -> TileFile:
    content = case(seed, **changes)
    write_tiles(path, content, {"a": seed}, {})
    return content


def assert_same(found: Any, expected: Any, skip: tuple[str, ...] = ()) -> None:
    for field in dataclasses.fields(expected):
        if field.name in ("measured", *skip):
            continue
        one, two = getattr(found, field.name), getattr(expected, field.name)
        np.testing.assert_array_equal(one, two, err_msg=field.name)
        if isinstance(two, np.ndarray):
            assert one.dtype == two.dtype, field.name


def assert_network(found: SpikingNetwork, expected: SpikingNetwork) -> None:
    """Equal but for the scale of neurons that no synapse of that kind reaches."""
    assert_same(found, expected, ("scale", "in_scale"))
    for scale, indices in (("scale", expected.indices), ("in_scale", expected.in_indices)):
        one, two = getattr(found, scale), getattr(expected, scale)
        np.testing.assert_array_equal(one[indices], two[indices])


def same(a: TileFile, b: TileFile) -> bool:
    try:
        assert_same(rebuild(a), rebuild(b))
        for part in ("tiles", "network", "placement", "chip"):
            assert_same(getattr(a, part), getattr(b, part))
    except AssertionError:
        return False
    return True


def trials(n_inputs: int, seed: int) -> Trials:
    """Two short trials of random input."""
    rng = np.random.default_rng(seed)
    return Trials(
        inputs=rng.random((6, n_inputs)).astype(np.float32), labels=np.zeros(6, np.int32),
        offsets=np.array([0, 4, 6]), decision=np.zeros(2, np.int32), task=np.zeros(2, np.int32),
        tasks=("any",), dt=20.0,
    )  # fmt: skip


@pytest.mark.slow
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 10**6))
def test_the_file_alone_gives_the_network_and_its_spikes(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "tiles.h5"
    made = written(path, seed, n=1 + seed % 15)
    content, network = read_tiles(path), made.network.quantised()
    assert_network(rebuild(content), network)
    test = trials(network.n_inputs, seed)
    assert_same(
        simulate_trials(rebuild(content), test, threads=1),
        simulate_trials(network, test, threads=1),
    )
    assert_same(content.placement, made.placement)
    assert content.chip == made.chip
    assert_same(content.tiles, made.tiles)


def test_eight_bits_take_a_byte_and_long_arrays_are_chunked(tmp_path: Path) -> None:
    for name, bits, kind in (("a.h5", 8, np.int8), ("b.h5", 9, np.int16)):
        written(tmp_path / name, 1, n=60, density=0.6, bits=bits)
        with h5py.File(tmp_path / name) as file:
            code = file["tiles/code"]
            assert code.dtype == kind
            assert code.chunks == (len(code),)
            assert (code.compression, code.shuffle) == ("gzip", True)


def test_one_tile_is_read_and_checked_with_h5py_alone(tmp_path: Path) -> None:
    """A tile and its sum as the format describes them, without this package's code."""
    made = written(tmp_path / "t.h5", 2, n=20, density=0.4, delays=True)
    with h5py.File(tmp_path / "t.h5") as file:
        group, tile = file["tiles"], 3
        row, col, cell = (
            slice(*group[name][tile : tile + 2]) for name in ("row_indptr", "col_indptr", "indptr")
        )
        position = np.cumsum(group["step"][cell]) - 1
        raw = np.asarray(group["core"][tile], "<i4").tobytes()
        raw += group["row_source"][row].astype("<i4").tobytes()
        raw += group["col_target"][col].astype("<i4").tobytes()
        for name in ("scale", "input_scale"):
            assert group.attrs[f"{name}_axis"] == b"neuron"
            raw += group[name][()][group["col_target"][col]].astype("<f4").tobytes()
        raw += position.astype("<i4").tobytes() + group["code"][cell].astype("<i2").tobytes()
        raw += group["delay"][cell].astype("<i4").tobytes()
        assert group["sha256"][tile].tobytes() == hashlib.sha256(raw).digest()
        dense = np.zeros(made.tiles.rows * made.tiles.cols)
        dense[position] = group["code"][cell]
        np.testing.assert_array_equal(dense, made.tiles.dense(tile).ravel())


@pytest.mark.parametrize(
    ("spread", "axis"), [(0, "network"), (1, "tile"), (2, "column"), (3, "neuron")]
)
def test_the_scale_is_stored_once_where_it_is_one(tmp_path: Path, spread: int, axis: str) -> None:
    content = case(2, n=20, density=0.4)
    tiles = content.tiles
    of_tile = np.repeat(np.arange(tiles.n_tiles), np.diff(tiles.col_indptr))
    assert tiles.n_neurons < len(of_tile)
    scale = {
        0: np.full(len(of_tile), 0.5), 1: 0.5 + of_tile, 2: 0.5 + np.arange(len(of_tile)),
        3: 0.5 + tiles.col_target,
    }  # fmt: skip
    content = replace(content, tiles=replace(tiles, scale=scale[spread]))
    write_tiles(tmp_path / "t.h5", content, {}, {})
    with h5py.File(tmp_path / "t.h5") as file:
        assert file["tiles"].attrs["scale_axis"] == axis.encode()
        assert file["tiles/scale"].ndim == min(spread, 1)
        assert file["tiles/scale"].size == {2: len(of_tile), 3: tiles.n_neurons}.get(
            spread, file["tiles/scale"].size
        )
    assert_same(read_tiles(tmp_path / "t.h5").tiles, content.tiles)


def test_equal_networks_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a.h5", "b.h5"):
        written(tmp_path / name, 3)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()
    # The digest of tiles is their own: `read_tiles` checks it.
    assert store.provenance(tmp_path / "a.h5", SCHEMA, checked=True).settings == {"a": 3}


def test_networks_without_codes_are_not_written(tmp_path: Path) -> None:
    content = case()
    plain = content.network.without_codes()
    with pytest.raises(InputError, match="no integer codes: `quantise` it"):
        write_tiles(tmp_path / "x.h5", replace(content, network=plain), {}, {})
    assert not (tmp_path / "x.h5").exists()


def _in_a_process(script: str) -> subprocess.CompletedProcess[str]:
    head = (
        "import os, resource, signal; from pathlib import Path\n"
        "from spiking_bimt.data import store; from spiking_bimt.formats.tiles import write_tiles\n"
        "from tests.formats.test_tiles import case\n"
    )
    return subprocess.run(
        [sys.executable, "-B", "-c", head + script], capture_output=True, text=True, check=False,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip


def test_a_disk_that_fills_up_midway_leaves_no_file(tmp_path: Path) -> None:
    done = _in_a_process(
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        f"write_tiles(Path({str(tmp_path / 't.h5')!r}), case(3), {{}}, {{}})\n"
    )
    assert "InputError: cannot write" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_kill_midway_leaves_no_file(tmp_path: Path) -> None:
    """Killed without a chance to clean up, when half of the bytes are written."""
    done = _in_a_process(
        f"content = case(3); path = Path({str(tmp_path / 't.h5')!r})\n"
        "write_tiles(path, content, {}, {}); whole = path.read_bytes(); path.unlink()\n"
        "with store.replacing(path) as file:\n"
        "    file.write(whole[: len(whole) // 2]); file.flush()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert done.returncode == -signal.SIGKILL
    assert not list(tmp_path.iterdir())


def test_conductance_pairs_and_golden_trials_come_back(tmp_path: Path) -> None:
    content = case(7, n=20, density=0.4, bits=8, delays=False)
    pairs = conductance_pairs(content.tiles.codes, 8, replace(load_device("pcm"), slices=3))
    network = content.network.quantised()
    golden = make_selftest(network, trials(network.n_inputs, 0))
    path = tmp_path / "t.h5"
    write_content(path, content, {}, {}, device=pairs, selftest=golden)
    assert_same(read_device(path), pairs)
    assert_same(read_selftest(path), golden)
    mine, theirs, _ = replay(rebuild(read_tiles(path)), golden)
    assert_same(mine, theirs)
    other = replace(pairs, positive=pairs.negative, negative=pairs.positive)
    write_content(path, content, {}, {}, device=other)
    with pytest.raises(InputError, match="conductance pairs do not give the codes"):
        read_device(path)
    assert read_selftest(path) is None
