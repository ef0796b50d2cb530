"""A file that somebody else made reaches nothing outside itself and takes no more than it holds."""

import os
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from spiking_bimt.data import store
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.errors import InputError
from tests.data.test_store import seal, small_network


def test_a_foreign_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.h5").write_text("hello")
    with pytest.raises(InputError, match="not a readable HDF5 file"):
        store.load(tmp_path / "text.h5", RateNetwork)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(InputError, match="attribute schema is missing"):
        store.load(tmp_path / "other.h5", RateNetwork)
    with pytest.raises(InputError, match="does not exist"):
        store.load(tmp_path / "none.h5", RateNetwork)


def test_a_hostile_size_is_refused_before_allocation(tmp_path: Path) -> None:
    path = tmp_path / "rate.h5"
    store.save(small_network(), path, settings={})
    with h5py.File(path, "r+") as file:
        del file["w_rec"]
        file.create_dataset("w_rec", shape=(10**6, 10**6), dtype="f4", chunks=(1024, 1024))
    with pytest.raises(InputError, match=r"arrays claim 4,000,000,000,276 bytes"):
        store.load(path, RateNetwork)


def external_link(file: h5py.File) -> None:
    file["b"] = h5py.ExternalLink("other.h5", "/b")


def external_storage(file: h5py.File) -> None:
    file.create_dataset("b", shape=(6,), dtype="u1", external=[("/etc/passwd", 0, 6)])


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((6,), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "b", (6,))
    file.create_virtual_dataset("b", layout)


def soft_link(file: h5py.File) -> None:
    file["b"] = h5py.SoftLink("/b_out")


def unknown(file: h5py.File) -> None:
    file["b"], file["bb"] = np.zeros(6), np.zeros(6)
    seal(file)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (external_link, "b is a link to another place"),
        (soft_link, "b is a link to another place"),
        (external_storage, "/b has its data in other files"),
        (virtual, "/b has its data in other files"),
        (unknown, "holds 'bb', which this release does not know"),
    ],
)
def test_a_file_reaches_nothing_outside_itself(
    tmp_path: Path, change: Callable[[h5py.File], None], message: str
) -> None:
    path = tmp_path / "rate.h5"
    store.save(small_network(), path, settings={})
    with h5py.File(path, "r+") as file:
        del file["b"]
        change(file)
    with pytest.raises(InputError, match=message):
        store.load(path, RateNetwork)


def test_a_small_file_cannot_ask_for_much_memory(tmp_path: Path) -> None:
    path = tmp_path / "rate.h5"
    store.save(small_network(), path, settings={})
    with h5py.File(path, "r+") as file:
        del file["w_rec"]
        made = file.create_dataset("w_rec", (2**27,), "f4", chunks=(2**20,), compression="gzip")
        zeros = zlib.compress(bytes(2**22))
        for start in range(0, 2**27, 2**20):
            made.id.write_direct_chunk((start,), zeros)
    with pytest.raises(InputError, match=r"arrays claim .* at most 8 times that and 256 MiB"):
        store.load(path, RateNetwork)


def test_a_pipe_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "rate.h5")
    with pytest.raises(InputError, match="not a regular file, but a device or pipe"):
        store.load(tmp_path / "rate.h5", RateNetwork)
