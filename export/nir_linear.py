"""NIR's linear nodes as sparse matrices [output, input] over flattened values, row-major."""

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

from spiking_bimt.errors import InputError

Array = npt.NDArray[Any]
Shape = tuple[int, ...]

LINEAR = ("Affine", "Linear", "Scale", "Flatten", "Conv1d", "Conv2d", "SumPool2d", "AvgPool2d")
"""Nodes that are a matrix and a bias."""
WRITTEN_OUT = ("Conv1d", "Conv2d", "SumPool2d", "AvgPool2d")
"""Those whose matrix is not in the file."""
MOST_SYNAPSES = 2**26
"""Most entries of a matrix that is written out: 0.5 GiB as synapses."""


class Map(NamedTuple):
    """y = matrix x + bias."""

    matrix: sparse.csr_array
    bias: Array
    shape: Shape
    """Of y before it is flattened."""


def map_of(where: str, node: Any, kind: str, given: Shape) -> Map:
    """The map of a linear node whose input has the shape `given`.

    where: names file and node in errors. InputError for sizes that do not fit, and for a
    convolution too large to be written out.
    """
    n = math.prod(given)
    if kind in ("Affine", "Linear"):
        if node.weight.ndim != 2:
            raise InputError(f"{where}: weight has shape {node.weight.shape}, read are matrices")
        _fit(where, node.weight.shape[1], n)
        bias = np.ravel(getattr(node, "bias", 0.0)) * np.ones(len(node.weight))
        return Map(sparse.csr_array(node.weight.astype(float)), bias, (len(node.weight),))
    if kind == "Scale":
        scale = np.ravel(node.scale).astype(float)
        if scale.size != 1:
            _fit(where, scale.size, n)
        return Map(sparse.csr_array(sparse.diags_array(scale * np.ones(n))), np.zeros(n), given)
    if kind == "Flatten":
        return Map(sparse.csr_array(sparse.eye_array(n)), np.zeros(n), (n,))
    if kind.startswith("Conv"):
        return _convolution(where, node, given)
    return _pool(where, node, given, 1.0 if kind == "SumPool2d" else None)


def _fit(where: str, inputs: int, n: int) -> None:
    if inputs != n:
        raise InputError(f"{where} has {inputs} inputs, what feeds it {n} outputs")


def _convolution(where: str, node: Any, given: Shape) -> Map:
    """Cross-correlation over one or two axes, as torch has it."""
    axes = node.weight.ndim - 2
    outputs, per_group = node.weight.shape[:2]
    groups = int(np.ravel(node.groups)[0])
    image = given[-axes:]
    inputs = math.prod(given) // max(math.prod(image), 1)
    _fit(where, per_group * groups * math.prod(image), math.prod(given))
    if groups < 1 or inputs % groups or outputs % groups:
        raise InputError(
            f"{where}: {groups} groups do not divide {inputs} inputs, {outputs} outputs"
        )
    kernel = node.weight.shape[2:]
    settings = _settings(where, node, axes, kernel)
    window = _Window(where, image, kernel, *settings, times=per_group * outputs)
    rows, columns, weights = [], [], []
    for channel in range(outputs):
        group = channel // (outputs // groups)
        for k in range(per_group):
            rows.append(window.output + channel * window.n_outputs)
            columns.append(window.input + (group * per_group + k) * math.prod(image))
            weights.append(np.ravel(node.weight[channel, k]).astype(float)[window.cell])
    matrix = _matrix(rows, columns, weights, (outputs * window.n_outputs, math.prod(given)))
    bias = np.repeat(np.ravel(node.bias).astype(float) * np.ones(outputs), window.n_outputs)
    return Map(matrix, bias, (outputs, *window.shape))


def _pool(where: str, node: Any, given: Shape, weight: float | None) -> Map:
    """Sum of a window, or (weight None) its mean, the padding counted as torch does."""
    if len(given) < 2:
        raise InputError(f"{where} needs an input of two dimensions, it has shape {given}")
    image = given[-2:]
    channels = math.prod(given) // math.prod(image)
    kernel = _pair(node.kernel_size, 2)
    stride, padding = _pair(node.stride, 2), _both(_pair(node.padding, 2))
    window = _Window(where, image, kernel, stride, padding, (1, 1), times=channels)
    each = 1 / math.prod(kernel) if weight is None else weight
    rows = [window.output + c * window.n_outputs for c in range(channels)]
    columns = [window.input + c * math.prod(image) for c in range(channels)]
    weights: list[Array] = [np.full(window.pairs, each)] * channels
    matrix = _matrix(rows, columns, weights, (channels * window.n_outputs, math.prod(given)))
    return Map(matrix, np.zeros(matrix.shape[0]), (*given[:-2], *window.shape))


def _matrix(
    rows: list[Array], columns: list[Array], weights: list[Array], shape: tuple[int, int]
) -> sparse.csr_array:
    parts = (np.concatenate(part or [np.empty(0)]) for part in (rows, columns, weights))
    row, column, weight = parts
    index = (row.astype(np.int64), column.astype(np.int64))
    return sparse.csr_array(sparse.coo_array((weight, index), shape=shape))


def _settings(where: str, node: Any, axes: int, kernel: Shape) -> tuple[Any, Any, Any]:
    """Stride, padding (before, after) of each axis, dilation."""
    stride, dilation = _pair(node.stride, axes), _pair(node.dilation, axes)
    if isinstance(node.padding, (str, bytes)):
        text = node.padding.decode() if isinstance(node.padding, bytes) else node.padding
        if text == "valid":
            return stride, ((0, 0),) * axes, dilation
        if any(s != 1 for s in stride):
            raise InputError(f"{where}: padding 'same' with a stride of {stride}")
        spread = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        return stride, tuple((s // 2, s - s // 2) for s in spread), dilation
    return stride, _both(_pair(node.padding, axes)), dilation


def _both(padding: Shape) -> tuple[tuple[int, int], ...]:
    return tuple((p, p) for p in padding)


def _pair(value: Any, axes: int) -> Shape:
    numbers = np.ravel(value)
    return tuple(int(x) for x in (np.repeat(numbers, axes) if numbers.size == 1 else numbers))


class _Window:
    """Which cell of an image a window's cell meets, for every place of the window."""

    def __init__(
        self, where: str, image: Shape, kernel: Shape, stride: Shape,
        padding: tuple[tuple[int, int], ...], dilation: Shape, *, times: int,
    ) -> None:  # fmt: skip
        if min(*stride, *dilation, *kernel) < 1:
            raise InputError(f"{where}: its stride, dilation and kernel must be 1 or more")
        sizes = [
            (n + before + after - d * (k - 1) - 1) // s + 1
            for n, k, s, (before, after), d in zip(
                image, kernel, stride, padding, dilation, strict=True
            )
        ]
        if min(sizes) < 1:
            raise InputError(f"{where}: a window of {kernel} does not fit an image of {image}")
        self.shape = tuple(sizes)
        self.n_outputs = math.prod(sizes)
        size = self.n_outputs * math.prod(kernel) * times
        if size > MOST_SYNAPSES:
            raise InputError(
                f"{where} written out has {size:,} synapses, the most is {MOST_SYNAPSES:,}"
            )
        places = np.stack(np.unravel_index(np.arange(self.n_outputs), self.shape), axis=1)
        cells = np.stack(np.unravel_index(np.arange(math.prod(kernel)), kernel), axis=1)
        before = np.array([first for first, _ in padding])
        met = (
            places[:, None] * np.array(stride) + cells[None] * np.array(dilation) - before
        )  # (places, cells, axes)
        inside = ((met >= 0) & (met < np.array(image))).all(axis=2)
        self.output, self.cell = np.nonzero(inside)
        self.input = np.ravel_multi_index(tuple(met[inside].T), image)
        self.pairs = len(self.output)
