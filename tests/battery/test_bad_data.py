"""What is wrong with data is said in one line, and nothing is written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spiking_bimt import InputError, train

RNG = np.random.default_rng(0)
GOOD: dict[str, Any] = {
    "inputs": RNG.normal(size=(20, 6, 3)), "labels": np.arange(20) % 2,
    "split": np.array(["train"] * 12 + ["test"] * 8),
}  # fmt: skip


def changed(name: str, change: Callable[[Any], None]) -> dict[str, Any]:
    value = GOOD[name].copy()
    change(value)
    return {name: value}


def put(where: Any, value: Any) -> Callable[[Any], None]:
    return lambda array: array.__setitem__(where, value)


RAGGED = np.array([RNG.normal(size=(n, 3)) for n in (4, 5)], dtype=object)
CASES: dict[str, tuple[dict[str, Any], str]] = {
    "objects": ({"inputs": RAGGED}, "inputs is an array of Python objects, which are never"),
    "nan": (changed("inputs", put((3, 2, 1), np.nan)), "is nan in sequence 3, step 2, channel 1"),
    "infinite": (changed("inputs", put((0, 0, 0), np.inf)), "is inf in sequence 0"),
    "labels from 1": ({"labels": GOOD["labels"] + 1}, "labels run from 1 to 2: number"),
    "negative label": (changed("labels", put(0, -1)), "labels run from -1 to 1"),
    "half a label": ({"labels": GOOD["labels"] / 2}, "whole numbers from 0"),
    "class missing from training": (changed("labels", put(19, 2)), "class 2 has no training"),
    "class that nothing has": ({"classes": list("abc")}, r"class 2 \(c\) has no training"),
    "one class": ({"labels": np.zeros(20, int)}, "at least two classes"),
    "labels of other number": ({"labels": np.zeros(7, int)}, r"labels has shape \(7,\)"),
    "no answers": ({"labels": None}, "give labels .* or targets"),
    "both answers": ({"targets": np.zeros((120, 1))}, "one of the two"),
    "one trial": ({"inputs": GOOD["inputs"][:1], "labels": [0], "split": None},
                  "there are 1 sequences"),
    "one test trial": ({"split": np.array(["train"] * 19 + ["test"])}, "the test split has 1"),
    "one step": ({"inputs": GOOD["inputs"][:, :1]}, "every sequence has one step"),
    "constant channel": (changed("inputs", put((..., 2), 4)), "channel 2 is 4 in every training"),
    "constant target": ({"labels": None, "targets": np.ones((120, 1))}, "target 0 is 1 in every"),
    "no such split": ({"split": np.array(["train"] * 12 + ["tests"] * 8)}, "did you mean 'test'"),
    "no sequence to validate": (
        {"split": np.array(["test"] * 18 + ["train"] * 2)}, "split has 2 sequences: at least"),
    "flat inputs": ({"inputs": np.zeros(20)}, r"inputs has shape \(20,\)"),
    "bad offsets": ({"inputs": np.zeros((9, 3)), "offsets": [0, 5, 5, 9]}, "offsets must rise"),
    "unknown array": ({"label": [0]}, "unknown array 'label'; did you mean 'labels'"),
    "step of no time": ({"dt": 0.0}, "dt is 0.0"),
    "channel names": ({"channels": ["a", "b"]}, "channels are 2 names, expected 3"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_bad_arrays_are_told_in_one_line_and_leave_nothing(name: str, tmp_path: Path) -> None:
    changes, message = CASES[name]
    arrays = {key: value for key, value in (GOOD | changes).items() if value is not None}
    np.savez(tmp_path / "data.npz", **arrays)
    with pytest.raises(InputError, match=message) as caught:
        train(tmp_path / "run", data=tmp_path / "data.npz", config="data")
    assert str(caught.value).startswith(str(tmp_path / "data.npz"))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


PAIRS: dict[str, tuple[Any, str]] = {
    "no pairs": ([1, 2], "item 0 of the data is no pair"),
    "no sequence": ([], "hold no sequence"),
    "flat": ([(np.zeros(3), 0)], "the inputs of sequence 0 have shape"),
    "other channels": (
        [(np.zeros((2, 3)), 0), (np.zeros((2, 4)), 1)], "sequence 1 has 4 channels, sequence 0 3"),
    "other answers": ([(np.zeros((2, 3)), 0), (np.zeros((2, 3)), [0, 1])], "different kinds"),
    "no such file": ("nowhere.npz", "nowhere.npz does not exist"),
}  # fmt: skip


@pytest.mark.parametrize("name", PAIRS)
def test_bad_pairs_are_told_in_one_line_and_leave_nothing(name: str, tmp_path: Path) -> None:
    data, message = PAIRS[name]
    with pytest.raises(InputError, match=message):
        train(tmp_path / "run", data=data, config="data")
    assert not (tmp_path / "run").exists()


def test_arguments_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    for more, message in (
        ({"tasks": ("go",)}, "`tasks` and `data` both"),
        ({"battery": "yang19"}, "`battery` and `data` both"),
        ({"max_packets": 0.1}, "`max_packets` is about a chip"),
        ({"read": "first"}, "unknown read 'first'"),
    ):
        with pytest.raises(InputError, match=message):
            train(tmp_path / "run", data=GOOD, **more)
    for more, message in (({"dt": 5.0}, "`dt` is about data"), ({"read": "last"}, "`read` is")):
        with pytest.raises(InputError, match=message):
            train(tmp_path / "run", config="quick", **more)
    assert not (tmp_path / "run").exists()
