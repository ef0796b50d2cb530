"""A network over several ranks gives the bits of one process, however it is cut."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import spiking_bimt as sb
from spiking_bimt.simulation.ranks.cut import in_blocks
from spiking_bimt.simulation.ranks.exchange import find_routes
from spiking_bimt.simulation.ranks.share import cut_out
from tests.simulation.ranks.threads_of_ranks import Comm, run_ranks


def drawn_network(rng: np.random.Generator, n: int, fan_out: int, delays: str) -> Any:
    """A network without order: sources and targets anywhere, some neurons without synapses."""
    pre, post = rng.integers(0, n, n * fan_out), rng.integers(0, n, n * fan_out)
    weights = rng.normal(0.1, 0.3, n * fan_out)
    options: dict[str, Any] = {"delay": int(rng.integers(1, 6))}
    if delays == "own":
        options = {"delays": rng.integers(2, 9, n * fan_out)}
    if rng.random() < 0.5:
        options["tau_mem"] = rng.uniform(8, 20, n)
    return sb.from_coo(
        pre, post, weights, n, dt=0.5, t_ref=1.0, bias=rng.uniform(0, 0.12, n), **options
    )


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.integers(2, 5),
    n=st.integers(5, 90),
    fan_out=st.integers(0, 8),
    delays=st.sampled_from(["equal", "own"]),
    mode=st.sampled_from(["clock", "event", "auto"]),
)
def test_spikes_are_those_of_one_process(
    seed: int, size: int, n: int, fan_out: int, delays: str, mode: str
) -> None:
    rng = np.random.default_rng(seed)
    network = drawn_network(rng, n, fan_out, delays)
    ranks = rng.permutation(np.append(np.arange(size), rng.integers(0, size, n - size)))
    inputs = [
        sb.PoissonSources(rng.integers(0, n, n), 40.0, 0.6, seed=3),
        sb.HeldCurrents(rng.uniform(0, 50, 5), rng.integers(0, n, 5), rng.normal(0, 0.1, 5)),
    ]
    cuts = [int(steps) for steps in rng.integers(1, 60, 3)]
    options: dict[str, Any] = {
        "inputs": inputs, "mode": mode, "seed": 5, "traces": rng.integers(0, n, 3),
    }  # fmt: skip

    def work(comm: Comm | None) -> list[sb.Recording]:
        split: dict[str, Any] = {} if comm is None else {"comm": comm, "ranks": ranks}
        simulation = sb.Simulation(network, **options, **split)
        return [simulation.advance(steps) for steps in cuts]

    whole, of_ranks = work(None), run_ranks(size, work)
    for k, run in enumerate(whole):
        for name in ("steps", "neurons", "spike_counts", "traces", "lengths"):
            np.testing.assert_array_equal(getattr(of_ranks[0][k], name), getattr(run, name))
        for rank in range(1, size):
            own = ranks[run.neurons] == rank
            np.testing.assert_array_equal(of_ranks[rank][k].neurons, run.neurons[own])
            np.testing.assert_array_equal(of_ranks[rank][k].traces, run.traces)


def test_ranks_without_targets_exchange_nothing() -> None:
    n, size = 40, 4
    network = sb.from_coo(np.arange(n - 1), np.arange(1, n), np.full(n - 1, 2.0), n, bias=0.1)
    ranks = np.repeat(np.arange(size), n // size)
    shares = [cut_out(network, ranks, rank) for rank in range(size)]
    routes = run_ranks(size, lambda comm: find_routes(comm, shares[comm.rank]))
    assert [found.receivers.tolist() for found in routes] == [[0, 1], [1, 2], [2, 3], [3]]
    assert [found.senders.tolist() for found in routes] == [[0], [1, 0], [2, 1], [3, 2]]
    # One neuron of each rank has its target on the next one.
    assert [found.rows_to.tolist() for found in routes] == [[9, 1], [9, 1], [9, 1], [9]]


def test_a_share_holds_the_synapses_onto_its_neurons_alone() -> None:
    network = sb.random_sheet(20, fan_out=10)
    ranks = np.random.default_rng(0).integers(0, 3, 400)
    shares = [cut_out(network, ranks, rank) for rank in range(3)]
    assert sum(len(share.indices) for share in shares) == len(network.indices)
    for rank, share in enumerate(shares):
        pre = np.repeat(share.sources, np.diff(share.indptr))
        own = ranks[network.indices] == rank
        np.testing.assert_array_equal(pre, np.repeat(np.arange(400), np.diff(network.indptr))[own])
        np.testing.assert_array_equal(share.own[share.indices], network.indices[own])
        np.testing.assert_array_equal(share.weights, network.weights[own])


@given(st.lists(st.integers(0, 50), min_size=1, max_size=60), st.data())
def test_blocks_have_about_equal_loads(loads: list[int], data: st.DataObject) -> None:
    size = data.draw(st.integers(1, len(loads)))
    found = in_blocks(np.array(loads) + 1, size)
    assert (np.diff(found) >= 0).all()
    assert set(found) == set(range(size))
    each = np.bincount(found, np.array(loads) + 1.0)
    assert each.max() <= (sum(loads) + len(loads)) / size + 2 * (max(loads) + 1)


def test_a_placement_is_cut_between_whole_cores() -> None:
    network = sb.quantise(sb.random_sheet(32, fan_out=12), bits=8)
    spot = sb.place_network(network, "grid16", np.ones(1024), effort=0.1)
    core = spot.placement.core
    for size in (2, 3, 7):
        ranks = sb.split_by_rank(spot, size)
        assert set(ranks) == set(range(size))
        assert all(len(set(ranks[core == each])) == 1 for each in set(core))
        loads = np.bincount(ranks, 50 + np.bincount(network.indices, minlength=1024))
        assert loads.max() < 1.6 * loads.mean()
    # The cores of a rank lie together: fewer synapses cross than between cores at random.
    rng = np.random.default_rng(0)
    ranks = sb.split_by_rank(spot, 4)
    mixed = rng.permutation(4 * np.arange(core.max() + 1) // (core.max() + 1))[core]
    pre = np.repeat(np.arange(1024), np.diff(network.indptr))
    crossing = [(cut[pre] != cut[network.indices]).mean() for cut in (ranks, mixed)]
    assert crossing[0] < 0.6 * crossing[1]
    with pytest.raises(sb.InputError, match="cores, which 2000 ranks cannot share"):
        sb.split_by_rank(spot, 2000)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"ranks": np.zeros(100, int)}, "leave rank 1 without a neuron"),
        ({"ranks": np.full(100, 2)}, "ranks lie in 2..2, the run has the ranks 0..1"),
        ({"threads": 2}, "threads and order are of one process"),
        ({"order": "sheet"}, "threads and order are of one process"),
    ],
)
def test_what_ranks_cannot_do_is_refused(options: dict[str, Any], line: str) -> None:
    network = sb.random_sheet(10, fan_out=3, reach=2)
    with pytest.raises(sb.InputError, match=line):
        run_ranks(2, lambda comm: sb.Simulation(network, comm=comm, **options))


def test_a_loop_of_single_steps_is_refused() -> None:
    network = sb.random_sheet(10, fan_out=3, reach=2)
    with pytest.raises(sb.InputError, match="step runs in one process"):
        run_ranks(2, lambda comm: sb.Simulation(network, comm=comm).step())


def test_ranks_with_other_networks_are_refused() -> None:
    networks = [sb.random_sheet(10, fan_out=3, reach=2, seed=seed) for seed in (0, 1)]
    with pytest.raises(sb.InputError, match=r"the digest of the network is .* on rank 1 and .*"):
        run_ranks(2, lambda comm: sb.Simulation(networks[comm.rank], comm=comm))


def test_loads_are_cut_at_the_nearest_neuron() -> None:
    found = in_blocks(np.array([1, 1, 1, 9, 1, 1, 1, 1]), 2)
    assert [low for low, high in pairwise(found.tolist()) if low != high] == [0]
