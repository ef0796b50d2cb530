"""Small random spiking networks."""

from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.network import SpikingNetwork


def random_network(
    seed: int,
    n: int = 12,
    inputs: int = 3,
    outputs: int = 2,
    density: float = 0.3,
    bits: int = 8,
    delays: bool = False,
) -> SpikingNetwork:
    """A quantised network without zero codes, on a sheet with one row to spare."""
    rng = np.random.default_rng(seed)
    indptr, indices = _csr(rng, n, n, density)
    in_indptr, in_indices = _csr(rng, inputs, n, density)
    limit = 2 ** (bits - 1) - 1
    scale, in_scale, out_scale = (
        rng.uniform(0.01, 1, size).astype(np.float32) for size in (n, n, outputs)
    )
    codes, in_codes = (_codes(rng, len(i), limit) for i in (indices, in_indices))
    out_codes = rng.integers(-limit, limit + 1, (outputs, n)).astype(np.int16)
    width = int(np.ceil(np.sqrt(n)))
    places = rng.permutation(width * (width + 1))[:n]
    return SpikingNetwork(
        indptr=indptr,
        indices=indices,
        weights=codes * scale[indices],
        in_indptr=in_indptr,
        in_indices=in_indices,
        in_weights=in_codes * in_scale[in_indices],
        w_out=out_codes * out_scale[:, None],
        b_out=single(rng.normal(size=outputs)),
        tau_out=100.0,
        tau_mem=single(np.where(rng.random(n) < 0.5, np.inf, rng.uniform(5, 50, n))),
        tau_syn=single(rng.uniform(5, 100, n)),
        v_th=single(rng.uniform(0.5, 1.5, n)),
        v_reset=single(np.zeros(n)),
        v_leak=single(rng.normal(size=n) * 0.1),
        v_min=single(np.where(rng.random(n) < 0.5, -np.inf, 0)),
        t_ref=single(rng.integers(0, 3, n)),
        bias=single(rng.normal(size=n)),
        delay=int(rng.integers(1, 12)),
        reset="subtract" if rng.random() < 0.5 else "value",
        dt=1.0,
        task_dt=20.0,
        positions=np.stack(np.divmod(places, width + 1), axis=1),
        sheet=(width, width + 1),
        battery="yang19",
        tasks=("go", "anti"),
        delays=rng.integers(1, 30, len(indices)).astype(np.int32) if delays else None,
        bits=bits,
        codes=codes,
        scale=scale,
        in_codes=in_codes,
        in_scale=in_scale,
        out_codes=out_codes,
        out_scale=out_scale,
        measured={"accuracy": 0.9},
    )


def _csr(
    rng: np.random.Generator, rows: int, columns: int, density: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    there = rng.random((rows, columns)) < density
    indices = np.nonzero(there)[1].astype(np.int32)
    return np.concatenate([[0], np.cumsum(there.sum(axis=1))]).astype(np.int64), indices


def _codes(rng: np.random.Generator, size: int, limit: int) -> npt.NDArray[np.int16]:
    size_of = rng.integers(1, limit + 1, size) * rng.choice(np.array([-1, 1]), size)
    return np.asarray(size_of, np.int16)


def single(values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    return values.astype(np.float32)
