"""The router against brute-force tracing of every path."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiking_bimt.kernels.place_traffic import path_links, route_all, tree_links

Link = tuple[int, int, int]
STEPS = ((1, 0), (-1, 0), (0, 1), (0, -1))


def path(start: tuple[int, int], end: tuple[int, int]) -> list[Link]:
    """Links of the XY path, one step at a time."""
    (x, y), links = start, []
    while (x, y) != end:
        along_x, along_y = 0 if end[0] > x else 1, 2 if end[1] > y else 3
        direction = along_x if x != end[0] else along_y
        links.append((x, y, direction))
        x, y = x + STEPS[direction][0], y + STEPS[direction][1]
    return links


@st.composite
def traffics(draw: Any) -> tuple[Any, ...]:
    width, height, per_tile = (draw(st.integers(1, 5)) for _ in range(3))
    n_cores = width * height * per_tile
    n = draw(st.integers(1, 6))
    home = draw(st.lists(st.integers(0, n_cores - 1), min_size=n, max_size=n))
    dests = [sorted(draw(st.sets(st.integers(0, n_cores - 1), max_size=8))) for _ in range(n)]
    weight = draw(st.lists(st.integers(0, 9), min_size=n, max_size=n))
    return width, height, per_tile, home, dests, weight


def arrays(
    per_tile: int, height: int, n_cores: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    tile = np.arange(n_cores) // per_tile
    return (tile // height).astype(np.int32), (tile % height).astype(np.int32)


@settings(max_examples=200, deadline=None)
@given(traffics(), st.booleans())
def test_routes_equal_traced_paths(case: tuple[Any, ...], multicast: bool) -> None:
    width, height, per_tile, home, dests, weight = case
    x, y = arrays(per_tile, height, width * height * per_tile)
    load = np.zeros((width, height, 4))
    indptr = np.cumsum([0] + [len(d) for d in dests]).astype(np.int64)
    flat = np.array([core for own in dests for core in own], np.int32)
    found = route_all(
        indptr, flat, np.array(home, np.int32), np.array(weight, float), x, y, multicast, load
    )

    expected = np.zeros((width, height, 4))
    counts = {"packets": 0, "sent": 0, "path": [0, 0], "tree": [0, 0]}  # type: dict[str, Any]
    for core, own, w in zip(home, dests, weight, strict=True):
        paths = [link for d in own for link in path((x[core], y[core]), (x[d], y[d]))]
        tree = set(paths)
        counts["packets"] += w * len(own)
        counts["sent"] += w * bool(own)
        for name, links in (("path", paths), ("tree", tree)):
            for link in links:
                counts[name][link[2] // 2] += w
        for link in tree if multicast else paths:
            expected[link] += w
    assert found == (counts["packets"], counts["sent"], *counts["path"], *counts["tree"])
    np.testing.assert_array_equal(load, expected)


@settings(max_examples=50, deadline=None)
@given(traffics())
def test_links_of_one_source_equal_traced_paths(case: tuple[Any, ...]) -> None:
    width, height, per_tile, home, dests, _ = case
    x, y = arrays(per_tile, height, width * height * per_tile)
    low, high = np.zeros(width, np.int64), np.zeros(width, np.int64)
    for core, own in zip(home, dests, strict=True):
        paths = [link for d in own for link in path((x[core], y[core]), (x[d], y[d]))]
        flat = np.array(own, np.int32)
        assert sum(path_links(core, flat, len(own), x, y)) == len(paths)
        tree = tree_links(core, flat, len(own), x, y, low, high)
        assert sum(tree) == len(set(paths))


@pytest.mark.parametrize("multicast", [True, False])
def test_a_tree_shares_its_trunk(multicast: bool) -> None:
    # From (0, 1) to (2, 0), (2, 2) and (2, 1): two links east, then one north and one south.
    x, y = arrays(1, 3, 9)
    load = np.zeros((3, 3, 4))
    _, _, *links = route_all(
        np.array([0, 3]), np.array([6, 7, 8], np.int32), np.array([1], np.int32),
        np.array([5.0]), x, y, multicast, load,
    )  # fmt: skip
    assert links == [30, 10, 10, 10]
    shares = 1 if multicast else 3
    assert load[0, 1, 0] == load[1, 1, 0] == 5 * shares
    assert load[2, 1, 2] == load[2, 1, 3] == 5
    assert load.sum() == (20 if multicast else 40)
