"""SONATA spike files: what others read in them, and what comes back."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from spiking_bimt.data import digest, store
from spiking_bimt.data.spikes import Recording
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import InputError
from spiking_bimt.formats.sonata import read_spikes, write_spikes


def example(dt: float = 0.1) -> tuple[Recording, Trials]:
    """Three trials of 4, 1 and 300 task steps of 2 ms; spikes in first and last steps."""
    lengths, per_task_step = np.array([4, 1, 300]), round(2.0 / dt)
    rng = np.random.default_rng(0)
    steps, neurons = [], []
    for length in lengths * per_task_step:
        inner = np.sort(rng.integers(0, length, 50))
        steps.append(np.concatenate([[0], inner, [length - 1]]))
        neurons.append(rng.integers(0, 7, 52))
    counts = np.stack([np.bincount(own, minlength=7) for own in neurons])
    recording: dict[str, Any] = {
        "outputs": np.zeros((305, 2)), "spike_counts": counts, "offsets": 52 * np.arange(4),
        "steps": np.concatenate(steps), "neurons": np.concatenate(neurons),
        "lengths": lengths * per_task_step, "dt": dt, "n_neurons": 7,
    }  # fmt: skip
    trials: dict[str, Any] = {
        "inputs": np.zeros((305, 1)), "labels": np.zeros(305), "decision": np.zeros(3),
        "offsets": np.append(0, np.cumsum(lengths)), "task": [1, 0, 1],
        "tasks": ("go", "anti"), "dt": 2.0,
    }  # fmt: skip
    return Recording(**recording), Trials(**trials)


def altered(recording: Recording, **fields: Any) -> Recording:
    return Recording(**vars(recording) | fields)


NONE = np.zeros(0, int)


@pytest.mark.parametrize("dt", [0.1, 0.25, 1.0])
def test_spikes_come_back_equal(tmp_path: Path, dt: float) -> None:
    recording, trials = example(dt)
    write_spikes(tmp_path / "s.h5", recording, trials, population="cortex")
    back = read_spikes(tmp_path / "s.h5", population="cortex")
    for field in ("offsets", "steps", "neurons", "dt", "n_neurons"):
        np.testing.assert_array_equal(getattr(back, field), getattr(recording, field))
    np.testing.assert_array_equal(back.task, trials.task)
    np.testing.assert_array_equal(back.duration_ms, [8.0, 2.0, 600.0])
    np.testing.assert_array_equal(back.start_ms, [0.0, 8.0, 10.0])
    assert (back.tasks, back.population) == (("go", "anti"), "cortex")


def test_the_layout_is_sonatas(tmp_path: Path) -> None:
    recording, trials = example()
    write_spikes(tmp_path / "s.h5", recording, trials)
    with h5py.File(tmp_path / "s.h5") as file:
        group = file["spikes/default"]
        assert group["timestamps"].dtype == np.float64
        assert group["timestamps"].attrs["units"] == b"ms"
        assert group["node_ids"].dtype == np.uint64
        names = h5py.check_enum_dtype(group.attrs.get_id("sorting").dtype)
        assert names == {"none": 0, "by_id": 1, "by_time": 2}
        assert group.attrs["sorting"] == names["by_time"]
        assert (np.diff(group["timestamps"][()]) >= 0).all()
        assert {group[name].compression for name in ("timestamps", "node_ids")} == {None}
        assert file.attrs["magic"] == 0x0A7A
        np.testing.assert_array_equal(file.attrs["version"], [0, 1])


def test_a_recording_without_spikes_makes_a_valid_file(tmp_path: Path) -> None:
    recording, trials = example()
    silent = altered(recording, steps=NONE, neurons=NONE, offsets=np.zeros(4, int),
                     spike_counts=np.zeros((3, 7)))  # fmt: skip
    write_spikes(tmp_path / "s.h5", silent, trials)
    np.testing.assert_array_equal(read_spikes(tmp_path / "s.h5").offsets, [0, 0, 0, 0])


def test_equal_spikes_give_equal_bytes(tmp_path: Path) -> None:
    recording, trials = example()
    for name in ("a.h5", "b.h5"):
        write_spikes(tmp_path / name, recording, trials, settings={"seed": 1})
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_truncated_file_is_refused(tmp_path: Path, share: float) -> None:
    write_spikes(tmp_path / "s.h5", *example())
    whole = (tmp_path / "s.h5").read_bytes()
    (tmp_path / "s.h5").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match=r"s\.h5 is (not a readable HDF5 file|damaged)"):
        read_spikes(tmp_path / "s.h5")


def put(group: str, name: str, value: Any) -> Any:
    def edit(file: h5py.File) -> None:
        del file[group][name]
        file[group][name] = value

    return edit


def set_attribute(group: str, name: str, value: Any) -> Any:
    if isinstance(value, str):
        return lambda file: store.write_text(file[group], name, value)
    return lambda file: file[group].attrs.__setitem__(name, value)


SPIKES = "spikes/default"


@pytest.mark.parametrize(
    ("edit", "line"),
    [
        (lambda file: file.__delitem__("trials"), "damaged or foreign .*object 'trials'"),
        (lambda file: file.__delitem__("spikes"), "damaged or foreign .*object 'spikes'"),
        (lambda file: file[SPIKES].__delitem__("node_ids"), "dataset node_ids is missing"),
        (put(SPIKES, "timestamps", np.full(156, np.nan)), r"timestamps\[0\] is nan"),
        (put(SPIKES, "timestamps", np.arange(156.0)[::-1]), "timestamps and start_ms must ascend"),
        (put(SPIKES, "timestamps", np.zeros((2, 2))), r"timestamps has shape \(2, 2\)"),
        (put(SPIKES, "timestamps", np.arange(156.0) - 9), "a spike lies before the first trial"),
        (put(SPIKES, "timestamps", 600.0 + np.arange(156)), "a spike lies after the end"),
        (put(SPIKES, "timestamps", np.ones(3)), r"shape \(156,\), timestamps \(3,\)"),
        (put(SPIKES, "node_ids", np.full(156, 7)), r"node_ids must lie in 0\.\.6"),
        (put(SPIKES, "node_ids", np.full(156, 0.5)), "node_ids holds float64, expected integers"),
        (put("trials", "task", [0, 1, 2]), r"task must lie in 0\.\.1"),
        (put("trials", "duration_ms", [8.0, 2.0, 1e12]), "more steps than 32 bits"),
        (set_attribute("trials", "tasks", "[go"), "attribute tasks: not valid JSON"),
        (set_attribute("trials", "tasks", "[1]"), "attribute tasks is not a list of names"),
        (set_attribute(SPIKES, "dt", 0.0), r"dt is 0\.0: it must be a finite number above 0"),
        (set_attribute(SPIKES, "dt", "x"), "attribute dt is not a number"),
        (set_attribute("/", "schema", "spiking_bimt/Other"), "holds 'spiking_bimt/Other'"),
    ],
)
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, edit: Any, line: str) -> None:
    write_spikes(tmp_path / "s.h5", *example())
    with h5py.File(tmp_path / "s.h5", "r+") as file:
        edit(file)
        # Without a new digest the reader would say no more than that the file is damaged.
        store.write_text(file, digest.NAME, digest.content_digest(file))
    with pytest.raises(InputError, match=rf"s\.h5.*{line}"):
        read_spikes(tmp_path / "s.h5")


def test_an_unknown_population_is_named(tmp_path: Path) -> None:
    write_spikes(tmp_path / "s.h5", *example(), population="a")
    with pytest.raises(InputError, match=r"s\.h5: no population 'default'; known: a"):
        read_spikes(tmp_path / "s.h5")


@pytest.mark.parametrize("name", ["", ".", "a/b"])
def test_a_population_that_is_no_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"population is .*: it must be a name without '/'"):
        write_spikes(tmp_path / "s.h5", *example(), population=name)
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    recording, trials = example()
    kept = slice(0, int(recording.offsets[2]))
    fewer = altered(recording, spike_counts=recording.spike_counts[:2], steps=recording.steps[kept],
                    neurons=recording.neurons[kept], offsets=recording.offsets[:3],
                    lengths=recording.lengths[:2])  # fmt: skip
    with pytest.raises(InputError, match="a recording of 2 trials, not 3"):
        write_spikes(tmp_path / "s.h5", fewer, trials)
    lean = altered(recording, steps=NONE, neurons=NONE, offsets=np.zeros(4, int))
    with pytest.raises(InputError, match=r"kept no spikes: simulate with record_spikes=True"):
        write_spikes(tmp_path / "s.h5", lean, trials)
    with pytest.raises(InputError, match=r"cannot write .*absent"):
        write_spikes(tmp_path / "absent" / "s.h5", recording, trials)


def test_libsonata_reads_the_spikes(tmp_path: Path) -> None:
    libsonata = pytest.importorskip("libsonata")
    recording, trials = example()
    write_spikes(tmp_path / "s.h5", recording, trials)
    population = libsonata.SpikeReader(str(tmp_path / "s.h5"))["default"]
    assert population.time_units == "ms"
    assert len(population.get()) == len(recording.neurons)
    with h5py.File(tmp_path / "s.h5") as file:
        for item, name in ((file["spikes/default/timestamps"], "units"), (file["trials"], "tasks")):
            kind = item.attrs.get_id(name).dtype
            assert kind.kind == "S"  # of fixed length
