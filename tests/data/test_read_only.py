"""Records own their arrays: nobody can change one after it was made, and none is copied twice."""

import copy
import json
import pickle
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from spiking_bimt.chip.presets import load_chip
from spiking_bimt.chip.timeline import Timeline
from spiking_bimt.data import validate
from spiking_bimt.data.chip import Placement, Traffic
from spiking_bimt.data.crossbars import Crossbars
from spiking_bimt.data.device import Conductances
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.data.selftest import SelfTest
from spiking_bimt.data.spikes import Recording
from spiking_bimt.data.tiles import TileSet
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import InputError
from spiking_bimt.formats.sonata import SpikeFile
from spiking_bimt.simulation.build import from_csr
from spiking_bimt.simulation.fixed import FixedRun
from spiking_bimt.simulation.longrun import SpikeStream

I32, I64, F32 = np.int32, np.int64, np.float32


def rate() -> dict[str, Any]:
    square = np.zeros((2, 2), F32)
    return {"w_rec": square, "w_in": square.copy(), "b": np.zeros(2, F32), "w_out": square.copy(),
            "b_out": np.zeros(2, F32), "positions": np.array([[0, 0], [0, 1]], I32),
            "sheet": (1, 2), "tau": 100.0, "dt": 20.0, "battery": "yang19", "tasks": ("go",),
            "poisson": np.zeros(2, bool)}  # fmt: skip


def spiking() -> dict[str, Any]:
    made = from_csr([0, 1, 2], [1, 0], [0.5, 0.5], delays=[1, 2])
    return {field.name: _copied(getattr(made, field.name)) for field in fields(made)}


def _copied(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value


RECORDS: dict[type, Callable[[], dict[str, Any]]] = {
    SpikingNetwork: spiking,
    RateNetwork: rate,
    Trials: lambda: {
        "inputs": np.zeros((3, 1), F32), "labels": np.zeros(3, I32), "offsets": np.array([0, 3]),
        "decision": np.zeros(1, I32), "task": np.zeros(1, I32), "tasks": ("go",), "dt": 20.0,
    },
    Recording: lambda: {
        "outputs": np.zeros((3, 1), F32), "spike_counts": np.ones((1, 1), I32),
        "offsets": np.array([0, 1]), "steps": np.zeros(1, I32), "neurons": np.zeros(1, I32),
        "lengths": np.array([1]), "dt": 1.0, "n_neurons": 1, "traces": np.zeros((1, 1), F32),
    },
    SelfTest: lambda: {
        "inputs": np.zeros((1, 1), F32), "offsets": np.array([0, 1]),
        "v_start": np.zeros((1, 1), F32), "spike_offsets": np.array([0, 1]),
        "steps": np.zeros(1, I32), "neurons": np.zeros(1, I32), "outputs": np.zeros((1, 1), F32),
    },
    Placement: lambda: {
        "chip": "grid16", "n_cores": 4, "core": np.array([0, 1], I32),
        "slot": np.array([0, 0], I32),
    },
    Timeline: lambda: {
        "spikes": np.ones(2, I64), "packets": np.ones(2, I64), "hops": np.ones(2, I64),
        "busiest_load": np.ones(2, I64), "busiest_link": np.zeros(2, I64),
        "energy_pj": np.ones(2), "time_ns": None, "dt": 0.5,
    },
    Traffic: lambda: {
        "packets": 0, "unicast_hops": 0, "multicast_hops": 0,
        "link_load": np.zeros((1, 1, 4), I64), "synaptic_events": 0, "spikes": 0,
        "energy_pj": {"spike": 1.0},
    },
    TileSet: lambda: {
        "rows": 2, "cols": 2, "bits": 8, "n_neurons": 2, "n_inputs": 0, "core": np.zeros(1, I32),
        "row_indptr": np.array([0, 1]), "row_source": np.array([0], I32),
        "col_indptr": np.array([0, 1]), "col_target": np.array([1], I32), "scale": np.ones(1, F32),
        "in_scale": np.ones(1, F32), "indptr": np.array([0, 1]), "position": np.zeros(1, I32),
        "codes": np.ones(1, np.int16), "delays": np.ones(1, I32),
    },
    Conductances: lambda: {
        "g_min": 0.0, "g_max": 1.0, "slice_bits": np.array([2], I32),
        "positive": np.ones((1, 3), np.uint16), "negative": np.ones((1, 3), np.uint16),
    },
    Crossbars: lambda: {
        "value": np.zeros((1, 2, 2)), "variance": np.zeros((1, 2, 2)),
        "row_source": np.zeros((1, 2), I32), "col_target": np.zeros((1, 2), I32),
        "scale": np.ones((1, 2)), "in_scale": np.ones((1, 2)), "adc_bits": None,
        "adc_full": np.ones(1),
    },
    SpikeStream: lambda: {
        "steps": np.zeros(1, I64), "neurons": np.zeros(1, I32), "dt": 1.0, "n_neurons": 1,
    },
    FixedRun: lambda: {
        "outputs": np.zeros((1, 1), F32), "spike_counts": np.zeros((1, 1), I32),
        "membrane_overflows": 0, "current_overflows": 0,
    },
    SpikeFile: lambda: {
        "population": "n", "n_neurons": 1, "dt": 1.0, "offsets": np.array([0, 1]),
        "steps": np.zeros(1, I32), "neurons": np.zeros(1, I32), "start_ms": np.zeros(1),
        "duration_ms": np.ones(1), "task": np.zeros(1, I32), "tasks": ("go",),
    },
}  # fmt: skip

by_record = pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)


@by_record
def test_no_array_of_a_record_can_be_changed_from_outside(record: type) -> None:
    given = RECORDS[record]()
    made = record(**given)
    for name, value in given.items():
        if isinstance(value, np.ndarray):
            before, kept = value.copy(), getattr(made, name)
            value[...] = 1 - value
            np.testing.assert_array_equal(kept, before, err_msg=name)
            with pytest.raises(ValueError, match="read-only"):
                kept[...] = 0


@by_record
def test_a_view_of_what_can_be_written_to_is_copied(record: type) -> None:
    given = RECORDS[record]()
    views = {
        name: validate.read_only(value) if isinstance(value, np.ndarray) else value
        for name, value in given.items()
    }
    made = record(**views)
    for name, value in given.items():
        if isinstance(value, np.ndarray):
            assert not np.shares_memory(getattr(made, name), value), name


@by_record
def test_records_are_equal_to_themselves_alone_and_have_a_hash(record: type) -> None:
    made, other = record(**RECORDS[record]()), record(**RECORDS[record]())
    assert made == made
    assert made != other
    assert len({made, other, made}) == 2


@by_record
@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_a_copy_cannot_be_changed_either(record: type, again: Callable[[Any], Any]) -> None:
    made = record(**RECORDS[record]())
    other = again(made)
    for field in fields(made):
        value = getattr(made, field.name)
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(getattr(other, field.name), value)
            with pytest.raises(ValueError, match="read-only"):
                getattr(other, field.name)[...] = 0


@by_record
def test_another_record_of_the_same_arrays_shares_them(record: type) -> None:
    made: Any = record(**RECORDS[record]())
    again = replace(made)
    for field in fields(made):
        if isinstance(getattr(made, field.name), np.ndarray):
            assert getattr(again, field.name) is getattr(made, field.name), field.name


def test_what_a_builder_hands_over_is_taken_without_a_copy() -> None:
    weights = validate.hand_over(np.ones(4, F32).reshape(2, 2).ravel())
    network = from_csr([0, 2, 4], [0, 1, 0, 1], weights)
    assert np.shares_memory(network.weights, weights)
    assert not weights.flags.writeable
    assert weights.base is None or not weights.base.flags.writeable


def test_chips_are_compared_by_value_and_own_their_prices() -> None:
    chip = load_chip("loihi")
    energy = dict(chip.energy or {})
    other = replace(chip, energy=energy)
    assert chip == other
    assert hash(chip) == hash(other)
    energy["soma"] = -1.0
    assert chip == other


def _again(value: Any) -> list[Any]:
    return [value, copy.deepcopy(value), pickle.loads(pickle.dumps(value))]


def test_no_dictionary_of_a_record_can_be_changed() -> None:
    given: dict[str, Any] = {"accuracy": {"rate": 0.5}, "tried": [{"bits": 8}]}
    networks = from_csr([0, 1, 2], [1, 0], [0.5, 0.5]), RateNetwork(**rate())
    placement = Placement("grid16", 4, np.array([0, 1], I32), np.array([0, 0], I32))
    for record in (*networks, placement):
        made = replace(record, measured=given)
        given["accuracy"]["rate"] = 1.0
        for other in _again(made):
            assert other.measured["accuracy"] == {"rate": 0.5}
            for inner in (other.measured, other.measured["accuracy"], other.measured["tried"][0]):
                with pytest.raises(TypeError, match="cannot be changed"):
                    inner["rate"] = 2.0
        given["accuracy"]["rate"] = 0.5
    energy = load_chip("loihi").energy
    assert energy is not None
    for change in (energy.clear, energy.popitem, lambda: energy.update(soma=1.0)):
        with pytest.raises(TypeError, match="cannot be changed"):
            change()
    assert json.loads(json.dumps(energy)) == energy


def test_spikes_lie_within_their_trial() -> None:
    whole = {**RECORDS[Recording](), "first_step": 30, "lengths": np.array([10])}
    assert Recording(**{**whole, "steps": np.array([39], I32)}).times_ms.tolist() == [40.0]
    for step in (29, 40):
        with pytest.raises(InputError, match=rf"steps\[0\] is {step}, outside the steps 30..39"):
            Recording(**{**whole, "steps": np.array([step], I32)})
    with pytest.raises(InputError, match=r"trial: k is 1, outside 0\.\.0"):
        Recording(**RECORDS[Recording]()).trial(1)


@pytest.mark.parametrize(("field", "value"), [("task", 1), ("task", -1), ("decision", 4)])
def test_trials_have_known_tasks_and_decide_within_them(field: str, value: int) -> None:
    with pytest.raises(InputError, match=rf"Trials.{field}\[0\] is {value}, outside 0\.\."):
        Trials(**{**RECORDS[Trials](), field: np.array([value], I32)})
