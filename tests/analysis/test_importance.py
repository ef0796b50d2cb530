"""Importance by its definition, and what it must not depend on."""

from dataclasses import replace

import numpy as np
import pytest

from spiking_bimt.analysis.importance import by_rank, importance
from spiking_bimt.data.rate import RateNetwork


def network(n: int = 6) -> RateNetwork:
    rng = np.random.default_rng(2)
    return RateNetwork(
        w_rec=rng.normal(size=(n, n)).astype(np.float32),
        w_in=rng.normal(size=(n, 4)).astype(np.float32),
        b=np.zeros(n, np.float32),
        w_out=rng.normal(size=(3, n)).astype(np.float32),
        b_out=np.zeros(3, np.float32),
        positions=np.stack(np.divmod(np.arange(n), n), axis=1).astype(np.int32),
        sheet=(1, n), tau=100.0, dt=20.0, battery="yang19", tasks=("go",),
    )  # fmt: skip


def test_it_equals_its_definition() -> None:
    net = network()
    for i, value in enumerate(importance(net)):
        into = sum(abs(float(w)) for w in [*net.w_rec[i], *net.w_in[i]])
        out = sum(abs(float(w)) for w in [*net.w_rec[:, i], *net.w_out[:, i]])
        assert value == pytest.approx((into * out) ** 0.5, rel=1e-6)


def test_a_unit_may_trade_gain_between_its_two_sides() -> None:
    net = network()
    w_rec, w_in, w_out = net.w_rec.copy(), net.w_in.copy(), net.w_out.copy()
    np.fill_diagonal(w_rec, 0)
    before = importance(replace(net, w_rec=w_rec))
    scaled, scaled_in, scaled_out = w_rec.copy(), w_in.copy(), w_out.copy()
    scaled[2] *= 4
    scaled_in[2] *= 4
    scaled[:, 2] /= 4
    scaled_out[:, 2] /= 4
    after = importance(replace(net, w_rec=scaled, w_in=scaled_in, w_out=scaled_out))
    assert after[2] == pytest.approx(before[2], rel=1e-6)


def test_a_unit_that_nothing_reads_has_none() -> None:
    net = network()
    w_rec, w_out = net.w_rec.copy(), net.w_out.copy()
    w_rec[:, 3] = 0
    w_out[:, 3] = 0
    assert importance(replace(net, w_rec=w_rec, w_out=w_out))[3] == 0


def test_ranks_fall() -> None:
    assert by_rank(np.array([2.0, 5.0, 0.0, 3.0])).tolist() == [5.0, 3.0, 2.0, 0.0]
