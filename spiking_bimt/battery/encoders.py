"""Analogue channels as spikes, for chips and users that want events at the input.

An encoder takes levels (S, C) from 0 to 1 and gives the numbers of spikes that a network sees in
their place, (S * SUBSTEPS, C').

- rate: a channel fires at regular intervals, at most once a substep, as often as its level says.
  What a substep leaves over counts for the next one, so that no input is lost.
- latency: one spike a step, the earlier the higher the level; none for 0.
- delta: two channels for each, up and down, with a spike for each change by DELTA since the last
  spike (send on delta).
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.blocks import blocks, empty_like, groups, rows_of_part
from spiking_bimt.data.dataset import DataSet
from spiking_bimt.data.validate import hand_over
from spiking_bimt.errors import unknown_name

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]

SUBSTEPS = 4
"""Steps of the network for each step of the data."""
DELTA = 0.1
"""Change of a level that sends a spike."""
_ROUNDING = 1e-9
"""What a sum of levels may lack of a whole number that it would be without rounding."""


def encode_rate(levels: Array, offsets: Ints) -> Array:
    """(S * SUBSTEPS, C) spikes of accumulators that fire at 1; each sequence begins at 0."""
    total = np.cumsum(np.repeat(levels.astype(float), SUBSTEPS, axis=0), axis=0)
    starts, lengths = offsets[:-1] * SUBSTEPS, np.diff(offsets) * SUBSTEPS
    before = np.where(starts[:, None] > 0, total[starts - 1], 0.0)
    sent = np.floor(total - np.repeat(before, lengths, axis=0) + _ROUNDING)
    spikes: Array = np.diff(sent, axis=0, prepend=0)
    spikes[starts] = sent[starts]
    return spikes


def encode_latency(levels: Array, offsets: Ints) -> Array:
    """(S * SUBSTEPS, C) one spike in each step, at its begin for 1 and at its end near 0."""
    at = np.minimum(np.floor((1 - levels) * SUBSTEPS + _ROUNDING), SUBSTEPS - 1).astype(np.int64)
    spikes: Array = np.zeros((len(levels), SUBSTEPS, levels.shape[1]))
    rows, channels = np.nonzero(levels > 0)
    spikes[rows, at[rows, channels], channels] = 1
    return spikes.reshape(-1, levels.shape[1])


def encode_delta(levels: Array, offsets: Ints) -> Array:
    """(S * SUBSTEPS, 2 C) spikes up, then down, at the begin of each step; from a level of 0."""
    lengths = np.diff(offsets)
    order = np.argsort(-lengths, kind="stable")
    starts, lengths = offsets[:-1][order], lengths[order]
    sent = np.zeros((len(order), levels.shape[1]))
    spikes: Array = np.zeros((len(levels), SUBSTEPS, 2 * levels.shape[1]))
    for step in range(int(lengths[0])):
        live = int(np.searchsorted(-lengths, -step))
        rows = starts[:live] + step
        off = levels[rows] / DELTA - sent[:live]
        change = np.trunc(off + _ROUNDING * np.sign(off))
        sent[:live] += change
        spikes[rows, 0] = np.hstack([np.maximum(change, 0), np.maximum(-change, 0)])
    return spikes.reshape(-1, 2 * levels.shape[1])


ENCODERS: dict[str, Callable[[Array, Ints], Array]] = {
    "rate": encode_rate,
    "latency": encode_latency,
    "delta": encode_delta,
}
"""By the name that `train --encode` takes."""


def encode(data: DataSet, encoder: str) -> DataSet:
    """The data with spikes at their inputs; a step of theirs is SUBSTEPS of the network.

    A channel's levels go from its least to its largest value in the training sequences.
    """
    if encoder not in ENCODERS:
        raise unknown_name("encoder", encoder, ENCODERS)
    ranges = [
        (rows.min(axis=0), rows.max(axis=0))
        for rows in rows_of_part(data.inputs, data.offsets, data.split == 0)
        if len(rows)
    ]
    least = np.min([low for low, _ in ranges], axis=0)
    most = np.max([high for _, high in ranges], axis=0)
    channels = _names(encoder, data.channels)
    spikes = _encoded(data, encoder, least, most, len(channels))
    width = len(channels)

    def repeated(answers: Array | None) -> Array | None:
        if answers is None:
            return None
        made = empty_like(answers, (SUBSTEPS * len(answers), *answers.shape[1:]), answers.dtype)
        for part in blocks(answers):
            own = slice(SUBSTEPS * part.start, SUBSTEPS * part.stop)
            made[own] = np.repeat(answers[part], SUBSTEPS, axis=0)
        return hand_over(made)

    return replace(
        data,
        inputs=spikes,
        offsets=data.offsets * SUBSTEPS,
        labels=repeated(data.labels),
        targets=repeated(data.targets),
        channels=channels,
        mean=np.zeros(width, np.float32),
        scale=np.ones(width, np.float32),
        dt=data.dt / SUBSTEPS,
        substeps=SUBSTEPS,
    )


def _encoded(data: DataSet, encoder: str, least: Array, most: Array, width: int) -> Array:
    """(S * SUBSTEPS, width) spikes of whole sequences, some at a time."""
    spikes = empty_like(data.inputs, (SUBSTEPS * len(data.inputs), width), np.float32)
    # A channel that never changes has no range: it stays at 0.
    span = np.where(most > least, most - least, 1)
    for some in groups(data.offsets, data.inputs[:1].nbytes * SUBSTEPS):
        offsets = data.offsets[some.start : some.stop + 1]
        levels = np.clip((data.inputs[offsets[0] : offsets[-1]] - least) / span, 0, 1)
        own = slice(SUBSTEPS * offsets[0], SUBSTEPS * offsets[-1])
        spikes[own] = ENCODERS[encoder](levels, offsets - offsets[0])
    return hand_over(spikes)


def _names(encoder: str, channels: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the channels that an encoder makes."""
    if encoder != "delta":
        return channels
    return tuple(f"{name} {way}" for way in ("up", "down") for name in channels)
