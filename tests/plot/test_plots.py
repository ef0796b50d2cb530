"""The plots of the front door: what they draw, from their axes, and what they refuse."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import spiking_bimt as sb
from spiking_bimt.analysis.clusters import Clusters
from spiking_bimt.analysis.importance import importance
from spiking_bimt.analysis.variance import TaskVariance
from spiking_bimt.data.trials import Answer
from tests.front_door.cases import coded, network, placed, rate, recording

LABELS = np.repeat([0, 1, -1], 10)
METRICS = [
    {"phase_index": 0, "phase": "grow", "step": 10, "accuracy": 0.5, "loss": 2.0},
    {"phase_index": 0, "phase": "grow", "step": 20, "accuracy": 0.7, "loss": 1.0},
    {"phase_index": 1, "phase": "chip", "step": 5, "accuracy": 0.8, "loss": 0.5},
]
CONFUSION = {"classes": ["a", "b"], "confusion": [[3, 1], [0, 4]]}


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    with mpl.rc_context({"backend": "agg"}):
        yield
        import matplotlib.pyplot as plt

        plt.close("all")


def variance() -> TaskVariance:
    values = np.random.default_rng(0).random((30, 3))
    return TaskVariance(values, values, np.ones(30, bool), ("go", "anti", "dm1"))


CASES: dict[str, Callable[..., Any]] = {
    "accuracy": partial(sb.plot.accuracy, {"rate": {"go": 0.9, "anti": 0.8}}),
    "clusters": lambda ax=None: sb.plot.clusters(network(), LABELS, ax),
    "confusion": partial(sb.plot.confusion, CONFUSION),
    "cores": lambda ax=None: sb.plot.cores(placed(), ax),
    "energy": lambda ax=None: sb.plot.energy(counted(on_loihi()), ax),
    "links": lambda ax=None: sb.plot.links(placed(), counted(), ax),
    "occupancy": lambda ax=None: sb.plot.occupancy(sb.cut_tiles(placed()), ax),
    "raster": lambda ax=None: sb.plot.raster(recording(), ax),
    "rates": lambda ax=None: sb.plot.rates(recording(), ax),
    "sheet": lambda ax=None: sb.plot.sheet(network(), ax),
    "tiles": lambda ax=None: sb.plot.tiles(sb.cut_tiles(placed()).tiles, ax),
    "traffic": lambda ax=None: sb.plot.traffic(sb.timeline(placed(), recording()), ax),
    "training": partial(sb.plot.training, METRICS),
    "variance": lambda ax=None: sb.plot.variance(variance(), ax, clusters=LABELS),
    "wiring": lambda ax=None: sb.plot.wiring(network(), ax),
}


def on_loihi() -> sb.PlacedNetwork:
    chip = sb.load_chip("loihi")
    placement = sb.Placement("loihi", chip.n_cores, np.arange(30) // 16, np.arange(30) % 16)
    return sb.PlacedNetwork(coded().quantised(), placement, chip)


def counted(on: sb.PlacedNetwork | None = None) -> sb.Traffic:
    return sb.traffic(on or placed(), recording())


def axes() -> Axes:
    return Figure().add_subplot()


def test_each_plot_is_a_case() -> None:
    assert sorted(CASES) == dir(sb.plot)


@pytest.mark.parametrize("name", sorted(CASES))
def test_axes_are_made_or_taken_and_returned(name: str) -> None:
    mine = axes()
    assert CASES[name](mine) is mine
    made = CASES[name]()
    assert made.figure is not mine.figure
    made.figure.canvas.draw()
    assert made.has_data() or made.collections or made.images
    text = " ".join(getattr(sb.plot, name).__doc__.split())
    assert "Returns the axes." in text
    assert "Raises InputError" in text or name == "cores"


@pytest.mark.parametrize("name", sorted(CASES))
def test_what_are_no_axes_is_refused(name: str) -> None:
    with pytest.raises(sb.InputError, match=f"^{name}: ax is 3, expected an Axes or None$"):
        CASES[name](3)


def test_axes_of_the_caller_keep_the_style_of_the_caller() -> None:
    with mpl.rc_context({"xtick.labelsize": 21.0}):
        own = sb.plot.raster(recording(), axes())
        made = sb.plot.links(placed(), counted(), sb.plot.cores(placed()))
    assert own.xaxis.get_ticklabels()[0].get_fontsize() == 21.0
    assert {axes.yaxis.label.get_fontsize() for axes in made.figure.axes} == {9.0}


def test_nothing_of_matplotlib_is_loaded_before_a_plot() -> None:
    code = "import sys, spiking_bimt as sb; sb.plot.raster; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sb.plot.raster(recording(), trial=2), r"raster: trial is 2, outside 0\.\.1"),
        (lambda: sb.plot.raster(3), "raster: recording is 3, expected a Recording"),  # type: ignore[arg-type]
        (lambda: sb.plot.raster(recording(), clusters=[0, 1]), r"raster\.clusters has shape"),
        (lambda: sb.plot.rates([1.0], over="time"), "rates: over time needs a recording"),
        (lambda: sb.plot.rates([]), "rates: there is no neuron"),
        (lambda: sb.plot.sheet(network(), values=[1]), r"sheet\.values has shape"),
        (lambda: sb.plot.clusters(network(), LABELS - 1), "clusters holds -2: they count from 0"),
        (lambda: sb.plot.wiring(network(), threshold=-1), "threshold is -1, least 0"),
        (lambda: sb.plot.links(on_loihi(), counted()), "traffic is not of the chip loihi"),
        (lambda: sb.plot.energy(counted(on_loihi()), units=0), "energy: units is 0: it must"),
        (lambda: sb.plot.energy(counted()), "energies .* unpublished"),
        (lambda: sb.plot.traffic(sb.timeline(placed(), recording()), of="energy"), "unpublished"),
        (lambda: sb.plot.traffic(sb.timeline(placed(), recording()), last=99), "within 0..20"),
        (lambda: sb.plot.traffic(sb.timeline(placed(), recording()), of="x"),  # type: ignore[arg-type]
         "unknown of 'x'"),
        (lambda: sb.plot.tiles(sb.cut_tiles(placed()), most=0), "tiles: most is 0, least 1"),
        (lambda: sb.plot.accuracy({}), "accuracy: scores names no network"),
        (lambda: sb.plot.accuracy(network()), "nobody has measured the network"),
        (lambda: sb.plot.accuracy({"a": {"x": 1}, "b": {"y": 1}}), "b is not scored on x"),
        (lambda: sb.plot.confusion(recording()), "a recording needs its `trials`"),
        (lambda: sb.plot.confusion({}), "the answers are of no data set with classes"),
        (lambda: sb.plot.confusion(CONFUSION | {"classes": ["a"]}), "1 classes have a matrix"),
        (lambda: sb.plot.training([]), "training: metrics holds no measurement"),
        (lambda: sb.plot.training(METRICS, of="los"), "unknown training measurement 'los'; did"),
        (lambda: sb.plot.variance(variance(), clusters=-np.ones(30)), "none belongs to a cluster"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_in_one_line(call: Callable[[], object], message: str) -> None:
    with pytest.raises(sb.InputError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_a_raster_has_a_mark_for_each_spike_sorted_by_cluster() -> None:
    drawn = sb.plot.raster(recording(), trial=1)
    assert np.asarray(drawn.collections[0].get_offsets()).tolist() == [[3.0, 1.0]]
    assert drawn.get_xlim() == (0.0, 5.0)
    labels = np.where(np.arange(30) == 1, 0, 1)
    drawn = sb.plot.raster(recording(), trial=1, clusters=labels)
    assert np.asarray(drawn.collections[0].get_offsets()).tolist() == [[3.0, 0.0]]


def test_rates_are_those_of_the_recording() -> None:
    bars: Any = sb.plot.rates(recording()).patches
    assert [bar.get_height() for bar in bars] == recording().rates_hz.tolist()
    many: Any = sb.plot.rates(np.arange(100.0)).patches
    assert sum(bar.get_height() for bar in many) == 100
    over: Any = sb.plot.rates(recording(), over="time", trial=1).patches[0]
    rate, edges, _ = over.get_data()
    # One spike of 30 neurons at the end of step 5, at 3 ms; bins of 0.5 ms.
    assert rate @ np.diff(edges) / 1000 * 30 == pytest.approx(1)
    assert rate.argmax() == 5


def test_the_sheet_shows_values_at_their_places() -> None:
    net = sb.RateNetwork(**rate())
    shown = np.asarray(sb.plot.sheet(net, values=[3.0, 4.0]).images[-1].get_array())
    assert shown.tolist() == [[3.0, 4.0]]
    default = np.asarray(sb.plot.sheet(network()).images[-1].get_array())
    assert default.ravel() == pytest.approx(importance(network()))


def test_the_importance_of_neurons_is_that_of_units_with_the_same_weights() -> None:
    spiking = network()
    rows = np.repeat(np.arange(30), np.diff(spiking.indptr))
    w_rec = np.zeros((30, 30), np.float32)
    w_rec[spiking.indices, rows] = spiking.weights
    same = sb.RateNetwork.from_arrays(w_rec, np.zeros((30, 1)), spiking.w_out, dt=1, alpha=1)
    assert importance(spiking) == pytest.approx(importance(same), rel=1e-6)
    drawn, units = sb.plot.wiring(spiking), sb.plot.wiring(same)
    assert len(drawn.collections[2].get_paths()) == len(units.collections[2].get_paths())


def test_cores_and_links_share_axes() -> None:
    flow = counted()
    drawn = sb.plot.links(placed(), flow, sb.plot.cores(placed()))
    many = [int(text.get_text()) for text in drawn.texts]
    assert many == [10, 10, 10]
    load = np.asarray(drawn.collections[1].get_array())
    assert load.sum() == flow.hops
    halves = sb.plot.links(placed(), flow, units=2).collections[1].get_array()
    assert np.asarray(halves).sum() == flow.hops / 2


def test_energy_and_traffic_add_up() -> None:
    flow = counted(on_loihi())
    bars: Any = sb.plot.energy(flow, units=2).patches
    unit = 1000 if "µJ" in sb.plot.energy(flow, units=2).get_xlabel() else 1
    total = sum(bar.get_width() for bar in bars) * unit
    assert flow.energy_nj is not None
    assert total == pytest.approx(flow.energy_nj / 2)
    course = sb.timeline(placed(), recording())
    for of in ("packets", "hops", "spikes"):
        over: Any = sb.plot.traffic(course, of=of).patches[0]
        values, edges, _ = over.get_data()
        assert values @ np.diff(edges) == pytest.approx(getattr(course, of).sum())
    part: Any = sb.plot.traffic(course, of="busiest", first=10, last=20).patches[0]
    assert part.get_data()[0].max() == course.busiest_load[10:].max()
    assert part.get_data()[1][-1] == 5.0


def test_occupancy_is_the_share_of_codes() -> None:
    content = sb.cut_tiles(placed())
    bars: Any = sb.plot.occupancy(content).patches
    cells = content.tiles.rows * content.tiles.cols
    assert sum(bar.get_height() for bar in bars) == pytest.approx(
        100 * len(content.tiles.codes) / cells
    )


def test_tiles_have_a_pixel_for_each_crosspoint() -> None:
    content = sb.cut_tiles(placed())
    image = np.asarray(sb.plot.tiles(content).images[0].get_array())
    coloured = (image[..., 3] == 255) & (np.ptp(image[..., :3].astype(int), axis=-1) > 20)
    strong = np.abs(content.tiles.codes) > 8  # weaker ones are nearly as pale as no synapse
    assert strong.sum() <= coloured.sum() <= len(content.tiles.codes)


def test_training_goes_on_from_phase_to_phase_and_reads_a_run(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text("\n".join(map(json.dumps, METRICS)))
    for given in (METRICS, tmp_path, str(tmp_path / "metrics.jsonl")):
        line: Any = sb.plot.training(given, of="loss").lines[0]
        assert line.get_xydata().tolist() == [[10, 2.0], [20, 1.0], [25, 0.5]]


def test_accuracy_takes_what_was_measured_of_a_network() -> None:
    measured = {
        "accuracy": {"rate": 0.9, "spiking": 0.8},
        "interval": {"rate": [0.8, 1], "spiking": [0.7, 0.9]},
        "per_task": {"rate": {"go": 0.9, "anti": 0.9}, "spiking": {"go": 0.7, "anti": 0.9}},
    }  # fmt: skip
    two = network().without_codes(tasks=("go", "anti"), battery="yang19", measured=measured)
    dots = sb.plot.accuracy(two)
    assert [text.get_text() for text in dots.get_yticklabels()] == ["go", "anti"]
    one = network().without_codes(tasks=("go",), battery="yang19", measured=measured)
    bars: Any = sb.plot.accuracy(one).patches
    assert [bar.get_width() for bar in bars] == [0.9, 0.8]


def test_confusion_is_counted_from_a_recording_or_given() -> None:
    right: dict[str, Any] = {
        "inputs": np.zeros((4, 1)), "labels": [0, 0, 1, 1], "offsets": [0, 2, 4],
        "decision": [0, 0], "task": [0, 0],
    }  # fmt: skip
    own = sb.Trials(tasks=("d",), dt=1.0, answer=Answer("sequence", ("a", "b")), **right)
    silent: dict[str, Any] = {
        "outputs": [[1, 0]] * 4, "spike_counts": [[0], [0]], "offsets": [0, 0, 0],
        "steps": [], "neurons": [], "lengths": [2, 2],
    }  # fmt: skip
    answers = sb.Recording(dt=1.0, n_neurons=1, **silent)
    drawn = sb.plot.confusion(answers, trials=own)
    assert np.asarray(drawn.images[0].get_array()).tolist() == [[1, 0], [1, 0]]
    shares = np.asarray(sb.plot.confusion(CONFUSION).images[0].get_array())
    assert shares.tolist() == [[0.75, 0.25], [0, 1]]


def test_variance_rows_are_sorted_and_units_without_a_cluster_left_out() -> None:
    own = variance()
    drawn = sb.plot.variance(own, clusters=Clusters(LABELS.astype(np.int32), np.ones((2, 3)), {}))
    shown = np.asarray(drawn.images[0].get_array())
    assert shown.shape == (20, 3)
    assert sorted(map(tuple, shown[:10])) == sorted(map(tuple, own.normalised[:10]))
