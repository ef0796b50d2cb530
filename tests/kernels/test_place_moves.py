"""Incremental cost and use after every move equal a recount with plain Python."""

import math
from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from spiking_bimt.kernels import place_moves, place_state
from spiking_bimt.kernels.place_annealing import anneal
from spiking_bimt.kernels.place_arrangement import Nets, Places, arrange, net_prices
from spiking_bimt.kernels.place_quote import quote
from spiking_bimt.kernels.shared_random import random_unit
from tests.kernels.networks import callable_kernel

Work = tuple[
    place_state.Graph, place_state.Mesh, place_state.Rules, place_state.State, place_state.Scratch
]

WIDTH, HEIGHT = 3, 2
PRICES = (7.0, 2.0, 3.0)
COLUMN_AT = (0.0, 2.0, 11.0)  # the second link along x is one between two chips of a board
MEMORY = (5, 3, 4, 8)


def graph_of(rng: np.random.Generator, n: int, inputs: int) -> place_state.Graph:
    there = rng.random((n + inputs, n)) < 0.4
    source, target = np.nonzero(there)
    order = np.argsort(target, kind="stable")
    return place_state.Graph(
        np.searchsorted(source, np.arange(n + inputs + 1)).astype(np.int64),
        target.astype(np.int32),
        np.searchsorted(target[order], np.arange(n + 1)).astype(np.int64),
        source[order].astype(np.int32),
        rng.random(n),
    )


def setup(seed: int, multicast: bool, local: bool) -> Work:
    rng = np.random.default_rng(seed)
    n, per_tile = int(rng.integers(4, 14)), int(rng.integers(1, 3))
    n_cores = WIDTH * HEIGHT * per_tile
    graph = graph_of(rng, n, int(rng.integers(0, 4)))
    tile = np.arange(n_cores) // per_tile
    x, y = tile // HEIGHT, tile % HEIGHT
    mesh = place_state.Mesh(
        x.astype(np.int32), np.array(COLUMN_AT)[x], y * PRICES[2], PRICES[0], multicast, local
    )
    room = int(rng.integers(3, 6))
    allowed = np.array([room, rng.integers(3, 9), rng.integers(2, 20), rng.integers(30, 200)])
    bits = np.array([memory(synapses) for synapses in range(n + 1)])
    most_dests = int(rng.integers(1, 6))
    rules = place_state.Rules(allowed, np.array([1, 1, 1, MEMORY[0]]), bits, most_dests)
    core = rng.permutation(np.repeat(np.arange(n_cores), room))[:n]
    state = place_state.empty_state(graph, core, n_cores, room)
    if seed % 2:  # as for a large network
        state = state._replace(table=np.zeros((len(state.table), 0), np.int16))
    fan_in = int(np.diff(graph.pre_indptr).max())
    work = (graph, mesh, rules, state, place_state.scratch(n_cores, WIDTH, fan_in))
    place_moves.tally(*work)
    return work


def recount(work: Work, core: npt.NDArray[Any]) -> dict[str, Any]:
    """Cost, excess and use of every core from sets of plain Python integers."""
    graph, mesh, rules, _, _ = work
    n, n_cores = len(core), len(mesh.x)
    used = np.zeros((4, n_cores), int)
    total, too_far = 0.0, 0
    for c in core:
        used[0, c] += 1
    for source in range(len(graph.indptr) - 1):
        targets = graph.targets[graph.indptr[source] : graph.indptr[source + 1]]
        counts = Counter(int(core[t]) for t in targets)
        for c, synapses in counts.items():
            used[1, c] += 1
            used[3, c] += memory(synapses)
        if source < n:
            dests = set(counts) if mesh.local else set(counts) - {int(core[source])}
            packets = min(1, len(dests)) if mesh.multicast else len(dests)
            used[2, core[source]] += packets
            too_far += max(len(dests) - rules.most_dests, 0)
            route = packets * PRICES[0] + links(mesh, int(core[source]), dests)
            total += graph.rate[source] * route
    over = np.maximum(used - rules.allowed[:, None], 0)
    excess = np.ceil(over / rules.unit[:, None]).sum() + too_far
    return {"used": used, "total": total, "excess": excess}


def memory(synapses: int) -> int:
    word, block, overhead, unit = MEMORY
    blocks = [min(block, synapses - i) for i in range(0, synapses, block)]
    return sum(math.ceil((b * word + overhead) / unit) * unit for b in blocks)


def links(mesh: place_state.Mesh, home: int, dests: set[int]) -> float:
    """Price of the links of all paths, or of their union, link by link."""
    y_of = np.rint(mesh.at_y / PRICES[2]).astype(int)
    x0, y0 = int(mesh.x[home]), int(y_of[home])
    along_x: list[tuple[int, int]] = []
    along_y: list[tuple[int, int, int]] = []
    for dest in dests:
        x1, y1 = int(mesh.x[dest]), int(y_of[dest])
        sign = 1 if x1 > x0 else -1
        along_x += [(sign, min(x, x + sign)) for x in range(x0, x1, sign)]
        sign = 1 if y1 > y0 else -1
        along_y += [(x1, sign, y) for y in range(y0, y1, sign)]
    if mesh.multicast:
        along_x, along_y = list(set(along_x)), list(set(along_y))
    return float(sum(np.diff(COLUMN_AT)[x] for _, x in along_x) + len(along_y) * PRICES[2])


def check(work: Work) -> None:
    graph, state = work[0], work[3]
    expected = recount(work, state.core)
    np.testing.assert_array_equal(state.used, expected["used"])
    assert state.excess[0] == expected["excess"]
    np.testing.assert_allclose(state.total[0], expected["total"], rtol=1e-12, atol=1e-12)
    for c, members in enumerate(state.member):
        seated = members[: state.used[0, c]]
        assert sorted(seated) == np.flatnonzero(state.core == c).tolist()
        np.testing.assert_array_equal(state.slot[seated], np.arange(len(seated)))
    for source in range(len(graph.indptr) - 1):
        targets = graph.targets[graph.indptr[source] : graph.indptr[source + 1]]
        row = slice(state.reach[source], state.reach[source] + state.reach_size[source])
        reached = dict(zip(state.reached[row], state.synapses[row], strict=True))
        assert reached == Counter(int(state.core[t]) for t in targets)


def copied(state: place_state.State) -> dict[str, Any]:
    return {
        name: getattr(state, name).copy()
        for name in ("core", "cost", "outs", "dests", "used", "total", "excess")
    }


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**6), st.booleans(), st.booleans())
def test_every_move_swap_and_undo_equals_a_recount(seed: int, multi: bool, local: bool) -> None:
    work = setup(seed, multi, local)
    check(work)
    state, rng = work[3], np.random.default_rng(seed + 1)
    n, n_cores = len(state.core), len(work[1].x)
    for _ in range(25):
        v, b = int(rng.integers(n)), int(rng.integers(n_cores))
        if b == state.core[v]:
            continue
        members = np.flatnonzero(state.core == b)
        full = len(members) == work[2].allowed[0]
        w = int(rng.choice(members)) if full or (len(members) and rng.random() < 0.5) else -1
        before, expected = copied(state), state.core.copy()
        expected[v] = b
        if w >= 0:
            expected[w] = state.core[v]
        temperature = float(rng.choice([0.0, 1.0, 100.0]))
        luck = float(rng.random())
        quoted = quote(work[0], work[1], state, work[4], v, b, w)
        for name, value in before.items():
            np.testing.assert_array_equal(getattr(state, name), value, err_msg=name)
        stays = place_moves.propose(*work, v, b, w, temperature, luck)
        rise = recount(work, expected)["total"] - before["total"][0]
        worse = recount(work, expected)["excess"] - before["excess"][0]
        np.testing.assert_allclose(quoted, rise, rtol=1e-9, atol=1e-9)
        if abs(rise) > 1e-9:
            metropolis = rise < 0 or (temperature > 0 and luck < math.exp(-rise / temperature))
            assert stays == (worse < 0 or (worse == 0 and metropolis))
        if stays:
            np.testing.assert_array_equal(state.core, expected)
        else:
            for name, value in before.items():
                np.testing.assert_array_equal(getattr(state, name), value, err_msg=name)
        check(work)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.booleans(), st.booleans())
def test_annealing_never_breaks_more_limits(seed: int, multi: bool, local: bool) -> None:
    work = setup(seed, multi, local)
    state = work[3]
    cores = np.arange(len(work[1].x), dtype=np.int32)
    rng = np.array([seed], np.uint64)
    for repair in (True, False):
        excess = state.excess[0]
        for _ in range(5):
            anneal(*work, np.ones(len(cores), bool), cores, 0, rng, 1.0, 40, repair)
            check(work)
            assert state.excess[0] <= excess
            excess = state.excess[0]
    assert state.used[0].max() <= work[2].allowed[0]


def test_no_core_falls_below_the_least() -> None:
    work = setup(3, True, False)
    least = int(work[3].used[0].min())
    cores = np.arange(len(work[1].x), dtype=np.int32)
    usable = np.ones(len(cores), bool)
    anneal(*work, usable, cores, least, np.array([1], np.uint64), 1e9, 2000, False)
    assert work[3].used[0].min() >= least


def test_random_numbers_are_splitmix64() -> None:
    """First outputs for seed 1234567, as published with the generator's reference code."""
    rng = np.array([1234567], np.uint64)
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    draw = callable_kernel(random_unit)
    assert [draw(rng) for _ in expected] == [(z >> 11) * 2.0**-53 for z in expected]


def test_neurons_stay_on_the_usable_cores() -> None:
    work = setup(5, True, False)
    home = work[3].core.copy()
    cores = np.unique(home)
    usable = np.isin(np.arange(len(work[1].x)), cores)
    assert not usable.all()
    anneal(*work, usable, cores, 0, np.array([1], np.uint64), 1e9, 3000, False)
    assert (work[3].core != home).any()
    assert set(work[3].core.tolist()) <= set(cores.tolist())


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.booleans(), st.sampled_from([0.0, 5.0]))
def test_exchanging_cores_tells_the_truth(seed: int, multi: bool, temperature: float) -> None:
    graph, mesh, _, state, work = setup(seed, multi, False)
    n, n_cores = len(state.core), len(mesh.x)
    rows = [set(state.core[graph.targets[graph.indptr[i] : graph.indptr[i + 1]]].tolist())
            - {int(state.core[i])} for i in range(n)]  # fmt: skip
    members: list[list[int]] = [[] for _ in range(n_cores)]
    for i, row in enumerate(rows):
        for c in row | {int(state.core[i])}:
            members[c].append(i)
    nets = Nets(
        state.core, np.cumsum([0] + [len(r) for r in rows]),
        np.array([core for row in rows for core in sorted(row)], np.int32), graph.rate,
        np.cumsum([0] + [len(m) for m in members]), np.array([i for m in members for i in m]),
    )  # fmt: skip
    places = Places(
        np.arange(n_cores, dtype=np.int32), mesh.x.copy(), mesh.at_x.copy(), mesh.at_y.copy()
    )
    price = net_prices(nets, places, multi, work.low, work.high)
    before, cores = price.sum(), np.arange(n_cores, dtype=np.int32)
    rng = np.array([seed], np.uint64)
    arrange(nets, places, multi, cores, cores, rng, temperature, 200, price, work.low, work.high)
    at = places.at
    assert sorted(at) == list(range(n_cores))
    np.testing.assert_array_equal(places.at_x, mesh.at_x[at])
    np.testing.assert_array_equal(places.x, mesh.x[at])
    assert temperature > 0 or price.sum() <= before + 1e-9
    expected = sum(
        rate * links(mesh, int(at[home]), {int(at[d]) for d in row})
        for rate, row, home in zip(graph.rate, rows, state.core, strict=True)
    )
    np.testing.assert_allclose(price.sum(), expected)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.booleans(), st.booleans())
def test_pressure_weighs_the_sizes_of_cores_against_the_cost(
    seed: int, multi: bool, local: bool
) -> None:
    work = setup(seed, multi, local)
    state, rng, pressure = work[3], np.array([seed], np.uint64), 2.0
    anything = work[2]._replace(allowed=np.full(4, 10**6), most_dests=10**6)
    n, cores = len(state.core), np.arange(len(work[1].x), dtype=np.int32)
    work = (
        *work[:2],
        anything,
        place_state.empty_state(work[0], state.core, len(cores), n),
        work[4],
    )
    place_moves.tally(*work)

    def objective() -> float:
        found = recount(work, work[3].core)
        return float(found["total"] + pressure * (found["used"][0] ** 2).sum())

    before = objective()
    for _ in range(5):
        anneal(*work, np.ones(len(cores), bool), cores, 0, rng, 0.0, 40, False, pressure)
        check(work)
        after = objective()
        assert after <= before * (1 + 1e-9)
        before = after


def test_pressure_alone_evens_the_cores_out() -> None:
    work = setup(3, True, False)
    graph = work[0]._replace(rate=np.zeros(len(work[0].rate)))
    n, n_cores = len(work[3].core), len(work[1].x)
    rules = work[2]._replace(allowed=np.full(4, 10**6), most_dests=10**6)
    state = place_state.empty_state(graph, np.zeros(n, np.int32), n_cores, n)
    work = (graph, work[1], rules, state, work[4])
    place_moves.tally(*work)
    cores = np.arange(n_cores, dtype=np.int32)
    anneal(*work, np.ones(n_cores, bool), cores, 0, np.array([1], np.uint64), 0.0, 5000, False, 1.0)
    assert np.ptp(state.used[0]) <= 1
