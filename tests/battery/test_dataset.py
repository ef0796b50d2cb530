"""Data sets: how they are split, standardised, drawn from and scored."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, r2_score

from spiking_bimt.battery import sources
from spiking_bimt.battery.accuracy import score
from spiking_bimt.battery.draw import draw_noise_free, draw_trials
from spiking_bimt.battery.raw_data import DataOptions, make_dataset
from spiking_bimt.battery.read_data import read_data
from spiking_bimt.data.dataset import SPLITS, DataSet, battery_of
from spiking_bimt.errors import InputError

RNG = np.random.default_rng(0)
LENGTHS = RNG.integers(3, 9, 60)
OFFSETS = np.append(0, np.cumsum(LENGTHS))
INPUTS = RNG.normal(3, 2, (OFFSETS[-1], 4))
LABELS = np.arange(60) % 3


def made(**changes: Any) -> DataSet:
    arrays = {"inputs": INPUTS, "offsets": OFFSETS, "labels": LABELS} | changes
    arrays = {name: value for name, value in arrays.items() if value is not None}
    return make_dataset(arrays, DataOptions(), "some")


def regression() -> DataSet:
    targets = np.stack([5 + INPUTS.sum(1), INPUTS[:, 0] ** 2], axis=1)
    return made(labels=None, targets=targets)


def test_classes_are_split_alike_and_validation_is_taken_from_training() -> None:
    data = made()
    for part, count in (("test", 4), ("validation", 2), ("train", 14)):
        labels = LABELS[data.members(part)]
        assert np.abs(np.bincount(labels, minlength=3) - count).max() <= 1, part
    given = np.array(["train"] * 40 + ["test"] * 20)
    data = made(split=given)
    assert (data.members("test") == np.arange(40, 60)).all()
    assert len(data.members("validation")) == 4
    whole = np.repeat(SPLITS, 20)
    assert (made(split=whole).split == np.repeat(np.arange(3), 20)).all()


def test_inputs_are_standardised_by_the_training_sequences_alone() -> None:
    data = made()
    training = np.repeat(data.split == 0, LENGTHS)
    np.testing.assert_allclose(data.mean, INPUTS[training].mean(0), rtol=1e-5)
    np.testing.assert_allclose(data.scale, INPUTS[training].std(0), rtol=1e-5)
    trials = data.take(data.members("test"))
    rows = np.repeat(data.split == SPLITS.index("test"), LENGTHS)
    expected = (INPUTS[rows] - data.mean) / data.scale
    np.testing.assert_allclose(trials.inputs, expected, rtol=1e-4, atol=1e-5)
    plain = make_dataset(
        {"inputs": INPUTS, "offsets": OFFSETS, "labels": LABELS},
        DataOptions(standardise="none"), "some",
    )  # fmt: skip
    np.testing.assert_array_equal(plain.take(np.array([7])).inputs,
                                  INPUTS[OFFSETS[7] : OFFSETS[8]].astype(np.float32))  # fmt: skip


def test_streams_draw_from_their_parts_and_fewer_test_trials_are_some_of_more(
    tmp_path: Path,
) -> None:
    data = made()
    battery = sources.write(data, tmp_path / sources.FILE)
    assert battery == battery_of(data)

    def rows(stream: str, many: int, **more: int) -> set[tuple[float, ...]]:
        trials = draw_trials(battery, ("some",), many, data.dt, stream=stream, **more)
        return {tuple(trials.inputs[first]) for first in trials.offsets[:-1]}

    parts = {stream: rows(stream, 10_000) for stream in ("train", "validate", "test")}
    assert [len(part) for part in parts.values()] == [len(data.members(p)) for p in SPLITS]
    assert not parts["train"] & parts["validate"] | parts["test"] & parts["train"]
    assert rows("test", 3) < rows("test", 6) < parts["test"]
    assert rows("test", 6, seed=1) == rows("test", 6)
    assert rows("calibrate", 5) < parts["train"]
    assert rows("train", 5) != rows("train", 5, pool=1)
    _, sigma = draw_noise_free(battery, ("some",), 5, data.dt, stream="train")
    assert (sigma == 0).all()
    with pytest.raises(InputError, match=r"steps of 20.0 ms, not of 5"):
        draw_trials(battery, ("some",), 5, 5.0, stream="test")


def test_data_that_are_not_at_hand_or_not_those_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"data.h5 of the run"):
        draw_trials("data:0123456789abcdef", ("some",), 5, 20.0, stream="test")
    path = tmp_path / sources.FILE
    battery = sources.write(made(), path)
    sources.write(made(labels=LABELS[::-1]), path)
    sources._known[battery] = path
    with pytest.raises(InputError, match="other data than it says"):
        draw_trials(battery, ("some",), 5, 20.0, stream="test")


@pytest.mark.parametrize("read", ["mean", "last"])
def test_the_class_of_a_sequence_is_that_of_its_mean_or_last_output(read: str) -> None:
    data = make_dataset(
        {"inputs": INPUTS, "offsets": OFFSETS, "labels": LABELS}, DataOptions(read=read), "some"
    )
    trials = data.take(np.arange(60))
    outputs = RNG.normal(size=(len(INPUTS), 3))
    parts = np.split(outputs, OFFSETS[1:-1])
    answers = [int((part.mean(0) if read == "mean" else part[-1]).argmax()) for part in parts]
    result = score(outputs, trials)
    assert result.accuracy == pytest.approx(accuracy_score(LABELS, answers))
    assert result.decision_accuracy == result.accuracy
    expected = confusion_matrix(LABELS, answers, labels=range(3)).tolist()
    assert result.details == {"classes": ["0", "1", "2"], "confusion": expected}
    assert result.interval[0] < result.accuracy < result.interval[1]


def test_classes_at_every_step_are_scored_by_step() -> None:
    labels = RNG.integers(3, size=len(INPUTS))
    data = made(labels=labels)
    assert data.kind == "steps"
    outputs = RNG.normal(size=(len(INPUTS), 3)) + 2 * np.eye(3)[labels]
    result = score(outputs, data.take(np.arange(60)))
    right = outputs.argmax(1) == labels
    assert result.accuracy == pytest.approx(right.mean())
    shares = [part.mean() >= 0.5 for part in np.split(right, OFFSETS[1:-1])]
    np.testing.assert_array_equal(result.correct, shares)
    # The interval is near that of a bootstrap over sequences.
    sums = np.add.reduceat(right.astype(float), OFFSETS[:-1])
    draws = RNG.integers(60, size=(4000, 60))
    spread = 1.96 * np.std(sums[draws].sum(1) / LENGTHS[draws].sum(1))
    assert (result.interval[1] - result.interval[0]) / 2 == pytest.approx(spread, rel=0.1)


def test_numbers_are_scored_by_r2_and_errors_in_their_own_units() -> None:
    data = regression()
    trials = data.take(np.arange(60))
    assert trials.targets is not None
    found = trials.targets + RNG.normal(size=trials.targets.shape) * [0.3, 0.8]
    result = score(found, trials)
    y = data.targets
    z = np.array(trials.answer.mean) + np.array(trials.answer.scale) * found
    assert y is not None
    assert result.measure == "R2"
    assert result.accuracy == pytest.approx(r2_score(y, z), rel=1e-5)
    smape = 200 * np.mean(np.abs(y - z) / (np.abs(y) + np.abs(z)))
    assert result.details["smape"] == pytest.approx(smape, rel=1e-5)
    assert result.details["mse"] == pytest.approx(np.square(y - z).mean(), rel=1e-5)
    assert score(trials.targets, trials).accuracy == 1


def test_files_arrays_and_pairs_give_the_same_data(tmp_path: Path) -> None:
    path = tmp_path / "some.npz"
    np.savez(path, inputs=INPUTS, offsets=OFFSETS, labels=LABELS, dt=5.0)
    pairs = [(part, k) for part, k in zip(np.split(INPUTS, OFFSETS[1:-1]), LABELS, strict=True)]
    arrays = {"inputs": INPUTS, "offsets": OFFSETS, "labels": LABELS, "name": "some", "dt": 5.0}
    of_file = read_data(path, DataOptions())
    assert of_file.dt == 5.0
    assert of_file.source_sha256
    assert battery_of(of_file) == battery_of(read_data(arrays, DataOptions()))
    of_pairs = read_data(iter(pairs), DataOptions(dt=5.0))
    np.testing.assert_array_equal(of_pairs.inputs, of_file.inputs)
    np.testing.assert_array_equal(of_pairs.split, of_file.split)
    fixed = {"inputs": INPUTS[:200].reshape(20, 10, 4), "labels": np.array(list("abcd") * 5)}
    data = read_data(fixed, DataOptions())
    assert data.outputs == ("a", "b", "c", "d")
    assert (np.diff(data.offsets) == 10).all()
    series = [(part, part[:, :2]) for part, _ in pairs]
    assert read_data(series, DataOptions()).kind == "regression"
