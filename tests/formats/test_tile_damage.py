"""A tile file that was changed, damaged or made up is refused, and the place is named."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from spiking_bimt.data import store
from spiking_bimt.errors import InputError
from spiking_bimt.formats.tiles import (
    read_tiles,
)
from tests.formats.test_tiles import same, written


@pytest.mark.parametrize("seed", [4, 5])
def test_flipped_bytes_never_give_another_network(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "tiles.h5"
    written(path, seed, n=25, inputs=3, density=0.3, bits=8, delays=seed == 5)
    whole, good = path.read_bytes(), read_tiles(path)
    rng = np.random.default_rng(seed)
    refused: list[str] = []
    for position in rng.integers(len(whole), size=120):
        damaged = bytearray(whole)
        damaged[position] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        try:
            found = read_tiles(path)
        except InputError as error:
            refused.append(str(error))
        else:
            assert same(found, good), f"byte {position}"
    assert len(refused) > 25
    assert not any("\n" in message for message in refused)


@pytest.mark.parametrize("name", ["code", "row_source", "col_target", "core", "delay"])
def test_the_first_bad_tile_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / "tiles.h5"
    made = written(path, 6, n=25, density=0.4, bits=8, delays=True).tiles
    starts = {"core": np.arange(9), "col_target": made.col_indptr,
              "row_source": made.row_indptr}.get(name, made.indptr)  # fmt: skip
    with h5py.File(path, "r+") as file:
        data = file[f"tiles/{name}"]
        for tile in (2, 4):
            data[starts[tile]] = data[starts[tile]] + 1
    with pytest.raises(InputError, match=r"tiles\.h5: tile 2 does not match its checksum \(2 of "):
        read_tiles(path)


def test_tiles_of_a_neuron_whose_scale_changed_are_bad(tmp_path: Path) -> None:
    path = tmp_path / "tiles.h5"
    made = written(path, 6, n=25, density=0.4, bits=8).tiles
    tile_of = np.repeat(np.arange(made.n_tiles), np.diff(made.col_indptr))
    neuron = int(made.col_target[tile_of == 2][0])
    bad = np.unique(tile_of[made.col_target == neuron])
    with h5py.File(path, "r+") as file:
        assert file["tiles"].attrs["scale_axis"] == b"neuron"
        file["tiles/scale"][neuron] *= 2
    with pytest.raises(InputError, match=rf"tile {bad[0]} does not match .* \({len(bad)} of "):
        read_tiles(path)


@pytest.mark.parametrize(
    "where",
    ["neurons/v_th", "neurons/slot", "readout/code", "readout/bias", "routing/core", "@settings",
     "network@delay", "network@reset", "hardware@profile", "tiles@sign_mode"],
)  # fmt: skip
def test_changes_outside_the_tiles_are_detected(tmp_path: Path, where: str) -> None:
    path = tmp_path / "tiles.h5"
    written(path, 7, n=25, density=0.4)
    with h5py.File(path, "r+") as file:
        group, _, attribute = where.partition("@")
        if attribute:
            attrs = file[group or "/"].attrs
            old = attrs[attribute]
            attrs[attribute] = old + 1 if attribute == "delay" else np.bytes_(old[:-1])
        else:
            file[group][0] = file[group][0] + 1
    with pytest.raises(InputError, match=r"checksum of the file does not match|; known: "):
        read_tiles(path)


def test_removed_added_and_renamed_parts_are_detected(tmp_path: Path) -> None:
    path = tmp_path / "tiles.h5"
    written(path, 8, n=25, density=0.4)
    whole = path.read_bytes()

    def other_type(file: h5py.File) -> None:
        file["routing"].attrs["encoding-type"] = np.bytes_(b"something")

    def newer(file: h5py.File) -> None:
        file["tiles"].attrs["encoding-version"] = np.bytes_(b"2.0")

    def other_kind(file: h5py.File) -> None:
        del file["tiles/code"]
        file["tiles/code"] = np.array([b"x"])

    changes: list[tuple[Any, str]] = [
        (lambda file: file.create_dataset("extra", data=1), "checksum of the file does not match"),
        (lambda file: file.__delitem__("neurons/bias"), "dataset neurons/bias is missing"),
        (lambda file: file.attrs.__delitem__("digest"), "attribute digest of / is missing"),
        (lambda file: file.__delitem__("readout"), "group readout is missing"),
        (other_type, "group routing is encoded as 'something', expected 'destination-cores'"),
        (newer, "group tiles has version 2.0 of 'sparse-tiles', this package reads 1.x"),
        (other_kind, r"dataset tiles/code holds \|S1, expected numbers"),
    ]
    for change, message in changes:
        path.write_bytes(whole)
        with h5py.File(path, "r+") as file:
            change(file)
        with pytest.raises(InputError, match=message):
            read_tiles(path)


def test_truncation_at_any_length_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tiles.h5"
    written(path, 9, n=25, density=0.3)
    whole = path.read_bytes()
    for length in range(0, len(whole), max(1, len(whole) // 60)):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"tiles\.h5 "):
            read_tiles(path)


@pytest.mark.parametrize("name", ["code", "step", "core", "sha256", "scale"])
def test_hostile_sizes_are_refused_before_allocation(tmp_path: Path, name: str) -> None:
    path = tmp_path / "tiles.h5"
    written(path, 10, n=25, density=0.3)
    with h5py.File(path, "r+") as file:
        ndim = file[f"tiles/{name}"].ndim
        del file[f"tiles/{name}"]
        file["tiles"].create_dataset(
            name, shape=(10**12, *[1] * (ndim - 1)), dtype="i1", chunks=(16, *[1] * (ndim - 1))
        )
    with pytest.raises(InputError, match="its arrays claim 1,000,000,0"):
        read_tiles(path)


def test_a_hostile_number_of_inputs_is_refused_before_allocation(tmp_path: Path) -> None:
    path = tmp_path / "tiles.h5"
    written(path, 10, n=25, density=0.3)
    with h5py.File(path, "r+") as file:
        file["network"].attrs["inputs"] = 10**12
    with pytest.raises(InputError, match="numbers of neurons and inputs are not those of"):
        read_tiles(path)


def test_arrays_of_unequal_tiles_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "tiles.h5"
    written(path, 11, n=25, density=0.3)
    with h5py.File(path, "r+") as file:
        short = file["tiles/indptr"][:-1]
        del file["tiles/indptr"]
        file["tiles/indptr"] = short
    with pytest.raises(InputError, match=r"dataset tiles/indptr is not of \d+ tiles"):
        read_tiles(path)


def test_another_schema_and_an_absent_file_are_refused(tmp_path: Path) -> None:
    placement = written(tmp_path / "tiles.h5").placement
    store.save(placement, tmp_path / "placement.h5", {})
    with pytest.raises(InputError, match="not a file of crossbar tiles"):
        read_tiles(tmp_path / "placement.h5")
    with pytest.raises(InputError, match="does not exist"):
        read_tiles(tmp_path / "absent.h5")
