"""A tile file alone gives the network back, bit for bit, or it is refused."""

import dataclasses
import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spiking_bimt.chip.presets import load_chip
from spiking_bimt.chip.start import slots
from spiking_bimt.chip.tiling import cut, rebuild
from spiking_bimt.data import store
from spiking_bimt.data.chip import Chip, Placement
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.tiles import TileSet
from spiking_bimt.errors import InputError
from spiking_bimt.export.tiles import SCHEMA, TileFile, read_tiles, write_tiles
from tests.chip.networks import random_network


def written(path: Path, seed: int = 0, **changes: Any) -> tuple[SpikingNetwork, Placement, Chip]:
    """A random network, placed and written to `path`."""
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
    write_tiles(path, cut(network, placement, chip), network, placement, chip, {"a": seed}, {})
    return network, placement, chip


def assert_same(found: Any, expected: Any) -> None:
    for field in dataclasses.fields(expected):
        if field.name == "measured":
            continue
        one, two = getattr(found, field.name), getattr(expected, field.name)
        np.testing.assert_array_equal(one, two, err_msg=field.name)
        if isinstance(two, np.ndarray):
            assert one.dtype == two.dtype, field.name


def same(a: TileFile, b: TileFile) -> bool:
    try:
        assert_same(rebuild(a), rebuild(b))
        for one, two in zip(a, b, strict=True):
            assert_same(one, two)
    except AssertionError:
        return False
    return True


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 10**6))
def test_the_file_alone_gives_the_quantised_network(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "tiles.h5"
    network, placement, chip = written(path, seed)
    content = read_tiles(path)
    assert_same(rebuild(content), network.quantised())
    assert_same(content.placement, placement)
    assert content.chip == chip
    assert_same(content.tiles, cut(network, placement, chip))


def test_eight_bits_take_a_byte_and_a_tile_is_one_chunk(tmp_path: Path) -> None:
    written(tmp_path / "a.h5", 1, n=20, density=0.4, bits=8)
    written(tmp_path / "b.h5", 1, n=20, density=0.4, bits=9)
    for name, kind in (("a.h5", np.int8), ("b.h5", np.int16)):
        with h5py.File(tmp_path / name) as file:
            codes = file["tiles/codes"]
            assert codes.dtype == kind
            assert codes.chunks == (1, *codes.shape[1:])
            assert (codes.compression, codes.shuffle) == ("gzip", True)


def test_one_tile_is_checked_with_h5py_alone(tmp_path: Path) -> None:
    """The sum of a tile as the format describes it, without this package's code."""
    written(tmp_path / "t.h5", 2, n=20, density=0.4, delays=True)
    with h5py.File(tmp_path / "t.h5") as file:
        group, tile = file["tiles"], 3
        raw = group["codes"][tile].astype("<i2").tobytes()
        raw += group["scale"][tile].astype("<f4").tobytes()
        for name in ("row_source", "col_target", "kind", "core", "delays"):
            raw += np.asarray(group[name][tile], "<i4").tobytes()
        assert group["sha256"][tile].tobytes() == hashlib.sha256(raw).digest()


def test_equal_networks_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a.h5", "b.h5"):
        written(tmp_path / name, 3)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()
    assert store.provenance(tmp_path / "a.h5", SCHEMA).settings == {"a": 3}


@pytest.mark.parametrize("seed", [4, 5])
def test_flipped_bytes_never_give_another_network(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "tiles.h5"
    written(path, seed, n=25, inputs=3, density=0.3, bits=8, delays=seed == 5)
    whole, good = path.read_bytes(), read_tiles(path)
    rng = np.random.default_rng(seed)
    refused: list[str] = []
    for position in rng.integers(len(whole), size=200):
        damaged = bytearray(whole)
        damaged[position] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        try:
            found = read_tiles(path)
        except InputError as error:
            refused.append(str(error))
        else:
            assert same(found, good), f"byte {position}"
    assert len(refused) > 50
    assert not any("\n" in message for message in refused)


@pytest.mark.parametrize("name", ["codes", "scale", "row_source", "col_target", "core", "delays"])
def test_the_first_bad_tile_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / "tiles.h5"
    written(path, 6, n=25, density=0.4, bits=8, delays=True)
    with h5py.File(path, "r+") as file:
        data = file[f"tiles/{name}"]
        for tile in (2, 4):
            data[tile] = data[tile] + 1
    with pytest.raises(InputError, match=r"tiles\.h5: tile 2 does not match its checksum \(2 of "):
        read_tiles(path)


@pytest.mark.parametrize(
    "where",
    ["neurons/v_th", "neurons/slot", "readout/codes", "readout/b_out", "@settings",
     "network@delay", "network@reset", "hardware@profile"],
)  # fmt: skip
def test_changes_outside_the_tiles_are_detected(tmp_path: Path, where: str) -> None:
    path = tmp_path / "tiles.h5"
    written(path, 7, n=25, density=0.4)
    with h5py.File(path, "r+") as file:
        group, _, attribute = where.partition("@")
        if attribute:
            attrs = file[group or "/"].attrs
            old = attrs[attribute]
            attrs[attribute] = old + 1 if attribute == "delay" else old[:-1]
        else:
            file[group][0] = file[group][0] + 1
    with pytest.raises(InputError, match="checksum of the file does not match"):
        read_tiles(path)


def test_removed_added_and_reordered_parts_are_detected(tmp_path: Path) -> None:
    path = tmp_path / "tiles.h5"
    written(path, 8, n=25, density=0.4)
    whole = path.read_bytes()

    def swapped(file: h5py.File) -> None:
        for data in file["tiles"].values():
            data[:2] = data[:2][::-1]

    def added(file: h5py.File) -> None:
        file["extra"] = 1

    def removed(file: h5py.File) -> None:
        del file["neurons/bias"]

    def no_digest(file: h5py.File) -> None:
        del file.attrs["digest"]

    def no_group(file: h5py.File) -> None:
        del file["readout"]

    for change, message in (
        (swapped, "checksum of the file does not match"),
        (added, "checksum of the file does not match"),
        (removed, "checksum of the file does not match"),
        (no_digest, r"tiles\.h5 is damaged .*digest"),
        (no_group, "group readout is missing"),
    ):
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


@pytest.mark.parametrize("name", ["codes", "sha256", "scale"])
def test_hostile_sizes_are_refused_before_allocation(tmp_path: Path, name: str) -> None:
    path = tmp_path / "tiles.h5"
    written(path, 10, n=25, density=0.3)
    with h5py.File(path, "r+") as file:
        del file[f"tiles/{name}"]
        file["tiles"].create_dataset(name, shape=(10**12, 4, 4), dtype="i1", chunks=(1, 4, 4))
    with pytest.raises(InputError, match="claims 16000000000000 values"):
        read_tiles(path)


def test_arrays_of_unequal_tiles_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "tiles.h5"
    written(path, 11, n=25, density=0.3)
    with h5py.File(path, "r+") as file:
        short = file["tiles/kind"][:-1]
        del file["tiles/kind"]
        file["tiles/kind"] = short
    with pytest.raises(InputError, match=r"dataset tiles/kind is not of \d+ tiles"):
        read_tiles(path)


def test_another_schema_and_an_absent_file_are_refused(tmp_path: Path) -> None:
    _, placement, _ = written(tmp_path / "tiles.h5")
    store.save(placement, tmp_path / "placement.h5", {})
    with pytest.raises(InputError, match="holds 'spiking_bimt/Placement', expected"):
        read_tiles(tmp_path / "placement.h5")
    with pytest.raises(InputError, match="does not exist"):
        read_tiles(tmp_path / "absent.h5")


def test_networks_without_codes_are_not_written(tmp_path: Path) -> None:
    network, placement, chip = written(tmp_path / "tiles.h5")
    tiles = cut(network, placement, chip)
    plain = replace(network, bits=None, codes=None, scale=None, in_codes=None, in_scale=None,
                    out_codes=None, out_scale=None)  # fmt: skip
    with pytest.raises(InputError, match="no integer codes: run convert with --bits"):
        write_tiles(tmp_path / "x.h5", tiles, plain, placement, chip, {}, {})
    assert not (tmp_path / "x.h5").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bits": 1}, "bits is 1: signed codes have 2 to 16 bits"),
        ({"bits": 2}, r"codes exceed the 2-bit range -1\.\.1"),
        ({"kind": np.full(1, 2)}, r"kind must be 0 \(recurrent\) or 1 \(input\)"),
        ({"codes": np.full((1, 2), 1)}, "codes has 2 dimensions, expected 3"),
        ({"scale": np.ones((1, 3))}, r"scale has shape \(1, 3\), expected \(1, 2\)"),
        ({"row_source": np.full((1, 2), -1)}, "a weight in an unused row or column"),
    ],
)
def test_tiles_check_themselves(change: dict[str, Any], message: str) -> None:
    fields: dict[str, Any] = {
        "codes": np.full((1, 2, 2), 3), "scale": np.ones((1, 2)), "kind": np.zeros(1),
        "core": np.zeros(1), "row_source": np.array([[0, 1]]), "col_target": np.array([[0, 1]]),
        "bits": 4,
    }  # fmt: skip
    TileSet(**fields)
    with pytest.raises(InputError, match=message):
        TileSet(**(fields | change))
