"""Pictures: whole SVG, the same for the same data, and what they show where it can be told."""

import base64
from functools import partial
from typing import Any
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt
import pytest
from matplotlib.figure import Figure

from spiking_bimt import plot
from spiking_bimt.analysis.clusters import Clusters
from spiking_bimt.analysis.variance import TaskVariance
from spiking_bimt.chip.presets import load_chip
from spiking_bimt.data.chip import Placement
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.data.spikes import Recording
from spiking_bimt.data.tiles import TileSet
from spiking_bimt.data.trials import Trials
from spiking_bimt.plot import (
    chip_figures,
    module_figures,
    score_figures,
    style,
    tile_figures,
    trial_figures,
    unit_figures,
)
from spiking_bimt.plot.picture import Picture, draw_axes

POSITIONS = np.array([[0, 0], [0, 1], [2, 2], [3, 1]], np.int32)
LABELS = np.array([0, 1, 0, -1], np.int32)


def svg(picture: Picture) -> ElementTree.Element:
    head, _, body = picture.uri.partition(",")
    assert head == "data:image/svg+xml;base64"
    assert base64.b64decode(body) == picture.svg
    text = picture.svg.decode()
    for link in ("http:", "https:"):
        outside = text.replace("http://www.w3.org/", "")
        outside = outside.replace("http://creativecommons.org/ns#", "")
        outside = outside.replace("http://purl.org/dc/elements/1.1/", "")
        assert link not in outside
    return ElementTree.fromstring(text)


def network(w_rec: npt.NDArray[Any] | None = None) -> RateNetwork:
    """Four units on a sheet of 4 x 3."""
    w_rec = np.random.default_rng(1).normal(size=(4, 4)) if w_rec is None else w_rec
    return RateNetwork.from_arrays(
        w_rec, np.ones((4, 2)), np.ones((3, 4)), dt=20, tau=100, step="exponential",
        positions=POSITIONS,
    )  # fmt: skip


def entry(phase: int, step: int) -> dict[str, object]:
    return {"phase_index": phase, "phase": f"p{phase}", "step": step, "accuracy": 0.5,
            "active_units": 9}  # fmt: skip


def tiles() -> TileSet:
    """Two tiles of 3 x 2: codes 127 and -127 in column 0 of the first, 5 in (0, 1) of the other."""
    ones: Any = np.ones(4)
    return TileSet(
        rows=3, cols=2, bits=8, n_neurons=4, n_inputs=3, core=np.array([0, 1]),
        row_indptr=np.array([0, 2, 5]), row_source=np.array([0, 1, 4, 5, 6]),
        col_indptr=np.array([0, 2, 4]), col_target=np.arange(4), scale=ones, in_scale=ones,
        indptr=np.array([0, 2, 3]), position=np.array([0, 2, 1]),
        codes=np.array([127, -127, 5]),
    )  # fmt: skip


def trials() -> Trials:
    rng = np.random.default_rng(0)
    return Trials(
        inputs=rng.random((10, 6)).astype(np.float32), labels=np.repeat([0, 2], 5),
        offsets=np.array([0, 10]), decision=np.array([5]), task=np.array([0]),
        tasks=("go", "anti"), dt=20.0,
    )  # fmt: skip


def recording(neurons: tuple[int, ...] = (0, 3, 2)) -> Recording:
    """A trial of 200 ms with spikes at 1, 50 and 199 ms."""
    return Recording(
        outputs=np.random.default_rng(1).random((10, 3)).astype(np.float32),
        spike_counts=np.bincount(neurons, minlength=4)[None].astype(np.int32),
        offsets=np.array([0, len(neurons)]),
        steps=np.array([0, 49, 198])[: len(neurons)], neurons=np.array(neurons, int),
        lengths=np.array([200]), dt=1.0, n_neurons=4,
    )  # fmt: skip


def clusters() -> Clusters:
    return Clusters(LABELS, np.ones((2, 2)), {2: 0.5})


def test_every_figure_is_an_svg_image_without_links() -> None:
    variance = np.random.default_rng(0).random((4, 2))
    tv = TaskVariance(variance, variance, np.ones(4, bool), ("go", "anti"))
    ones = np.ones(4)
    for paint in (
        partial(plot.clusters, network(), clusters()),
        partial(plot.wiring, network()),
        partial(plot.variance, tv, clusters=LABELS),
        partial(plot.training, [entry(0, 10), entry(0, 20), entry(1, 5)]),
        partial(plot.accuracy, {"rate": {"go": 0.9}, "spiking": {"go": 0.8}}),
        partial(plot.rates, [1.0, 5.0, 5.5]),
        partial(plot.occupancy, tiles()),
        partial(plot.tiles, tiles()),
    ):
        assert svg(draw_axes(5.4, 4.0, paint)).tag.endswith("svg")
    for picture in (
        unit_figures.isolation_histogram(0.5, {"labels": ones / 2, "places": ones}, 4),
        unit_figures.importance_curve(np.array([3.0, 2.0, 0.0]), 9),
        trial_figures.draw_trial(recording(), trials(), 0, clusters()),
        trial_figures.draw_run(recording(), 0),
    ):
        assert svg(picture).tag.endswith("svg")


def test_equal_figures_have_equal_bytes() -> None:
    paint = partial(plot.clusters, network(), LABELS)
    assert draw_axes(5.4, 5.2, paint) == draw_axes(5.4, 5.2, paint)


def test_a_network_without_connections_is_drawn() -> None:
    silent = network(np.zeros((4, 4), np.float32))
    assert svg(draw_axes(5.4, 5.2, partial(plot.wiring, silent))).tag.endswith("svg")


def test_a_trial_without_spikes_is_drawn() -> None:
    picture = trial_figures.draw_trial(recording(()), trials(), 0, clusters())
    assert svg(picture).tag.endswith("svg")
    assert svg(trial_figures.draw_run(recording(()), 0)).tag.endswith("svg")


def test_names_may_look_like_mathematics_or_markup() -> None:
    names = {"$x_{$": 0.5, "<b>&": 1.0}
    svg(draw_axes(4, 4, partial(plot.accuracy, {"$\\frac$": names, "</svg>": names})))
    tv = TaskVariance(np.ones((4, 2)), np.ones((4, 2)), np.ones(4, bool), tuple(names))
    svg(draw_axes(4, 4, partial(plot.variance, tv, clusters=LABELS)))


def test_steps_go_on_from_phase_to_phase() -> None:
    entries = [entry(0, 10), entry(0, 20), entry(1, 5), entry(1, 15)]
    steps, spans = score_figures.phases(entries)
    assert steps == [10, 20, 25, 35]
    assert spans == [(0, 20, "p0"), (20, 35, "p1")]


def test_the_drawn_part_of_a_chip_holds_every_used_tile_and_link() -> None:
    chip = load_chip("grid16")
    placement = Placement("grid16", 64, np.array([8 * 3 + 4], np.int32), np.zeros(1, np.int32))
    load = np.zeros((8, 8, 4))
    assert chip_figures.window(chip, placement.core, load) == (2, 4, 3, 5)
    load[7, 4, 1] = 1
    assert chip_figures.window(chip, placement.core, load) == (2, 7, 3, 5)


def test_links_keep_to_the_right_of_their_direction() -> None:
    load = np.zeros((3, 3, 4))
    load[1, 1] = [1, 2, 3, 4]
    links = chip_figures._paint_links(Figure().add_subplot(), load)
    packets_of = np.asarray(links.get_array())
    ends = {round(float(value)): np.asarray(path.vertices) for value, path in
            zip(packets_of, links.get_paths(), strict=True)}  # fmt: skip
    for packets, (dx, dy) in {1: (1, 0), 2: (-1, 0), 3: (0, 1), 4: (0, -1)}.items():
        start, end = ends[packets] - 1.0
        travelled = end - start
        assert travelled @ (dx, dy) > 0
        assert start @ (dy, -dx) > 0
        assert abs(travelled @ (dy, -dx)) < 1e-12


def test_codes_show_their_sign_and_unused_rows_are_grey() -> None:
    image = tile_figures._tile_image(tiles(), 0, 127)
    blue, red = (np.rint(255 * style.rgb([c])[0]) for c in (style.BLUE, style.VERMILLION))
    np.testing.assert_array_equal(image[0, 0], blue)
    np.testing.assert_array_equal(image[1, 0], red)
    assert (image[2] == image[2, 0]).all()
    assert image[2, 0].mean() < image[0, 1].mean()


def test_a_mosaic_is_bounded() -> None:
    ends, cells = np.arange(0, 102, 2), np.arange(0, 201, 4)
    none: Any = np.zeros(50)
    ones: Any = np.ones(200)
    many = TileSet(
        rows=2, cols=2, bits=8, n_neurons=2, n_inputs=0, core=none, row_indptr=ends,
        row_source=np.arange(100) % 2, col_indptr=ends, col_target=np.arange(100) % 2,
        scale=ones[:100], in_scale=ones[:100], indptr=cells, position=np.arange(200) % 4,
        codes=ones,
    )  # fmt: skip
    assert len(tile_figures.mosaic(many)[0]) == 36
    assert len(tile_figures.mosaic(many, 7)[0]) == 7
    assert tile_figures.mosaic(tiles())[0].tolist() == [0, 1]


@pytest.mark.parametrize(("colour", "ink"), [("#000000", "#ffffff"), ("#ffffff", style.INK)])
def test_text_reads_on_its_ground(colour: str, ink: str) -> None:
    assert style.ink_on(colour) == ink


def test_communities_have_the_numbers_of_the_clusters_that_they_share_most_units_with() -> None:
    clusters = np.array([0, 0, 0, 1, 1, 2, -1], np.int32)
    communities = np.array([2, 2, 1, 1, 1, 0, 0], np.int32)
    named = module_figures.name_alike(communities, clusters)
    np.testing.assert_array_equal(named, [0, 0, 1, 1, 1, 2, 2])
    split = module_figures.name_alike(np.array([0, 1, 2, 3, 3, 4, 4], np.int32), clusters)
    assert sorted(set(split.tolist())) == [0, 1, 2, 3, 4]  # two of three parts have own numbers
    assert split[3] == 1


def test_a_figure_of_modules_has_both_maps_and_both_matrices() -> None:
    own = network()
    weights = np.abs(own.w_rec).astype(float)
    moved = np.array([0.5, 0.2, 0.1])
    variance = TaskVariance(
        np.tile(moved, (4, 1)), np.tile(moved / 0.5, (4, 1)), np.array([True, True, True, False]),
        ("go", "anti", "dms"),
    )  # fmt: skip
    picture = module_figures.modules_at_a_glance(
        own, LABELS, np.arange(4, dtype=np.int32), weights, variance
    )
    svg(picture)
    assert picture == module_figures.modules_at_a_glance(
        own, LABELS, np.arange(4, dtype=np.int32), weights, variance
    )
    assert any("unit 0: cluster 1" in spot for spot in picture.spots)
