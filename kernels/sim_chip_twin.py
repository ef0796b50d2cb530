"""The slow NumPy twin of `sim_chip`, written from the rules of `ChipNeuron`."""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def remaining(value: Array, kind: str, amount: Array, bits: int) -> Array:
    """A state after its decay: by a factor of 2^bits, a shift, or a constant towards 0."""
    size, sign = np.abs(value), np.sign(value)
    if kind in ("exponential", "multiplicative"):
        return np.asarray(sign * (size * amount // 2**bits))
    if kind == "shift":
        floored = np.floor_divide(value, 2**amount)
        return np.asarray(value - np.where(floored == 0, sign, floored))
    if kind == "towards-zero":
        return np.asarray(sign * np.maximum(size - amount, 0))
    return value


def simulate(
    drive: Array,
    events: Array,
    *,
    pre: Array,
    post: Array,
    weights: Array,
    delays: Array,
    in_pre: Array,
    in_post: Array,
    in_weights: Array,
    rules: Any,
    decay_syn: Array,
    decay_mem: Array,
    v_min: Array,
    v_th: Array,
    v_reset: Array,
    hold: Array,
    subtract: bool,
    summed: bool,
) -> tuple[Array, Array]:
    """(T, N) spikes of each step and membranes after it, int64.

    drive (T, N) constant and held input; events (T, C) spikes of the channels; synapse k goes from
    pre[k] to post[k] and takes delays[k] steps; rules: the `ChipNeuron`; summed: arrivals of a step
    are added up before they meet the width of a state, else one by one.
    """
    n_steps, n = drive.shape
    high = min(2 ** ((rules.state_bits or 30) - rules.state_signed), 2**29) - 1
    drive = np.clip(drive, 1 - 2**29, 2**29 - 1)
    low = -high - 1 if rules.state_signed else 0
    v: Array = np.zeros(n, np.int64)
    i: Array = np.zeros(n, np.int64)
    free_from = np.zeros(n, np.int64)
    spikes, trace = np.zeros((n_steps, n), np.int64), np.zeros((n_steps, n), np.int64)
    for t in range(n_steps):
        state = v if rules.current == "none" else i
        for k in range(len(in_pre)):
            for _ in range(events[t, in_pre[k]]):
                state[in_post[k]] = np.clip(state[in_post[k]] + in_weights[k], low, high)
        sums = np.zeros(n, np.int64)
        for k in range(len(pre)):
            sent = t - delays[k]
            for _ in range(spikes[sent, pre[k]] if sent >= 0 else 0):
                if summed:
                    sums[post[k]] += weights[k]
                else:
                    state[post[k]] = np.clip(state[post[k]] + weights[k], low, high)
        np.clip(state + sums, low, high, out=state)
        if rules.order[1] == "decay":
            i = remaining(i, rules.current, decay_syn, rules.current_decay_bits or 16)
        left = remaining(v, rules.leak, decay_mem, rules.leak_bits or 16)
        seen = i if rules.current != "none" else np.zeros(n, np.int64)
        if rules.leak == "shift":
            change = np.clip(np.clip(left - v + seen, low, high) + drive[t], low, high)
            moved = np.clip(v + change, low, high)
        else:
            moved = np.clip(left + seen + drive[t], low, high)
        held = free_from > t
        v = np.where(held, v, moved)
        if rules.floor == "reset":
            below = ~held & (v < v_min)
            v = np.where(below, v - v_min if subtract else -v_reset, v)
        else:
            v = np.maximum(v, v_min)
        for _ in range(rules.spikes_per_step):
            above = ~held & (v >= v_th)
            v = np.where(above, v - v_reset if subtract else v_reset, v)
            spikes[t] += above
        free_from[spikes[t] > 0] = t + 1 + hold[spikes[t] > 0]
        if rules.order[1] != "decay":
            i = remaining(i, rules.current, decay_syn, rules.current_decay_bits or 16)
        trace[t] = v
    return spikes, trace
