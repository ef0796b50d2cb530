"""Figures: whole SVG, the same for the same data, and what they show where it can be told."""

import base64
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from spiking_bimt.chip.presets import load_chip
from spiking_bimt.data.chip import Placement
from spiking_bimt.data.tiles import TileSet
from spiking_bimt.plot import chip_figures, run_figures, sheet_figures, style

POSITIONS = np.array([[0, 0], [0, 1], [2, 2], [3, 1]], np.int32)
LABELS = np.array([0, 1, 0, -1], np.int32)


def svg(uri: str) -> ElementTree.Element:
    head, _, body = uri.partition(",")
    assert head == "data:image/svg+xml;base64"
    text = base64.b64decode(body).decode()
    for link in ("http:", "https:"):
        outside = text.replace("http://www.w3.org/", "")
        outside = outside.replace("http://creativecommons.org/ns#", "")
        outside = outside.replace("http://purl.org/dc/elements/1.1/", "")
        assert link not in outside
    return ElementTree.fromstring(text)


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


def shown_trial() -> run_figures.ShownTrial:
    rng = np.random.default_rng(0)
    return run_figures.ShownTrial(
        inputs=rng.random((10, 6)).astype(np.float32), groups=(("stimulus", 4), ("rule", 2)),
        outputs=rng.random((10, 3)).astype(np.float32), answers="ring", n_neurons=len(LABELS),
        labels=np.repeat([0, 2], 5).astype(np.int32),
        go=5, task_dt=20.0, spike_ms=np.array([1.0, 50.0, 199.0]),
        spike_neuron=np.array([0, 3, 2], np.int32), clusters=LABELS,
    )  # fmt: skip


def test_every_figure_is_an_svg_image_without_links() -> None:
    placement = Placement("grid16", 64, np.arange(4, dtype=np.int32), np.zeros(4, np.int32))
    load = np.zeros((8, 8, 4))
    load[0, 0, 0] = 3.0
    variance = np.random.default_rng(0).random((4, 2))
    w_rec = np.random.default_rng(1).normal(size=(4, 4)).astype(np.float32)
    ones = np.ones(4)
    for uri in (
        sheet_figures.cluster_map(POSITIONS, (4, 4), LABELS),
        sheet_figures.wiring_map(POSITIONS, (4, 4), w_rec, ones, 1e-3)[0],
        sheet_figures.variance_matrix(variance, LABELS, ("go", "anti")),
        sheet_figures.isolation_histogram(0.5, {"labels": ones / 2, "places": ones}, 4),
        sheet_figures.importance_curve(np.array([3.0, 2.0, 0.0]), 9),
        run_figures.training_curve([entry(0, 10), entry(0, 20), entry(1, 5)], 4.0),
        run_figures.accuracy_per_task({"rate": {"go": 0.9}, "spiking": {"go": 0.8}}),
        run_figures.rate_histogram(np.array([1.0, 5.0, 5.5])),
        run_figures.raster(shown_trial()),
        chip_figures.core_grid(load_chip("grid16"), placement, load),
        chip_figures.core_grid(load_chip("loihi"), placement_on_loihi(), np.zeros((8, 4, 4))),
        chip_figures.utilisation_histogram(np.array([0.1, 0.5])),
        chip_figures.tile_mosaic(tiles())[0],
    ):
        assert svg(uri).tag.endswith("svg")


def placement_on_loihi() -> Placement:
    return Placement("loihi", 128, np.full(4, 7, np.int32), np.arange(4, dtype=np.int32))


def test_equal_figures_have_equal_bytes() -> None:
    first = sheet_figures.cluster_map(POSITIONS, (4, 4), LABELS)
    assert first == sheet_figures.cluster_map(POSITIONS, (4, 4), LABELS)


def test_a_network_without_connections_is_drawn() -> None:
    silent = np.zeros((4, 4), np.float32)
    uri, full = sheet_figures.wiring_map(POSITIONS, (4, 4), silent, np.zeros(4), 1e-3)
    assert svg(uri).tag.endswith("svg")
    assert full == 1.0


def test_a_trial_without_spikes_is_drawn() -> None:
    nothing = np.empty(0)
    quiet = replace(shown_trial(), spike_ms=nothing, spike_neuron=nothing.astype(np.int32))
    assert svg(run_figures.raster(quiet)).tag.endswith("svg")


def test_names_may_look_like_mathematics_or_markup() -> None:
    names = {"$x_{$": 0.5, "<b>&": 1.0}
    svg(run_figures.accuracy_per_task({"$\\frac$": names, "</svg>": names}))
    svg(sheet_figures.variance_matrix(np.ones((4, 2)), LABELS, tuple(names)))


def test_steps_go_on_from_phase_to_phase() -> None:
    entries = [entry(0, 10), entry(0, 20), entry(1, 5), entry(1, 15)]
    steps, spans = run_figures._timeline(entries)
    assert steps == [10, 20, 25, 35]
    assert spans == [(0, 20, "p0"), (20, 35, "p1")]


def test_the_drawn_part_of_a_chip_holds_every_used_tile_and_link() -> None:
    chip = load_chip("grid16")
    placement = Placement("grid16", 64, np.array([8 * 3 + 4], np.int32), np.zeros(1, np.int32))
    load = np.zeros((8, 8, 4))
    assert chip_figures.window(chip, placement, load) == (2, 4, 3, 5)
    load[7, 4, 1] = 1
    assert chip_figures.window(chip, placement, load) == (2, 7, 3, 5)


def test_links_keep_to_the_right_of_their_direction() -> None:
    from matplotlib.figure import Figure

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
    image = chip_figures._tile_image(tiles(), 0, 127)
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
    assert chip_figures.tile_mosaic(many)[1] == 36
    assert chip_figures.tile_mosaic(tiles())[1] == 2


@pytest.mark.parametrize(("colour", "ink"), [("#000000", "#ffffff"), ("#ffffff", style.INK)])
def test_text_reads_on_its_ground(colour: str, ink: str) -> None:
    assert style.ink_on(colour) == ink
