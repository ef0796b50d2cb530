"""NIR files that are foreign, damaged or hostile are refused in one line."""

import pathlib

import h5py
import numpy as np
import pytest

from spiking_bimt.errors import InputError
from spiking_bimt.formats import nir_file
from spiking_bimt.formats.nir_export import write_nir
from spiking_bimt.formats.nir_import import read_nir
from tests.formats.test_nir import plain_network

nir = pytest.importorskip("nir")


def test_other_nodes_are_refused_by_name(tmp_path: pathlib.Path) -> None:
    one = np.ones(2)
    nir.write(tmp_path / "li.nir", nir.NIRGraph.from_list(nir.Linear(np.ones((2, 2))), nir.I(one)))
    with pytest.raises(InputError, match=r"li\.nir: node i \(I\): it never fires"):
        read_nir(tmp_path / "li.nir")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.95])
def test_a_truncated_file_is_refused(tmp_path: pathlib.Path, share: float) -> None:
    path = tmp_path / "network.nir"
    write_nir(path, plain_network(0))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match=r"network\.nir is not a readable NIR file"):
        read_nir(path)


def test_flipped_bytes_never_end_the_process(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HDF5 crashes or hangs on some damaged texts of variable length: in a child, then."""
    monkeypatch.setattr(nir_file, "_PATIENCE_S", 4)
    path, lines = tmp_path / "network.nir", []
    write_nir(path, plain_network(0, 4))
    whole = path.read_bytes()
    # The collection of texts in the file, where a length is damaged.
    heap = whole.index(b"GCOL")
    for offset in (8, 16, 24, 33, 40):
        image = bytearray(whole)
        image[heap + offset] ^= 0xFF
        path.write_bytes(image)
        try:
            read_nir(path)
        except InputError as error:
            lines.append(str(error))
    assert lines
    assert all("\n" not in line for line in lines)


def test_foreign_and_hostile_files_are_refused(tmp_path: pathlib.Path) -> None:
    with h5py.File(tmp_path / "foreign.nir", "w") as file:
        file["a"] = 1
    with pytest.raises(InputError, match=r"foreign\.nir is no NIR file"):
        read_nir(tmp_path / "foreign.nir")
    with pytest.raises(InputError, match=r"absent\.nir does not exist"):
        read_nir(tmp_path / "absent.nir")
    path = tmp_path / "network.nir"
    write_nir(path, plain_network(0))
    with h5py.File(path, "r+") as file:
        group = file["node/nodes/neurons/nodes/w_rec"]
        del group["weight"]
        group.create_dataset("weight", (10**6, 10**6), "f8", chunks=(64, 64), compression="gzip")
    with pytest.raises(InputError, match="arrays claim 8,000,000,002,656 bytes"):
        read_nir(path)
