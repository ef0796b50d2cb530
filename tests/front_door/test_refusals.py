"""What the front door's records and functions must not take, or must not do with what they take."""

import copy
import dataclasses
import pickle
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse

import spiking_bimt as sb
from spiking_bimt.data import validate
from spiking_bimt.formats.tiles import read_device, read_selftest
from spiking_bimt.simulation.closed_forms import largest_response
from tests.front_door.cases import GOOD, coded, network, placed, recording, trials


def test_delays_follow_the_entries_of_an_unsorted_matrix() -> None:
    given = np.array([1.0, 2.0, 3.0]), np.array([2, 1, 0]), np.array([0, 3, 3, 3])
    made = sb.from_sparse(scipy.sparse.csr_array(given, shape=(3, 3)), delays=[10, 20, 30])
    assert made.indices.tolist() == [0, 1, 2]
    assert made.weights.tolist() == [3.0, 2.0, 1.0]
    assert made.delays is not None
    assert made.delays.tolist() == [30, 20, 10]
    assert given[1].tolist() == [2, 1, 0]


@pytest.mark.parametrize("form", ["csc", "coo", "lil", "dok", "dia"])
def test_delays_of_another_form_of_matrix_are_refused(form: str) -> None:
    matrix = scipy.sparse.csr_array(np.diag([1.0, 2.0])).asformat(form)
    with pytest.raises(sb.InputError, match=f"CSR matrix, and this one is {form}: give matrix"):
        sb.from_sparse(matrix, delays=[1, 2])


def test_an_array_that_another_view_can_write_to_is_copied() -> None:
    weights = np.array([1.0], np.float32)
    view = weights[:]
    weights.flags.writeable = False
    made = sb.from_csr([0, 1, 1], [1], weights)
    view[0] = 99
    assert made.weights.tolist() == [1.0]


def test_what_a_record_holds_is_taken_by_the_next_without_a_copy() -> None:
    first = network()
    for again in (dataclasses.replace(first, tau_out=3.0), copy.copy(first)):
        assert again.weights is first.weights
    part = validate.array("a", "b", first.weights[5:9], (4,), np.float32)
    assert np.shares_memory(part, first.weights)
    back = pickle.loads(pickle.dumps(first))
    assert dataclasses.replace(back, tau_out=3.0).weights is back.weights


def test_lists_of_records_cannot_be_changed() -> None:
    device = sb.load_device("pcm")
    for change in (
        "append(9.0)",
        "clear()",
        "pop()",
        "sort()",
        "__setitem__(0, 9.0)",
        "extend([9.0])",
    ):
        with pytest.raises(TypeError, match="list of a record cannot be changed"):
            eval(f"noise.{change}", {"noise": device.read_noise})
    for again in (copy.deepcopy(device), pickle.loads(pickle.dumps(device))):
        assert again.read_noise == device.read_noise == list(device.read_noise)
        with pytest.raises(TypeError, match="cannot be changed"):
            again.read_noise.append(9.0)


@pytest.mark.parametrize("tile", [-1, 99, 2**70, 0.5, "0", None])
def test_a_tile_that_there_is_not_is_refused(tile: Any) -> None:
    tiles = sb.cut_tiles(placed()).tiles
    for method in ("dense", "lines"):
        with pytest.raises(sb.InputError, match=f"^{method}: tile is "):
            getattr(tiles, method)(tile)


@pytest.mark.parametrize("wrong", [-1, 99, 0.5, "0", None])
def test_a_neuron_or_trial_that_there_is_not_is_refused(wrong: Any) -> None:
    for method, argument in (("spike_trains", "neuron"), ("trial", "k")):
        with pytest.raises(sb.InputError, match=f"^{method}: {argument} is "):
            getattr(recording(), method)(wrong)


def test_unknown_parameters_and_neurons_of_a_network_are_refused() -> None:
    with pytest.raises(sb.InputError, match="unknown parameter 'wing'"):
        network().in_use("wing")
    everything: list[Any] = ["x", [99], 0.5, {}]
    for wrong in everything:
        with pytest.raises(sb.InputError, match=r"^parameters: chosen is .* of the 30 neurons$"):
            network().parameters(wrong)
    assert network().parameters([3])["v_th"] == [1.0]


def test_a_sheet_has_room_for_the_last_place_of_32_bits() -> None:
    sheet = sb.from_csr([0, 0, 0], [], [], positions=[[2**31 - 1, 0], [0, 0]]).sheet
    assert sheet == (2**31, 1)


def test_float64_is_not_advised_where_times_have_it() -> None:
    far = sb.SpikeTrains([1e300], [1])
    with pytest.raises(sb.InputError, match=r"cannot tell steps of 0\.5 ms apart at 1e\+300 ms$"):
        sb.simulate_network(network(), 5, inputs=[far])
    far = sb.SpikeTrains(np.array([1e30], np.float32), [1])
    with pytest.raises(sb.InputError, match=r"give them as float64$"):
        sb.simulate_network(network(), 5, inputs=[far])


def test_a_current_is_named_as_it_was_given() -> None:
    held = sb.HeldCurrents([1.0], [1], 1e308)
    with pytest.raises(sb.InputError, match=r"^HeldCurrents\.values is 1e\+308: too large"):
        sb.simulate_network(network(), 5, inputs=[held])


def test_a_dictionary_is_described_by_what_it_holds() -> None:
    with pytest.raises(sb.InputError, match="expected a dictionary from text to a number or None"):
        dataclasses.replace(sb.load_chip("loihi"), energy={"soma": "much"})  # type: ignore[dict-item]
    with pytest.raises(sb.InputError, match="in_codes is None: give all of bits, codes"):
        dataclasses.replace(coded(), in_codes=None)


PATHS = [
    ("read_nir", "path"), ("read_sonata", "path"), ("read_tiles", "path"), ("write_tiles", "path"),
    ("convert", "run"), ("export", "run"), ("place", "run"), ("report", "run"),
    ("import_network", "file"), ("import_network", "run"), ("train", "run"), ("verify", "file"),
    ("verify", "against"), ("load_chip", "chip"), ("load_device", "device"), ("study", "out"),
]  # fmt: skip


@pytest.mark.parametrize("path", ["x" * 5000, "a\0b", "loop/x"])
def test_a_path_that_no_file_system_takes_is_named(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    for name, argument in PATHS:
        for given in (path, Path(path)):
            with pytest.raises(sb.InputError, match=f"^{name}: {argument} is no path: "):
                getattr(sb, name)(**GOOD[name]() | {argument: given})
    with pytest.raises(sb.InputError, match=r"^write_tiles: inputs\['a'\] is no path: "):
        sb.write_tiles("t.h5", sb.cut_tiles(placed()), inputs={"a": path})
    assert [item.name for item in tmp_path.iterdir()] == ["loop"]


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(sb.InputError, match=f"^{tmp_path} is not a file$"):
        sb.read_nir(tmp_path)


def test_tiles_take_a_device_by_name_and_trials(tmp_path: Path) -> None:
    content = sb.cut_tiles(placed())
    (tmp_path / "made_from").write_text("anything")
    sb.write_tiles(tmp_path / "t.h5", content, inputs={"a": str(tmp_path / "made_from")},
                   device="pcm", selftest=trials())  # fmt: skip
    pairs, golden = read_device(tmp_path / "t.h5"), read_selftest(tmp_path / "t.h5")
    assert pairs is not None
    assert pairs.codes().tolist() == content.tiles.codes.tolist()
    assert golden is not None
    assert len(golden.offsets) == 2


def test_every_name_is_refused_on_another_system() -> None:
    code = (
        "import sys; sys.platform = 'win32'; import spiking_bimt as sb\n"
        "for name in set(dir(sb)) - {'InputError', 'CheckError', '__version__'}:\n"
        "    try: getattr(sb, name); print('taken', name)\n"
        "    except ValueError as error: assert 'not on win32' in str(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ""


def test_limits_that_are_meant_give_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sb.simulate_network(network(tau_mem=1e-30, bias=3), 5)
        sb.simulate_network(network(tau_syn_negative=1e38), 5)
        sb.random_sheet(20, scale=1e-320)
        axes = sb.plot.raster(sb.Simulation(network()).advance(0))
    assert axes.get_xlim() == (0.0, 0.5)


def test_the_largest_response_of_rates_far_apart_is_a_number() -> None:
    found = largest_response(np.array([1e30, 1.0, 1.0]), np.array([0.1, 1e-310, 1.0]))
    assert found == pytest.approx([1e-31, 0.0, np.exp(-1)], abs=1e-40)


def test_offsets_that_are_empty_or_do_not_rise_are_named() -> None:
    for offsets, message in (([], "is empty"), ([0, 2, 1], "must rise from 0 to 2, the number of")):
        with pytest.raises(sb.InputError, match=rf"^Recording\.offsets {message}"):
            recording(offsets=offsets)
