"""HDF5 files of other tools reach nothing outside themselves, whichever reader opens them."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from spiking_bimt.errors import InputError
from spiking_bimt.formats import nir_file
from spiking_bimt.formats.nir_export import write_nir
from spiking_bimt.formats.nir_import import read_nir
from spiking_bimt.formats.sonata_import import read_sonata
from tests.formats.test_nir import plain_network
from tests.formats.test_sonata_circuits import circuit

MovedOut = Callable[[h5py.File, str, Path], None]


def linked(file: h5py.File, name: str, other: Path) -> None:
    file[name] = h5py.ExternalLink(str(other), "/x")


def soft(file: h5py.File, name: str, other: Path) -> None:
    with h5py.File(other) as there:
        file["elsewhere"] = there["x"][()]
    file[name] = h5py.SoftLink("/elsewhere")


def external(file: h5py.File, name: str, other: Path) -> None:
    with h5py.File(other) as there:
        values = there["x"][()]
    values.tofile(other.with_suffix(".raw"))
    where = [(str(other.with_suffix(".raw")), 0, values.nbytes)]
    file.create_dataset(name, values.shape, values.dtype, external=where)


def virtual(file: h5py.File, name: str, other: Path) -> None:
    with h5py.File(other) as there:
        shape, dtype = there["x"].shape, there["x"].dtype
    layout = h5py.VirtualLayout(shape, dtype)
    layout[:] = h5py.VirtualSource(str(other), "x", shape)
    file.create_virtual_dataset(name, layout)


@pytest.mark.parametrize(
    ("move", "message"),
    [
        (linked, "is a link to another place: such are not followed"),
        (soft, "is a link to another place: such are not followed"),
        (external, "has its data in other files: such are not opened"),
        (virtual, "has its data in other files: such are not opened"),
    ],
)
@pytest.mark.parametrize("form", ["nir", "sonata"])
def test_data_outside_the_file_are_refused(
    tmp_path: Path, form: str, move: MovedOut, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if form == "nir":
        pytest.importorskip("nir")
        monkeypatch.setattr(nir_file, "_survive", lambda _path: None)  # a process for each
        source = path = tmp_path / "network.nir"
        write_nir(path, plain_network(0, 4))
        name = "node/nodes/neurons/nodes/lif/tau_mem"
    else:
        source, path = circuit(tmp_path), tmp_path / "edges.h5"
        name = "edges/cells_cells/0/syn_weight"
    with h5py.File(path, "r+") as file:
        with h5py.File(tmp_path / "other.h5x", "w") as other:
            other["x"] = file[name][()]
        del file[name]
        move(file, name, tmp_path / "other.h5x")
    with pytest.raises(InputError, match=message) as caught:
        (read_nir if form == "nir" else read_sonata)(source)
    assert str(path) in str(caught.value)


def test_arrays_of_a_nir_file_that_do_not_fit_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("nir")
    monkeypatch.setattr(nir_file, "_survive", lambda _path: None)
    path = tmp_path / "network.nir"
    write_nir(path, plain_network(0, 4))
    with h5py.File(path, "r+") as file:
        del file["node/nodes/input_weights/bias"]
        file["node/nodes/input_weights/bias"] = np.zeros((7, 7))
    with pytest.raises(InputError, match=r"network\.nir is not a NIR graph whose nodes fit") as one:
        read_nir(path)
    assert "\n" not in str(one.value)
