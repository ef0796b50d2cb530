"""Spiking networks from sparse matrices, CSR or COO arrays, and random sheets; never N x N."""

import math
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt
import scipy.sparse

from spiking_bimt.data import validate
from spiking_bimt.data.arguments import checked, shown
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.neurons import OPTIONAL, PARAMETERS, NeuronOptions
from spiking_bimt.data.validate import hand_over
from spiking_bimt.errors import InputError
from spiking_bimt.kernels import sim_sampling

Array = npt.NDArray[Any]
_MOST_SPREAD = 10
"""Of the logarithm of a weight; beyond it a weight may not fit float32."""
MOST_NEURONS = 2**31 - 1
"""Neurons of a network: `indices` are of 32 bits."""
_MOST_SYNAPSES = 2**31 - 1
"""Synapses of a sheet: its building takes about 30 bytes for each."""
_DRAWN_AT_ONCE = 2**20
"""Random numbers of a sheet that are drawn at once where none of them is kept."""


class NetworkOptions(NeuronOptions, total=False):
    """What `from_csr` takes beside the synapses and the step."""

    delay: int
    delays: npt.ArrayLike | None
    reset: str
    positions: npt.ArrayLike | None


@checked
def from_csr(
    indptr: npt.ArrayLike,
    indices: npt.ArrayLike,
    weights: npt.ArrayLike,
    *,
    dt: float = 0.1,
    delay: int = 1,
    delays: npt.ArrayLike | None = None,
    reset: str = "value",
    positions: npt.ArrayLike | None = None,
    **neurons: Unpack[NeuronOptions],
) -> SpikingNetwork:
    """A network from CSR arrays by presynaptic neuron: row j holds the synapses of neuron j.

    indptr (N + 1,), indices (nnz,): where each row begins, and the postsynaptic neurons. dt: step,
    ms. weights (nnz,): total change of the postsynaptic v by one spike; `delay` or `delays` (nnz,)
    in steps of dt ms. neurons: the parameters that `SpikingNetwork` lists, each one number or (N,),
    in its units; without them tau_mem 20, tau_syn 5, v_th 1, v_reset 0, v_leak 0, v_min -inf,
    t_ref 0, bias 0, and none of the optional ones. reset: "value" (v <- v_reset) or "subtract"
    (v <- v - (v_th - v_reset)). positions (N, 2): rows and columns of a sheet, from 0, by default
    all in one row.

    Raises InputError, with the argument's name, for a shape, a type or a value that cannot be.
    """
    starts = validate.array("from_csr", "indptr", indptr, (None,), np.int64)
    n = len(starts) - 1
    if n < 1:
        raise InputError("from_csr: indptr is too short: a network needs at least 1 neuron")
    given: dict[str, Any] = {**neurons}
    values: dict[str, Any] = {
        name: _everywhere(given.get(name, row.default), n)
        for name, row in PARAMETERS.items()
        if given.get(name) is not None or name not in OPTIONAL
    }
    places: Array = np.stack([np.zeros(n, np.int64), np.arange(n)], axis=1)
    if positions is not None:
        places = validate.array("from_csr", "positions", positions, (n, 2), np.int32)
    # In Python's numbers: one more than the largest of 32 bits is none of them.
    sheet = tuple(int(last) + 1 for last in places.max(axis=0))
    values |= {
        "indptr": starts, "indices": indices, "weights": weights, "delays": delays,
        "in_indptr": [0], "in_indices": [], "in_weights": [], "w_out": np.zeros((1, n)),
        "b_out": [0.0], "tau_out": 20.0, "delay": delay, "reset": reset, "dt": dt,
        "task_dt": dt, "positions": places, "sheet": sheet, "battery": "", "tasks": (),
    }  # fmt: skip
    return SpikingNetwork(**values)


def _everywhere(value: npt.ArrayLike, n: int) -> Array:
    """One number for all n neurons, or an array as it is."""
    given = np.asarray(value)
    return given if given.ndim else np.full(n, given)


@checked
def from_sparse(
    matrix: Any, *, dt: float = 0.1, **options: Unpack[NetworkOptions]
) -> SpikingNetwork:
    """A network from a scipy.sparse matrix or array whose [i, j] is the weight from i onto j.

    dt: step, ms. Options are those of `from_csr`; `delays` are in the order of the matrix's data,
    which is then CSR. A stored zero stays a synapse.

    Raises InputError where the matrix is not square, has too many rows, or an option cannot be.
    """
    if not (hasattr(matrix, "tocsr") and hasattr(matrix, "shape")):
        raise InputError(
            f"from_sparse: matrix is {shown(matrix)}, expected a matrix of scipy.sparse: make one "
            "of an array with scipy.sparse.csr_array"
        )
    if len(matrix.shape) != 2 or matrix.shape[0] != matrix.shape[1]:
        raise InputError(
            f"from_sparse: matrix has shape {matrix.shape}: a network needs a square one"
        )
    rows = matrix.tocsr(copy=True)
    if options.get("delays") is not None:
        options["delays"] = _delays_by_row(matrix, rows, options["delays"])
    rows.sort_indices()
    return from_csr(*map(hand_over, (rows.indptr, rows.indices, rows.data)), dt=dt, **options)


def _delays_by_row(matrix: Any, rows: Any, delays: Any) -> Array:
    """(nnz,) delays in the order of sorted CSR rows, from that of the matrix's entries."""
    if matrix.format != "csr":
        raise InputError(
            f"from_sparse: delays belong to the entries of a CSR matrix, and this one is "
            f"{matrix.format}: give matrix.tocsr(), and delays in the order of its data"
        )
    own = validate.array("from_sparse", "delays", delays, rows.indices.shape, np.int32)
    entries = scipy.sparse.csr_array((np.arange(len(own)), rows.indices.copy(), rows.indptr),
                                     rows.shape)  # fmt: skip
    entries.sort_indices()
    return hand_over(own[entries.data])


@checked
def from_coo(
    pre: npt.ArrayLike,
    post: npt.ArrayLike,
    weights: npt.ArrayLike,
    n: int,
    *,
    dt: float = 0.1,
    **options: Unpack[NetworkOptions],
) -> SpikingNetwork:
    """A network of n neurons from a list of synapses, in any order; parallel ones are kept.

    pre, post, weights: (nnz,) source, target and weight of each synapse. dt: step, ms. Options are
    those of `from_csr`; `delays` are in the order of the list.

    Raises InputError, with the argument's name, for a shape, a type or a value that cannot be.
    """
    source = validate.array("from_coo", "pre", pre, (None,), np.int64)
    target = validate.array("from_coo", "post", post, (None,), np.int64)
    value = validate.array("from_coo", "weights", weights, (None,), np.float32)
    if not 1 <= n <= MOST_NEURONS:
        raise InputError(f"from_coo: n is {n}: a network has 1 to {MOST_NEURONS:,} neurons")
    if not len(source) == len(target) == len(value):
        raise InputError(
            f"from_coo: pre, post and weights have {len(source)}, {len(target)} and {len(value)} "
            "entries: a synapse needs one of each"
        )
    for name, neurons in (("pre", source), ("post", target)):
        if len(neurons) and not (neurons.min() >= 0 and neurons.max() < n):
            raise InputError(
                f"from_coo: {name} lies in {neurons.min()}..{neurons.max()}, outside 0..{n - 1}"
            )
    order = np.lexsort((target, source))
    delays = options.get("delays")
    if delays is not None:
        own = validate.array("from_coo", "delays", delays, (len(source),), np.int32)
        options["delays"] = hand_over(own[order])
    indptr = np.append(0, np.cumsum(np.bincount(source, minlength=n)))
    return from_csr(indptr, hand_over(target[order]), hand_over(value[order]), dt=dt, **options)


@checked
def random_sheet(
    side: int,
    *,
    fan_out: int = 30,
    scale: float = 3.0,
    reach: int = 9,
    excitatory: float = 0.8,
    weights: tuple[float, float] = (0.02, -0.1),
    spread: float = 0.3,
    seed: int = 0,
    dt: float = 0.1,
    **options: Unpack[NetworkOptions],
) -> SpikingNetwork:
    """A torus of side x side neurons with local random synapses, numbered row by row.

    Every neuron has `fan_out` distinct targets at offsets (a, b), |a|, |b| <= reach, not itself,
    drawn with probability ~ exp(-sqrt(a^2 + b^2) / scale). A neuron is excitatory with that
    probability; its weights are weights[0], otherwise weights[1], times lognormal(0, spread).
    Memory and time are proportional to the synapses. seed: of the synapses. dt: step, ms.
    Other options are those of `from_csr`.

    Raises InputError, with the argument's name, for a value that cannot be, and for a sheet of more
    than 2^31 - 1 synapses.
    """
    rows = SheetRows(side, fan_out, scale, reach, excitatory, weights, spread, seed)
    places = np.stack(np.divmod(np.arange(side * side), side), axis=1)
    return from_csr(
        *map(hand_over, rows(0, side * side)),
        dt=dt,
        **NetworkOptions(positions=places) | options,
    )


class SheetRows:
    """The synapses of a sheet, of some presynaptic neurons at a time (see `random_sheet`)."""

    def __init__(
        self, side: int, fan_out: int, scale: float, reach: int, excitatory: float,
        weights: tuple[float, float], spread: float, seed: int,
    ) -> None:  # fmt: skip
        """The arguments are those of `random_sheet`."""
        _check_sheet(side, fan_out, scale, reach, excitatory, weights, spread, seed)
        steps = np.arange(-reach, reach + 1)
        offsets = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
        self._offsets = offsets[(offsets != 0).any(axis=1)]
        with np.errstate(over="ignore"):  # of a short scale: the limit is 0
            self._near = np.exp(-np.hypot(self._offsets[:, 0], self._offsets[:, 1]) / scale)
        self._side, self._fan_out, self._spread, self._seed = side, fan_out, spread, seed
        rng, n = np.random.default_rng(seed), side * side
        signs = np.empty(n, bool)
        for low in range(0, n, _DRAWN_AT_ONCE):
            drawn = rng.random(min(_DRAWN_AT_ONCE, n - low))
            signs[low : low + len(drawn)] = drawn < excitatory
        self._rng, self._drawn = rng, 0
        self._signs, self._sizes = signs, np.asarray(weights, np.float32)

    def __call__(self, low: int, high: int) -> tuple[Array, Array, Array]:
        """The CSR arrays of neurons low..high - 1, of which none was asked for before."""
        while self._drawn < low:  # one stream gives the weights of all neurons
            skipped = min(low - self._drawn, max(_DRAWN_AT_ONCE // max(self._fan_out, 1), 1))
            self._rng.standard_normal((skipped, self._fan_out), np.float32)
            self._drawn += skipped
        if self._drawn != low:
            raise ValueError(f"rows from {low} on: {self._drawn} were drawn already")
        targets = sim_sampling.sheet_targets(
            self._side, self._fan_out, self._offsets, self._near, self._seed, low, high
        )
        shape = high - low, self._fan_out
        values = np.exp(self._spread * self._rng.standard_normal(shape, np.float32))
        self._drawn = high
        sign: Any = np.where(self._signs[low:high], *self._sizes)
        values *= sign[:, None].astype(np.float32)
        return np.arange(high - low + 1) * self._fan_out, targets.ravel(), values.ravel()


def _check_sheet(
    side: int, fan_out: int, scale: float, reach: int, excitatory: float,
    weights: tuple[float, float], spread: float, seed: int,
) -> None:  # fmt: skip
    validate.positive("random_sheet", "scale", scale)
    validate.array("random_sheet", "weights", weights, (2,), np.float32)
    for name, value, most in (
        ("fan_out", fan_out, np.inf), ("reach", reach, np.inf), ("excitatory", excitatory, 1),
        ("spread", spread, _MOST_SPREAD),
    ):  # fmt: skip
        if not (0 <= value <= most and math.isfinite(value)):
            raise InputError(
                f"random_sheet: {name} is {value}: it must be finite and not negative"
                + (f", at most {most}" if most < np.inf else "")
            )
    validate.seed(seed, "random_sheet: seed")
    if side**2 * max(fan_out, 1) > _MOST_SYNAPSES:
        raise InputError(
            f"random_sheet: side is {side} and fan_out {fan_out}: a sheet has at most "
            f"{_MOST_SYNAPSES:,} synapses"
        )
    if side <= 2 * reach or fan_out > (2 * reach + 1) ** 2 - 1:
        raise InputError(
            f"random_sheet: side {side} cannot hold fan_out {fan_out} distinct targets within "
            f"reach {reach}: side must exceed {2 * reach}, fan_out be at most "
            f"{(2 * reach + 1) ** 2 - 1}"
        )
