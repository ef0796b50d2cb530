"""Networks from scipy.sparse files: what comes back, and what is refused."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from spiking_bimt.errors import InputError
from spiking_bimt.formats.npz import read_npz


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "bsr"])
def test_every_kind_of_matrix_gives_the_same_network(tmp_path: Path, kind: str) -> None:
    dense = np.array([[0.0, 0.5, 0.0], [0.0, 0.0, -1.0], [2.0, 0.25, 0.0]])
    sparse.save_npz(tmp_path / "w.npz", sparse.csr_array(dense).asformat(kind))
    network = read_npz(tmp_path / "w.npz", dt=0.5, tau_mem=30.0)
    kept = network.weights != 0
    source = np.repeat(np.arange(3), np.diff(network.indptr))
    np.testing.assert_array_equal(source[kept], [0, 1, 2, 2])
    np.testing.assert_array_equal(network.indices[kept], [1, 2, 0, 1])
    np.testing.assert_array_equal(network.weights[kept], [0.5, -1.0, 2.0, 0.25])
    assert network.dt == 0.5
    assert (network.tau_mem == 30.0).all()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.95])
def test_a_truncated_file_is_refused(tmp_path: Path, share: float) -> None:
    sparse.save_npz(tmp_path / "w.npz", sparse.eye_array(50))
    whole = (tmp_path / "w.npz").read_bytes()
    (tmp_path / "w.npz").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match=r"w\.npz is not a matrix of scipy\.sparse\.save_npz"):
        read_npz(tmp_path / "w.npz")


def test_hostile_and_pickled_members_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        file.writestr("data.npy", b"\0" * 10**6)
    with pytest.raises(InputError, match=r"bomb\.npz"):
        read_npz(tmp_path / "bomb.npz")
    np.savez(tmp_path / "pickled.npz", data=np.array([{}], object))
    with pytest.raises(InputError, match=r"pickled\.npz is not a matrix"):
        read_npz(tmp_path / "pickled.npz")


@pytest.mark.parametrize(
    ("kind", "shape", "fields", "line"),
    [
        ("csr", 2, {"indptr": [0, 5, 2], "indices": [0, 1]}, "is not a matrix"),
        ("csr", 2, {"indptr": [0, 1, 2], "indices": [0, 99]}, "is not a matrix"),
        ("coo", 10**12, {"row": [0], "col": [0]}, "claims a matrix of 1000000000000 x"),
    ],
)
def test_indices_and_sizes_that_would_crash_scipy_are_refused(
    tmp_path: Path, kind: str, shape: int, fields: dict[str, list[int]], line: str
) -> None:
    arrays: dict[str, Any] = {name: np.array(value) for name, value in fields.items()}
    data = np.ones(len(next(iter(reversed(arrays.values())))))
    path = tmp_path / "w.npz"
    np.savez(path, format=np.array(kind), shape=np.array([shape, shape]), data=data, **arrays)
    with pytest.raises(InputError, match=line):
        read_npz(path)


def _csr(path: Path, data: list[float], dtype: Any) -> Path:
    """A matrix of two neurons, each onto the other, as a tool other than scipy may write it."""
    np.savez(
        path, format=np.array(b"csr"), shape=np.array([2, 2]), data=np.array(data, dtype),
        indices=np.array([1, 0], np.int32), indptr=np.array([0, 1, 2], np.int32),
    )  # fmt: skip
    return path


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.longdouble, np.int64, np.uint8])
def test_numbers_of_every_type_are_read(tmp_path: Path, dtype: Any) -> None:
    network = read_npz(_csr(tmp_path / "w.npz", [3, 2], dtype))
    assert network.weights.tolist() == [3, 2]


@pytest.mark.parametrize(
    ("data", "dtype", "line"),
    [
        ([1e300, 1], np.float64, r"weights\[0\] is 1e\+300: too large for float32"),
        ([np.inf, 1], np.float16, r"weights\[0\] is inf: it must be finite"),
        ([1, np.nan], np.float64, r"weights\[1\] is nan: it must be finite"),
        ([1j, 1], np.complex128, "complex128"),
    ],
)
def test_numbers_that_float32_has_not_are_refused(
    tmp_path: Path, data: list[float], dtype: Any, line: str
) -> None:
    with pytest.raises(InputError, match=rf"w\.npz: .*{line}"):
        read_npz(_csr(tmp_path / "w.npz", data, dtype))
