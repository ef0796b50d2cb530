"""A network over several ranks gives the bits of one process, however it is cut."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import spiking_bimt as sb
from spiking_bimt.data import store
from spiking_bimt.simulation.longrun import read_stream, save_state, stream
from spiking_bimt.simulation.ranks import rows as rows_module
from spiking_bimt.simulation.ranks.build import share_of_network
from spiking_bimt.simulation.ranks.cut import in_blocks
from spiking_bimt.simulation.ranks.exchange import find_routes
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
    routes = run_ranks(
        size, lambda comm: find_routes(comm, share_of_network(comm, network, ranks, {}))
    )
    assert [found.receivers.tolist() for found in routes] == [[0, 1], [1, 2], [2, 3], [3]]
    assert [found.senders.tolist() for found in routes] == [[0], [1, 0], [2, 1], [3, 2]]
    # One neuron of each rank has its target on the next one.
    assert [found.rows_to.tolist() for found in routes] == [[9, 1], [9, 1], [9, 1], [9]]


def test_a_share_holds_the_synapses_onto_its_neurons_alone() -> None:
    network = sb.random_sheet(20, fan_out=10)
    ranks = np.random.default_rng(0).integers(0, 3, 400)
    shares = run_ranks(3, lambda comm: share_of_network(comm, network, ranks, {}))
    assert sum(len(share.indices) for share in shares) == len(network.indices)
    for rank, share in enumerate(shares):
        pre = np.repeat(share.sources, np.diff(share.indptr))
        own = ranks[network.indices] == rank
        np.testing.assert_array_equal(pre, np.repeat(np.arange(400), np.diff(network.indptr))[own])
        np.testing.assert_array_equal(share.own[share.indices], network.indices[own])
        np.testing.assert_array_equal(share.weights, network.weights[own])


def drawn_sheet(**options: Any) -> dict[str, Any]:
    return {"fan_out": 12, "dt": 0.5, "delay": 3, "seed": 4, "bias": 0.06} | options


def spikes_of(network: Any, comm: Comm | None = None, **options: Any) -> sb.Recording:
    return sb.simulate_network(network, 100, comm=comm, traces=[1, 299], seed=2, **options)


def test_shares_of_a_sheet_run_as_the_sheet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_module, "_PIECE", 500)  # several pieces a rank
    whole = spikes_of(sb.random_sheet(32, **drawn_sheet()))
    ranks = np.random.default_rng(0).integers(0, 3, 1024)
    assert whole.n_spikes > 1000
    for size, split in ((1, None), (3, None), (3, ranks)):

        def work(comm: Comm, split: Any = split) -> sb.Recording:
            share = sb.share_of_sheet(32, comm=comm, ranks=split, **drawn_sheet())
            return spikes_of(share, comm)

        found = run_ranks(size, work)[0]
        np.testing.assert_array_equal(found.steps, whole.steps)
        np.testing.assert_array_equal(found.neurons, whole.neurons)
        np.testing.assert_array_equal(found.traces, whole.traces)


@pytest.mark.parametrize("codes", [False, True])
def test_shares_of_a_file_run_as_its_network(tmp_path: Path, codes: bool) -> None:
    rng = np.random.default_rng(0)
    network = sb.random_sheet(
        32,
        **drawn_sheet(delay=1, delays=rng.integers(2, 7, 12 * 1024), v_th=rng.uniform(1, 2, 1024)),
    )
    network = sb.quantise(network, bits=4) if codes else network
    store.save(network, tmp_path / "network.h5", {})
    whole = spikes_of(network.quantised() if codes else network)
    assert whole.n_spikes > 300

    def work(comm: Comm) -> sb.Recording:
        return spikes_of(sb.share_of_file(tmp_path / "network.h5", comm=comm), comm)

    found = run_ranks(2, work)[0]
    np.testing.assert_array_equal(found.neurons, whole.neurons)
    np.testing.assert_array_equal(found.traces, whole.traces)


def test_shares_of_a_function_run_as_its_network() -> None:
    n = 300
    tau = np.linspace(10, 20, n)

    def rows(low: int, high: int) -> tuple[Any, ...]:
        """Each neuron reaches the next ten, by a weight and a delay of its own."""
        pre = np.arange(low, high)[:, None]
        post = np.sort((pre + np.arange(1, 11)) % n, axis=1)
        weights, delays = 0.02 + 0.001 * (pre % 7 + post % 5), 1 + (pre + post) % 6
        return 10 * np.arange(high - low + 1), post.ravel(), weights.ravel(), delays.ravel()

    indptr, post, weights, delays = rows(0, n)
    options: dict[str, Any] = {"dt": 0.5, "bias": 0.07, "tau_mem": tau}
    whole = spikes_of(sb.from_csr(indptr, post, weights, delays=delays, **options), **AT_START)

    def work(comm: Comm) -> sb.Recording:
        share = sb.share_of_rows(n, rows, comm=comm, **options)
        assert len(share.network.v_th) == n // 4
        assert share.n_synapses == 10 * n > 3 * len(share.indices)
        return spikes_of(share, comm, **AT_START)

    found = run_ranks(4, work)[0]
    assert whole.n_spikes > 100
    np.testing.assert_array_equal(found.neurons, whole.neurons)
    np.testing.assert_array_equal(found.steps, whole.steps)


AT_START: dict[str, Any] = {"v_start": np.linspace(0, 0.9, 300)}

TEN = np.arange(11), np.zeros(10), np.ones(10)
BAD_ROWS: dict[str, Any] = {
    "gives no": None,
    "indptr has shape": ([0], [], []),
    "outside 0..9": (TEN[0], np.full(10, 10), TEN[2]),
    "weights": (*TEN[:2], np.full(10, np.nan)),
    "delays lie outside": (*TEN, np.full(10, -1)),
}


@pytest.mark.parametrize("line", BAD_ROWS)
def test_rows_that_cannot_be_are_refused(line: str) -> None:
    with pytest.raises(sb.InputError, match=line):
        sb.share_of_rows(10, lambda low, high: BAD_ROWS[line])


def test_a_share_of_other_ranks_is_refused() -> None:
    share = sb.share_of_sheet(20)
    with pytest.raises(sb.InputError, match="the share is one of 1, the simulation has 2 ranks"):
        run_ranks(2, lambda comm: sb.Simulation(share, comm=comm))
    with pytest.raises(sb.InputError, match="ranks are those that the share was built with"):
        sb.Simulation(share, ranks=np.zeros(400, int))
    with pytest.raises(sb.InputError, match="delays of 0 steps runs in one process"):
        run_ranks(2, lambda comm: sb.Simulation(sb.random_sheet(20, delay=0), comm=comm))


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


def test_rank_0_streams_and_no_state_is_saved(tmp_path: Path) -> None:
    network = sb.random_sheet(20, **drawn_sheet())
    path = tmp_path / "spikes.h5"

    def work(comm: Comm) -> tuple[int, int]:
        simulation = sb.Simulation(network, comm=comm)
        before = simulation.advance(7).n_spikes
        with pytest.raises(sb.InputError, match="a state is of one process"):
            save_state(simulation, tmp_path / f"state{comm.rank}.h5")
        return before, stream(simulation, 100, path, every=40)

    counts = np.array(run_ranks(2, work))
    whole = sb.Simulation(network).advance(107)
    assert counts[0].sum() == whole.n_spikes > 100
    assert 0 < counts[1].sum() < whole.n_spikes
    np.testing.assert_array_equal(read_stream(path).neurons, whole.neurons[counts[0, 0] :])
    assert [file.name for file in tmp_path.iterdir()] == ["spikes.h5"]


def test_ranks_with_other_networks_are_refused() -> None:
    networks = [sb.random_sheet(10, fan_out=3, reach=2, seed=seed) for seed in (0, 1)]
    with pytest.raises(sb.InputError, match=r"the digest of the network is .* on rank 1 and .*"):
        run_ranks(2, lambda comm: sb.Simulation(networks[comm.rank], comm=comm))


def test_loads_are_cut_at_the_nearest_neuron() -> None:
    found = in_blocks(np.array([1, 1, 1, 9, 1, 1, 1, 1]), 2)
    assert [low for low, high in pairwise(found.tolist()) if low != high] == [0]
