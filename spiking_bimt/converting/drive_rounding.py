"""Rounding with the least change of the drives: weights that remain make up for each error.

With C the second moments of the inputs of a neuron, rounding errors e of its weights change its
drive by e^T C e. The weights are rounded one after another, those with the most input first, and
each error is spread over the weights that remain so that the drive changes least:

    w_rest <- w_rest - (e_k / H_kk) H_k,rest,    H = C^-1 of the weights from k on

(Frantar et al. 2022, arXiv:2210.17323, after Hassibi and Stork 1992), for which one Cholesky factor
of C^-1 serves all k.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from spiking_bimt.converting.quantise import Rounding
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.data.trials import Trials
from spiking_bimt.simulation.rate import rate_steps

Doubles = npt.NDArray[np.float64]

RIDGE = 0.1
"""Added to the diagonal of the moments, as a share of its mean: the noise of spikes."""


def measure_moments(
    network: RateNetwork, trials: Trials, per_unit: npt.NDArray[np.floating]
) -> Doubles:
    """(N + C, N + C) second moments of the units' spikes per ms and the input channels.

    per_unit: (N,) spikes per ms of each unit at a rate of 1.
    """
    n, n_inputs = network.w_in.shape
    moments = np.zeros((n + n_inputs, n + n_inputs))
    for rows, rates, _ in rate_steps(network, trials):
        x = np.hstack([rates * per_unit, trials.inputs[rows]]).astype(np.float64)
        moments += x.T @ x
    return moments / len(trials.labels)


def round_for_drives(
    network: SpikingNetwork, rounding: Rounding, moments: Doubles
) -> SpikingNetwork:
    """`rounding.apply(network)`, with codes that are chosen for the drives and the outputs.

    moments: of `measure_moments`. The scales are those of the rounding.
    """
    scale, in_scale, out_scale = rounding.scales(network)
    narrow, wide = float(rounding.limit(rounding.bits)), float(rounding.limit(rounding.wide))
    n = network.n_neurons
    pre = np.repeat(np.arange(n), np.diff(network.indptr))
    channel = np.repeat(np.arange(network.n_inputs), np.diff(network.in_indptr))
    codes = np.zeros(len(network.indices), np.int16)
    in_codes = np.zeros(len(network.in_indices), np.int16)
    out_codes = np.zeros(network.w_out.shape, np.int16)
    for post in range(n):
        own = np.flatnonzero(network.indices == post)
        outer = np.flatnonzero(network.in_indices == post)
        parts = [len(own), len(outer)]
        found = _rounded(
            np.append(network.weights[own], network.in_weights[outer]),
            np.repeat([scale[post], in_scale[post]], parts),
            np.repeat([narrow, wide], parts),
            moments, np.append(pre[own], n + channel[outer]),
        )  # fmt: skip
        codes[own], in_codes[outer] = found[: len(own)], found[len(own) :]
    for row, step, out in zip(network.w_out, out_scale, out_codes, strict=True):
        read = np.flatnonzero(row)
        every = np.ones(len(read))
        out[read] = _rounded(row[read], step * every, wide * every, moments, read)
    coded = rounding.apply(network)
    return replace(coded, codes=codes, in_codes=in_codes, out_codes=out_codes)


def _rounded(
    weights: npt.NDArray[np.floating], steps: npt.NDArray[np.floating], limits: Doubles,
    moments: Doubles, source: npt.NDArray[np.int64],
) -> npt.NDArray[np.int16]:  # fmt: skip
    """(m,) codes of one neuron's weights, with the values of a code's step and the largest codes.

    source: (m,) place in `moments` of the input of each weight.
    """
    codes = np.zeros(len(source), np.int16)
    if not len(source):
        return codes
    order = np.argsort(-moments[source, source], kind="stable")
    step, at = steps[order].astype(np.float64), source[order]
    rest = weights[order] / step
    of_codes = moments[np.ix_(at, at)] * np.outer(step, step)
    ridge = RIDGE * float(np.diagonal(of_codes).mean()) or 1.0
    factor = np.linalg.cholesky(np.linalg.inv(of_codes + ridge * np.eye(len(at)))).T
    for k, place in enumerate(order):
        codes[place] = code = np.clip(np.rint(rest[k]), -limits[place], limits[place])
        rest[k:] -= (rest[k] - code) / factor[k, k] * factor[k, k:]
    return codes
