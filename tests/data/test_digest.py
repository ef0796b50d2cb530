"""Arrays are hashed as they are read, and the hash is that of the whole."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from spiking_bimt.data import digest


@pytest.mark.parametrize("kind", ["<f4", "<i8", "u1", "?", ">f4"])
@pytest.mark.parametrize("length", [0, 1, 63, 64, 65, 1000])
def test_blocks_are_read_and_hashed_as_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, length: int
) -> None:
    monkeypatch.setattr(digest, "BLOCK", 64)
    values = np.random.default_rng(length).integers(0, 2, length).astype(kind)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["plain"] = values
        if length:
            file.create_dataset("packed", data=values, compression="gzip")
    with h5py.File(tmp_path / "x.h5") as file:
        for name in file:
            found, hashed = digest.read_hashed(file[name])
            np.testing.assert_array_equal(found, values)
            assert hashed == digest.array_digest(values)
