"""A long data set stays in its file: memory is bounded by what is worked on at a time."""

import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from spiking_bimt.battery import event_file, sources
from spiking_bimt.battery.draw import draw_trials
from spiking_bimt.battery.raw_data import DataOptions, make_dataset
from spiking_bimt.battery.read_data import read_data
from spiking_bimt.data import blocks, store
from spiking_bimt.data.blocks import is_mapped
from spiking_bimt.data.dataset import DataSet, battery_of
from spiking_bimt.errors import InputError

TRIALS, STEPS, CHANNELS = 100_000, 20, 12
MIB = 2**20
PLAIN = DataOptions()

Write = Callable[[Path, dict[str, Any]], None]


def arrays(trials: int, dtype: Any = np.float32) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {"inputs": rng.random((trials, STEPS, CHANNELS), dtype), "labels": np.arange(trials) % 5}


def to_npz(path: Path, given: dict[str, Any]) -> None:
    np.savez(path, **given)


def to_hdf5(path: Path, given: dict[str, Any]) -> None:
    with h5py.File(path, "w") as file:
        for name, value in given.items():
            file[name] = value


def to_packed_hdf5(path: Path, given: dict[str, Any]) -> None:
    with h5py.File(path, "w") as file:
        for name, value in given.items():
            chunks = (7, *value.shape[1:])
            file.create_dataset(name, data=value, chunks=chunks, compression="lzf")


def peak(work: Callable[[], Any]) -> int:
    """Most bytes that the work had allocated at a time; memory of mapped files is not."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("name", "write"), [("a.npz", to_npz), ("a.h5", to_hdf5)])
def test_a_hundred_thousand_trials_stay_in_the_file(
    name: str, write: Write, tmp_path: Path
) -> None:
    write(tmp_path / name, arrays(TRIALS))
    assert (tmp_path / name).stat().st_size > 90 * MIB

    def stages() -> None:
        data = read_data(tmp_path / name, PLAIN)
        battery = sources.write(data, tmp_path / sources.FILE)
        del data
        for stream in ("train", "validate", "calibrate", "test"):
            trials = draw_trials(battery, ("a",), 500, 20.0, stream=stream)
            assert trials.n_trials == 500

    assert peak(stages) < 16 * MIB


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks and limits of some rows, so that small data are long ones."""
    monkeypatch.setattr(blocks, "BLOCK", 4000)
    for module in ("spiking_bimt.battery.array_files", "spiking_bimt.data.digest"):
        monkeypatch.setattr(f"{module}.BLOCK", 4000)
    monkeypatch.setattr(store, "IN_MEMORY", 1000)
    monkeypatch.setattr("spiking_bimt.data.fields._COMPRESS_UP_TO", 1000)
    monkeypatch.setattr(event_file, "IN_MEMORY", 100)
    monkeypatch.setattr(event_file, "TRIALS", 3)


def of_steps(given: dict[str, Any]) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    return given | {"labels": rng.integers(0, 3, given["inputs"].shape[:2])}


def of_numbers(given: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in given.items() if key != "labels"}
    return kept | {"targets": np.cumsum(given["inputs"][..., :2], axis=1)}


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("write", [to_npz, to_hdf5, to_packed_hdf5])
@pytest.mark.parametrize("answers", [dict, of_steps, of_numbers])
def test_a_mapped_data_set_is_the_one_in_memory(
    answers: Callable[[dict[str, Any]], dict[str, Any]], write: Write, dtype: Any, tmp_path: Path
) -> None:
    given = answers(arrays(60, dtype))
    path = tmp_path / f"a.{'npz' if write is to_npz else 'h5'}"
    write(path, given)
    found = read_data(path, PLAIN)
    assert is_mapped(found.inputs)
    expected = make_dataset(given, PLAIN, "a")
    for field, value in vars(expected).items():
        if isinstance(value, np.ndarray):
            np.testing.assert_allclose(getattr(found, field), value, rtol=1e-6, err_msg=field)
        elif not field.startswith("source"):
            assert getattr(found, field) == value
    battery = sources.write(found, tmp_path / sources.FILE)
    kept = sources.find(battery)
    assert is_mapped(kept.inputs)
    assert battery_of(kept) == battery
    whole = store.load(tmp_path / sources.FILE, DataSet)
    assert not is_mapped(whole.inputs)
    np.testing.assert_array_equal(whole.inputs, found.inputs)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("encoder", ["rate", "latency", "delta"])
def test_spikes_of_mapped_data_are_those_in_memory(encoder: str, tmp_path: Path) -> None:
    given = of_steps(arrays(60))
    to_npz(tmp_path / "a.npz", given)
    found = read_data(tmp_path / "a.npz", DataOptions(encode=encoder))
    assert is_mapped(found.inputs)
    expected = read_data(given, DataOptions(encode=encoder))
    np.testing.assert_array_equal(found.inputs, expected.inputs)
    assert found.labels is not None
    np.testing.assert_array_equal(found.labels, expected.labels)


@pytest.mark.usefixtures("small")
def test_events_are_binned_some_trials_at_a_time(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    trials = [np.sort(rng.random(rng.integers(0, 40))) for _ in range(20)]
    units = [rng.integers(0, 7, len(times)) for times in trials]
    with h5py.File(tmp_path / "e.h5", "w") as file:
        for name, each, kind in (("times", trials, np.float64), ("units", units, np.uint16)):
            made = file.create_dataset(f"spikes/{name}", (20,), h5py.vlen_dtype(kind))
            for k, values in enumerate(each):
                made[k] = values
        file["labels"] = np.arange(20) % 2
    given = event_file.read_events(tmp_path / "e.h5", 10.0, None)
    assert is_mapped(given["inputs"])
    n_units = 1 + max(int(each.max(initial=0)) for each in units)
    for k, (times, of) in enumerate(zip(trials, units, strict=True)):
        rows = given["inputs"][given["offsets"][k] : given["offsets"][k + 1]]
        counts = np.histogram2d(
            np.floor(times * 100), of, [np.arange(len(rows) + 1), np.arange(n_units + 1)]
        )[0]
        np.testing.assert_array_equal(rows, counts)


@pytest.mark.usefixtures("small")
def test_damage_and_what_is_no_number_are_found_in_mapped_arrays(tmp_path: Path) -> None:
    given = arrays(60)
    given["inputs"][40, 3, 2] = np.nan
    to_npz(tmp_path / "a.npz", given)
    with pytest.raises(InputError, match="inputs is nan in sequence 40, step 3, channel 2"):
        read_data(tmp_path / "a.npz", PLAIN)
    to_npz(tmp_path / "b.npz", arrays(60))
    raw = bytearray((tmp_path / "b.npz").read_bytes())
    with zipfile.ZipFile(tmp_path / "b.npz") as archive:
        raw[archive.getinfo("inputs.npy").header_offset + 5000] ^= 1
    (tmp_path / "b.npz").write_bytes(raw)
    with pytest.raises(InputError, match=r"b\.npz is not an npz file of arrays: damaged"):
        read_data(tmp_path / "b.npz", PLAIN)
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["inputs"], file["classes"], file["weird"] = given["inputs"], ["a", "b"], [1]
    with pytest.raises(InputError, match="it holds 'weird'; data are inputs, labels"):
        read_data(tmp_path / "c.h5", PLAIN)


@pytest.mark.usefixtures("small")
def test_a_change_of_the_kept_data_is_found(tmp_path: Path) -> None:
    battery = sources.write(make_dataset(arrays(60), PLAIN, "a"), tmp_path / sources.FILE)
    with h5py.File(tmp_path / sources.FILE, "r+") as file:
        file["inputs"][500, 3] += 1
    with pytest.raises(InputError, match="its content is not what was written"):
        sources.find(battery)
