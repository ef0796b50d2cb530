"""What axons cost a chip in training: against brute force over sources, cores and units."""

import dataclasses
import itertools
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiking_bimt.chip.limits import usage, worst_excess
from spiking_bimt.chip.presets import load_chip
from spiking_bimt.chip.start import fewest_cores
from spiking_bimt.data.chip import Chip
from spiking_bimt.errors import InputError
from spiking_bimt.kernels import train_axons
from spiking_bimt.training import cores, pruning
from spiking_bimt.training.parameters import Parameters
from tests.chip.boards import chips, spike_price

Array = npt.NDArray[Any]

GRID = load_chip("grid16")


def network(seed: int, n: int = 12, n_inputs: int = 3, density: float = 0.4) -> Parameters:
    rng = np.random.default_rng(seed)

    def sparse(*shape: int) -> Array:
        values = rng.normal(size=shape) * (rng.random(shape) < density)
        return values.astype(np.float32)

    return Parameters(
        sparse(n, n),
        sparse(n, n_inputs),
        np.zeros(n, np.float32),
        sparse(2, n),
        np.zeros(2, np.float32),
    )


def brute_cost(p: Parameters, core: Array, activity: Array, cost: cores.Cost) -> float:
    """Over every source and core, as the penalty is written down."""
    w = np.concatenate([p.w_rec, p.w_in], axis=1).astype(float)
    n, n_cores = len(core), cost.price.shape[1]
    found = 0.0
    for source, c in itertools.product(range(w.shape[1]), range(n_cores)):
        group = w[core == c, source]
        size = np.linalg.norm(group) if cost.grouped else np.abs(group).sum()
        if source < n:
            found += activity[source] * cost.price[core[source], c] * size
        else:
            found += cost.price[-1, c] * size
    return found


def make_cost(grouped: bool, ends: float = 0.3, room: int = 4) -> cores.Cost:
    return cores.Cost(cores.prices(GRID, np.array([0, 1, 8, 10]), ends), grouped, room)


@given(st.integers(0, 2**31), st.booleans())
@settings(max_examples=40, deadline=None)
def test_gain_of_every_move_and_exchange_is_the_difference_of_costs(
    seed: int, grouped: bool
) -> None:
    rng = np.random.default_rng(seed)
    p, cost = network(seed), make_cost(grouped)
    n, activity = 12, rng.random(12)
    core = rng.integers(4, size=n)
    size = cores.sizes(p, grouped)
    total = train_axons.sums(size, core, 4)
    home = np.concatenate([core, np.full(3, 4)])
    weight = np.concatenate([activity, np.ones(3)])
    before = brute_cost(p, core, activity, cost)
    assert train_axons.cost(total, home, weight, cost.price, grouped) == pytest.approx(before)
    v = int(rng.integers(n))
    for b in range(4):
        others = [int(w) for w in np.flatnonzero(core == b)]
        for w in [-1, *others] if b != core[v] else []:
            moved = core.copy()
            moved[v] = b
            if w >= 0:
                moved[w] = core[v]
            gain = train_axons.gain(size, total, home, weight, cost.price, grouped, v, w, b)
            expected = brute_cost(p, moved, activity, cost) - before
            assert gain == pytest.approx(expected, abs=1e-9)


@given(st.integers(0, 2**31), st.booleans())
@settings(max_examples=25, deadline=None)
def test_moving_lowers_the_cost_and_keeps_the_room(seed: int, grouped: bool) -> None:
    rng = np.random.default_rng(seed)
    p, cost, activity = network(seed), make_cost(grouped), rng.random(12)
    core = rng.permutation(np.arange(12) % 4)
    moved = cores.improve(p, core, activity, cost, (seed,))
    assert np.bincount(moved, minlength=4).max() <= cost.room
    before, after = (brute_cost(p, at, activity, cost) for at in (core, moved))
    assert after <= before + 1e-9
    np.testing.assert_array_equal(moved, cores.improve(p, core, activity, cost, (seed,)))


def test_partition_finds_modules_that_are_there() -> None:
    rng = np.random.default_rng(0)
    module = rng.permutation(np.repeat(np.arange(4), 4))
    p = network(1, n=16, n_inputs=1, density=1.0)
    p.w_rec *= (module[:, None] == module[None]).astype(np.float32)
    cost = cores.Cost(cores.prices(GRID, np.array([0, 1, 2, 3]), 0.0), True, 4)
    core = cores.partition(p, np.ones(16), cost, seed=0)
    assert len({(int(a), int(b)) for a, b in zip(core, module, strict=True)}) == 4
    assert cores.packets_per_spike(p, core, np.ones(16), 4) == 0


def test_cores_that_talk_sit_side_by_side() -> None:
    """Two modules on four cores each talk to the next: the chain lies along links of one hop."""
    p = network(0, n=4, n_inputs=1, density=0.0)
    for i in range(3):
        p.w_rec[i + 1, i] = 1.0
    used = np.array([0, 1, 2, 3])
    cost = cores.Cost(cores.prices(GRID, used, 0.0), True, 1)
    core = cores.improve(p, np.array([0, 2, 1, 3]), np.ones(4), cost, (0,), proposals=50)
    assert brute_cost(p, core, np.ones(4), cost) == pytest.approx(3 * cost.price[0, 1])


def test_prices_count_the_cheapest_packet_as_one() -> None:
    loihi = cores.prices(load_chip("loihi"), np.arange(8), 0.5)
    assert loihi[:-1][~np.eye(8, dtype=bool)].min() == 1
    assert loihi[0, 0] == 0
    assert loihi[0, 4] == pytest.approx((111 + 4.2) / 111)
    assert (loihi[-1] == 0.5).all()
    assert cores.prices(GRID, np.array([0, 1]), 0.0)[0, 0] == 0


@settings(max_examples=100, deadline=None)
@given(chips(), st.integers(0, 10**6))
def test_training_and_placement_agree_on_every_packet(chip: Chip, seed: int) -> None:
    """Prices in training are, up to one factor, those of paths walked link by link."""
    rng = np.random.default_rng(seed)
    used = rng.permutation(chip.n_cores)[: int(rng.integers(1, min(chip.n_cores, 12) + 1))]
    found = cores.prices(chip, used, 0.5)[:-1]
    walked = np.array([[spike_price(chip, a, {b}) if a != b else 0.0 for b in used] for a in used])
    cheapest = walked[walked > 0].min(initial=np.inf)
    unit = cheapest if np.isfinite(cheapest) else 1.0
    np.testing.assert_allclose(found * unit, walked, rtol=1e-12)


def test_a_link_between_chips_is_as_dear_in_training_as_on_the_board() -> None:
    """Tiles (0, 0), (0, 1) and (4, 0): 1 + 1 within a chip, 1 + 3 + 10 to the next."""
    found = cores.prices(load_chip("board64"), np.array([0, 1, 32]), 0.0)
    assert found[0].tolist() == [0.0, 1.0, 7.0]


def test_prices_of_a_single_chip_are_the_same_to_the_bit() -> None:
    """Each is the packet, plus whole numbers of equal links along x, then along y."""
    for name in ("loihi", "grid16", "grid64", "loihi-davies2018"):
        chip = load_chip(name)
        used = np.random.default_rng(0).permutation(chip.n_cores)[:20]
        gap = np.abs(chip.core_xy()[used][:, None].astype(float) - chip.core_xy()[used][None])
        price = chip.packet_cost + gap[..., 0] * chip.hop_cost_x + gap[..., 1] * chip.hop_cost_y
        np.fill_diagonal(price, 0.0)
        np.testing.assert_array_equal(
            cores.prices(chip, used, 0.0)[:-1], price / price[price > 0].min()
        )


@pytest.mark.parametrize("n", [1, 4])
def test_group_step_minimises_its_proximal_objective(n: int) -> None:
    """On a group whose weights share one moment the metric is exact: argmin over a dense grid."""
    rng = np.random.default_rng(n)
    before = rng.normal(size=(n, 1)).astype(np.float32)
    weights, lr, s, second, correct2 = before.copy(), 0.5, 0.4, 0.3, 0.2
    v = np.full_like(before, second * correct2)
    train_axons.shrink_groups(
        weights, v, np.ones_like(before), np.zeros(n, np.int64), np.full((1, 1), s, np.float32),
        np.float32(lr), np.float32(correct2),
    )  # fmt: skip
    metric = np.sqrt(second + s**2 / (4 * n))
    scale = np.linspace(0, 1, 100001)
    norm = np.linalg.norm(before)
    objective = metric / (2 * lr) * ((1 - scale) * norm) ** 2 + s * scale * norm
    np.testing.assert_allclose(weights, before * scale[objective.argmin()], atol=2e-5)


def test_a_strong_penalty_reaches_zero_and_spares_what_is_free() -> None:
    p = network(3, n=6, n_inputs=2, density=1.0)
    core = np.array([0, 0, 0, 1, 1, 1])
    strength = np.zeros((2, 6), np.float32)
    strength[1, :3] = 1e3
    w = p.w_rec
    before = w.copy()
    for _ in range(2000):
        train_axons.shrink_groups(
            w, np.zeros_like(w), np.ones_like(w), core, strength, np.float32(1e-3), np.float32(1)
        )
    assert (w[3:, :3] == 0).all()
    np.testing.assert_array_equal(w[:, 3:], before[:, 3:])
    np.testing.assert_array_equal(w[:3], before[:3])


def test_packets_per_spike_weighs_by_activity() -> None:
    p = network(0, n=4, n_inputs=1, density=0.0)
    p.w_rec[2, 0] = p.w_rec[3, 0] = p.w_rec[1, 0] = 1.0
    p.w_rec[0, 3] = 1e-9
    core = np.array([0, 0, 1, 2])
    assert cores.packets_per_spike(p, core, np.array([3.0, 1, 1, 1]), 3) == pytest.approx(7 / 6)


def test_fit_drops_the_weakest_axons_until_every_limit_holds() -> None:
    chip = dataclasses.replace(GRID, input_axons=9, output_axons=6, synapse_bits=8 * 40)
    p = network(5, n=24, n_inputs=4, density=0.5)
    strongest = np.abs(p.w_rec).max()
    used = fewest_cores(chip, 32).astype(np.int64)
    core = np.arange(24) % 2
    assert cores.overfull(chip, p, core, used, 5).any()
    assert pruning.fit(chip, p, core, used, 5) > 0
    found = usage(chip, cores.axon_graph(p, 5), used[core].astype(np.int32))
    assert worst_excess(chip, found) is None
    assert not cores.overfull(chip, p, core, used, 5).any()
    assert np.abs(p.w_rec).max() == strongest


def test_pruning_goes_as_far_as_the_error_allows() -> None:
    p = network(2, n=30)
    least = float(np.sort(np.abs(p.w_rec[p.w_rec != 0]))[100])

    def error(tried: Parameters) -> float:
        return float(((p.w_rec != 0) & (tried.w_rec == 0)).sum() >= 100)

    kept = pruning.largest(lambda threshold: pruning.below(p, threshold), error, 0.5)
    dropped = np.abs(p.w_rec[(p.w_rec != 0) & (kept.w_rec == 0)])
    assert 0 < len(dropped) < 100
    assert dropped.max() < least
    step = pruning.THRESHOLDS[1] / pruning.THRESHOLDS[0]
    next_threshold = float(dropped.max()) * step**2
    assert (np.abs(p.w_rec[p.w_rec != 0]) < next_threshold).sum() >= len(dropped)


def test_groups_within_a_core_are_not_cut_as_packets() -> None:
    p = network(4, n=8, density=1.0)
    core = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    kept = pruning.below_between(p, core, 2, 1e9).w_rec
    same = core[:, None] == core[None]
    np.testing.assert_array_equal(kept[same], p.w_rec[same])
    assert not kept[~same].any()


def test_too_many_units_are_refused_with_the_grid_that_would_do() -> None:
    with pytest.raises(InputError, match=r"2000 units need 125 cores.*976 units too many.*12 x 12"):
        fewest_cores(GRID, 2000)
