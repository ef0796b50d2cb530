"""Data files of other tools: .ts, event data, shipped sets."""

import sys
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from spiking_bimt import InputError, train
from spiking_bimt.battery.event_file import read_events
from spiking_bimt.battery.raw_data import DataOptions
from spiking_bimt.battery.read_data import read_data
from spiking_bimt.battery.ts_file import read_ts

HEADER = """# A comment
@problemName Toy
@timeStamps false
@missing false
@univariate false
@dimensions 2
@equalLength false
@classLabel true up down
@data
"""
TRAIN = HEADER + "1,2,3:4,5,6:up\n1,2:0,-1.5e1:down\n" * 3
TEST = HEADER + "7,8:9,10:down\n3,2,1:1,1,1:up\n"


def toy(folder: Path, train_text: str = TRAIN, test_text: str = TEST) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Toy_TRAIN.ts").write_text(train_text)
    (folder / "Toy_TEST.ts").write_text(test_text)
    return folder / "Toy_TRAIN.ts"


def test_a_ts_file_and_its_test_file_are_read(tmp_path: Path) -> None:
    given = read_ts(toy(tmp_path))
    assert given["offsets"].tolist() == [0, 3, 5, 8, 10, 13, 15, 17, 20]
    assert given["inputs"][:5].tolist() == [[1, 4], [2, 5], [3, 6], [1, 0], [2, -15]]
    assert given["labels"].tolist() == [0, 1, 0, 1, 0, 1, 1, 0]
    assert given["split"].tolist() == ["train"] * 6 + ["test"] * 2
    data = read_data(toy(tmp_path), DataOptions())
    assert (data.name, data.outputs) == ("Toy", ("up", "down"))


def test_a_data_set_of_the_archive_is_read_as_aeon_reads_it() -> None:
    datasets = pytest.importorskip("aeon.datasets")
    data = read_data("aeon:JapaneseVowels", DataOptions())
    for part, stream in (("train", (0, 1)), ("test", (2,))):
        sequences, labels = datasets.load_japanese_vowels(split=part)
        own = np.flatnonzero(np.isin(data.split, stream))
        assert [data.outputs[data.labels[data.offsets[k]]] for k in own] == labels.tolist()  # type: ignore[index]
        for k, sequence in zip(own, sequences, strict=True):
            rows = slice(data.offsets[k], data.offsets[k + 1])
            np.testing.assert_allclose(data.inputs[rows].T, sequence, rtol=1e-6)


def test_shipped_data_are_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "aeon").mkdir()
    (tmp_path / "aeon" / "__init__.py").write_text("raise ImportError('not to be imported')")
    toy(tmp_path / "aeon" / "datasets" / "data" / "Toy")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "aeon", raising=False)
    assert read_data("aeon:Toy", DataOptions()).n_trials == 8
    with pytest.raises(InputError, match="unknown data set of aeon 'Toys'; did you mean 'Toy'"):
        read_data("aeon:Toys", DataOptions())
    digits = read_data("sklearn:digits", DataOptions())
    assert (len(digits.channels), len(digits.members("test"))) == (8, 540)
    assert (np.diff(digits.offsets) == 8).all()
    assert len(set(digits.scale.tolist())) == 1
    with pytest.raises(InputError, match="unknown data set of sklearn 'iris'"):
        read_data("sklearn:iris", DataOptions())


TS_CASES = {
    "missing value": ({"train_text": TRAIN + "1,?:3,4:up\n"}, "line 16: channel 0 misses"),
    "NaN": ({"train_text": TRAIN + "1,NaN:3,4:up\n"}, "line 16: channel 0 misses its"),
    "other channels in the test": (
        {"test_text": HEADER + "1,2:up\n3,4:down\n"}, "Toy_TRAIN.ts has 2 channels, .*TEST.ts 1"),
    "other channels in a line": ({"train_text": TRAIN + "1,2:up\n"}, "line 16 has 1 channels"),
    "channels of other lengths": ({"train_text": TRAIN + "1,2:1:up\n"}, "line 16: channel 1 has 1"),
    "unknown class": ({"train_text": TRAIN + "1,2:1,2:left\n"}, "'left' is not in @classLabel"),
    "no number": ({"train_text": TRAIN + "1,x:1,2:up\n"}, "not a .ts file"),
    "time stamps": ({"train_text": "@timeStamps true\n" + TRAIN}, "it has time stamps"),
    "a number a series": ({"train_text": "@targetLabel true\n" + TRAIN}, "a number for each seq"),
    "no data": ({"train_text": HEADER.replace("@data", "")}, "it has no @data"),
    "nothing after data": ({"train_text": HEADER}, "no sequence after @data"),
    "unknown tag": ({"train_text": "@colour red\n" + TRAIN}, "unknown tag @colour"),
}  # fmt: skip


@pytest.mark.parametrize("name", TS_CASES)
def test_what_is_wrong_with_a_ts_file_is_told_in_one_line(name: str, tmp_path: Path) -> None:
    texts, message = TS_CASES[name]
    with pytest.raises(InputError, match=message) as caught:
        train(tmp_path / "run", data=toy(tmp_path, **texts))
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def write_events(
    path: Path, times: list[list[float]], units: list[list[int]], labels: list[int]
) -> Path:
    with h5py.File(path, "w") as file:
        for name, kind, lists in (("times", "f4", times), ("units", "u2", units)):
            dataset = file.create_dataset(
                f"spikes/{name}", (len(lists),), h5py.vlen_dtype(np.dtype(kind))
            )
            for k, values in enumerate(lists):
                dataset[k] = np.array(values, kind)
        file["labels"] = labels
    return path


def test_events_become_counts_of_channels_in_steps(tmp_path: Path) -> None:
    path = write_events(
        tmp_path / "toy_train.h5", [[0.001, 0.004, 0.0251], [], [0.012]], [[0, 1, 3], [], [2]],
        [0, 1, 1],
    )  # fmt: skip
    write_events(tmp_path / "toy_test.h5", [[0.0]], [[3]], [0])
    given = read_events(path, None, None)
    assert given["offsets"].tolist() == [0, 3, 4, 6, 7]
    expected = np.zeros((7, 4))
    expected[[0, 0, 2, 5, 6], [0, 1, 3, 2, 3]] = 1
    np.testing.assert_array_equal(given["inputs"], expected)
    assert (given["dt"], given["name"]) == (10.0, "toy")
    assert given["split"].tolist() == ["train"] * 3 + ["test"]
    shared = read_events(path, 100.0, 2)
    np.testing.assert_array_equal(shared["inputs"], [[2, 1], [0, 0], [0, 1], [0, 1]])


def _objects(lists: list[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    found = np.empty(len(lists), object)
    found[:] = lists
    return found


def test_a_million_events_are_read_in_two_seconds(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = tmp_path / "many.h5"
    with h5py.File(path, "w") as file:
        times = [np.sort(rng.random(2000)).astype(np.float32) for _ in range(500)]
        units = [rng.integers(0, 700, 2000).astype(np.uint16) for _ in range(500)]
        for name, lists in (("times", times), ("units", units)):
            kind = h5py.vlen_dtype(lists[0].dtype)
            file.create_dataset(f"spikes/{name}", data=_objects(lists), dtype=kind)
        file["labels"] = np.arange(500) % 20
    begun = time.process_time()
    data = read_data(path, DataOptions(channels=140))
    assert time.process_time() - begun < 2
    assert data.inputs.sum() == 1e6
    assert len(data.channels) == 140


EVENT_CASES = {
    "time before 0": ([[-0.1], [0.1]], [[0], [1]], "times start at 0"),
    "units without times": ([[0.1], [0.1, 0.2]], [[0], [1]], "as many units as times"),
    "trial without label": ([[0.1]] * 3, [[0]] * 3, "has 2 labels"),
}  # fmt: skip


@pytest.mark.parametrize("name", EVENT_CASES)
def test_what_is_wrong_with_events_is_told_in_one_line(name: str, tmp_path: Path) -> None:
    times, units, message = EVENT_CASES[name]
    path = write_events(tmp_path / "bad.h5", times, units, [0, 1])
    with pytest.raises(InputError, match=message):
        train(tmp_path / "run", data=path)
    with h5py.File(path, "w") as file:
        file["labels"] = [0, 1]
    with pytest.raises(InputError, match="no dataset spikes/times"):
        train(tmp_path / "run", data=path)
    assert not (tmp_path / "run").exists()
