"""How far ahead does a spiking network foresee a chaotic series, beside an LSTM?

    python benchmarks/mackey_glass.py [--quick] [--json FILE] [--repeats N]

NeuroBench's protocol for Mackey-Glass (Yik et al. 2025, doi:10.1038/s41467-025-56739-4): tau 17, 75
points a Lyapunov time of 197; a model learns the next value from 10 Lyapunov times (750 points) and
then goes on alone for 10 more, its own answers its only input; repeats begin half a Lyapunov time
apart, and every one learns anew. The figure is sMAPE over these 750 points. The series is made here
by scipy, by the method of steps, since NeuroBench's is a file; so its published figures (LSTM
13.37, echo state network 14.79) are of another stretch of the same system.

The LSTM is NeuroBench's: 40 cells that see the last 50 values, layer norm, 200 epochs of Adam. Ours
has 100 leaky ReLU units that see the last 10 values. Weights into and between them are drawn, with
most units at one delay; the readout is ridge regression. The draw and the ridge are chosen by how
the network goes on within the training points, and never by the test. Its spiking form is made by
`import` and `convert`, and its readout corrected by the spikes of the training points. It reads
spikes through two filters in a row, as the potential of a leaky neuron does behind its synapse.
"""

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from common.lstm import lstm_foresees, smape
from common.rows import Row, parser, show
from scipy.integrate import solve_ivp

import spiking_bimt as sb
from spiking_bimt.data import store

Array = npt.NDArray[Any]

DELAY, GROWTH, DECAY, POWER = 17.0, 0.2, 0.1, 10
"""Of dx/dt = GROWTH x(t - DELAY) / (1 + x(t - DELAY)^POWER) - DECAY x."""
PAST = 0.72066
"""x before the start, NeuroBench's for this delay."""
LYAPUNOV, POINTS = 197.0, 75
"""Lyapunov time, and points in it."""
SETTLING = POINTS
"""Points that are left out at the start."""
LENGTH = 10 * POINTS
"""Points to learn from, and points to foresee."""
UNITS, WINDOW = 100, 10
ALPHA, RADIUS, DENSITY = 0.95, 0.1, 0.05
"""Share of the new rate in a step; spectral radius and density of the recurrent weights."""
LEAST = 1e-3
"""Weight of a value that a unit does not look at, relative to its largest."""
DRAWS = 24
"""Networks among which each repeat chooses."""
STEP_MS, SUBSTEPS, FULL_RATE = 400.0, 1600, 2000.0
"""Of the spiking network: a step, simulation steps in it, spikes/s at a unit's largest drive."""
OUTPUT_STEPS = 0.2
"""Time constant in steps of each of the two filters of the spiking readout. One filter alone jumps
with each spike, so that the phase of the last spike is an error."""
RIDGES = tuple(10.0**k for k in range(-9, 0))
"""Ridges of the spiking readout; the last fifth of the training points chooses one."""
FIRST = 30
"""Points before the ridge regression begins, in which the window fills."""


def make_series(n_points: int) -> Array:
    """x at n_points points: in each stretch of one delay, the past is a known function."""
    step = LYAPUNOV / POINTS
    grid, found, begin, x = np.arange(n_points) * step, list[Array](), 0.0, PAST
    past: Any = lambda _t: PAST  # noqa: E731

    while begin <= grid[-1]:

        def slope(t: float, x: Array, past: Any = past) -> Any:
            late = past(t - DELAY)
            return GROWTH * late / (1 + late**POWER) - DECAY * x

        end = begin + DELAY
        solved = solve_ivp(slope, (begin, end), [x], "DOP853", rtol=1e-8, atol=1e-10,
                           dense_output=True)  # fmt: skip
        inside = grid[(grid >= begin) & (grid < end)]
        found.append(np.array([float(solved.sol(t)[0]) for t in inside]))
        past = lambda t, own=solved.sol: float(own(t)[0])  # noqa: E731
        begin, x = end, float(solved.y[0, -1])
    return np.concatenate(found)


def windows(values: Array) -> Array:
    """(T, WINDOW) the last values at each point, the newest last; 0 before the first."""
    padded = np.append(np.zeros(WINDOW - 1), values)
    return np.lib.stride_tricks.sliding_window_view(padded, WINDOW).copy()


@dataclass(frozen=True)
class Net:
    """A rate network without its readout."""

    w_rec: Array
    w_in: Array
    b: Array

    def step(self, rates: Array, seen: Array) -> Array:
        drive = self.w_rec @ rates + self.w_in @ seen + self.b
        new: Array = (1 - ALPHA) * rates + ALPHA * np.maximum(drive, 0)
        return new

    def course(self, seen: Array) -> Array:
        """(T, UNITS) rates after each point."""
        rates: Array = np.zeros(UNITS)
        course = np.empty((len(seen), UNITS))
        for t, row in enumerate(seen):
            course[t] = rates = self.step(rates, row)
        return course


def draw(rng: np.random.Generator) -> Net:
    """Linear taps of every value, and units that look at one delay, most near the system's."""
    lag = np.arange(WINDOW)[::-1]
    w_in, b = np.zeros((UNITS, WINDOW)), np.zeros(UNITS)
    w_in[np.arange(WINDOW), np.arange(WINDOW)], b[:WINDOW] = 0.5, 2.0
    width = rng.uniform(0.4, 0.6)
    for unit in range(WINDOW, UNITS):
        near = rng.random() < 0.6
        centre = rng.normal(6.0, 0.8) if near else rng.uniform(-0.3, WINDOW - 0.7)
        seen = np.exp(-0.5 * ((lag - centre) / width) ** 2)
        seen[seen < LEAST * seen.max()] = 0
        sign = rng.choice([-1, 1])
        w_in[unit], b[unit] = sign * seen / seen.sum(), -sign * rng.uniform(-2.6, 1.8)
    w_rec = rng.normal(size=(UNITS, UNITS)) * (rng.random((UNITS, UNITS)) < DENSITY)
    return Net(w_rec * RADIUS / np.abs(np.linalg.eigvals(w_rec)).max(), w_in, b)


def ridge(rates: Array, targets: Array, strength: float) -> Array:
    """(UNITS + 1,) readout weights and bias."""
    known = np.hstack([rates, np.ones((len(rates), 1))])[FIRST:]
    square = known.T @ known + strength * len(known) * np.eye(known.shape[1])
    found: Array = np.linalg.solve(square, known.T @ targets[FIRST:])
    return found


def go_on(net: Net, readout: Array, rates: Array, seen: Array, n_points: int) -> Array:
    """The values that the network foresees from its own answers."""
    seen, out = seen.copy(), np.empty(n_points)
    for t in range(n_points):
        rates = net.step(rates, seen)
        out[t] = np.clip(readout[:-1] @ rates + readout[-1], -6, 6)
        seen = np.append(seen[1:], out[t])
    return out


def learn(values: Array, rng: np.random.Generator) -> tuple[Net, Array, Array]:
    """The chosen network, its readout, and its rates at the points that it learnt from."""
    best: tuple[float, Any] = np.inf, None
    seen = windows(values)
    for _ in range(DRAWS):
        net, strength = draw(rng), 10 ** rng.uniform(-9, -6)
        course = net.course(seen)
        errors = []
        for cut in (6 * POINTS, 7 * POINTS, 8 * POINTS):
            readout = ridge(course[: cut - 1], values[1:cut], strength)
            out = go_on(net, readout, course[cut - 2], seen[cut - 1], 2 * POINTS)
            errors.append(np.abs(out - values[cut : cut + 2 * POINTS]).mean())
        if np.mean(errors) < best[0]:
            best = float(np.mean(errors)), (net, strength, course)
    net, strength, course = best[1]
    return net, ridge(course[:-1], values[1:], strength), course


def to_spikes(net: Net, readout: Array, values: Array, folder: Path) -> sb.SpikingNetwork:
    """The spiking form, by the commands; values: the training points, standardised."""
    own = sb.RateNetwork.from_arrays(
        net.w_rec, net.w_in, readout[None, :-1], net.b, readout[-1:], alpha=ALPHA, dt=STEP_MS
    )
    own.save(folder / "net.npz")
    pieces = (LENGTH // 50, 50, -1)
    data = {
        "inputs": windows(values).reshape(pieces), "targets": np.roll(values, -1).reshape(pieces),
        "dt": STEP_MS,
    }  # fmt: skip
    sb.import_network(folder / "net.npz", folder / "run", kind="rate", data=data)
    sb.convert(folder / "run", dt=STEP_MS / SUBSTEPS, full_rate=FULL_RATE, bits=None)
    return store.load(folder / "run" / "network.h5", sb.SpikingNetwork)


class Spiking:
    """A spiking network that is run point by point, and its filtered spikes."""

    def __init__(self, network: sb.SpikingNetwork) -> None:
        n = network.n_neurons
        self.simulation = sb.Simulation(network, v_start=np.zeros(n), dtype=np.float64)
        channel = np.repeat(np.arange(network.n_inputs), np.diff(network.in_indptr))
        self.w_in = np.zeros((network.n_inputs, n))
        self.w_in[channel, network.in_indices] = network.in_weights
        self.current, self.trace = np.zeros((2, n))

    def step(self, seen: Array) -> Array:
        """(N,) filtered spikes after one more point, relative to those at the full rate.

        In each simulated step: current <- f current + spikes, trace <- f trace + (1 - f) current.
        """
        course = [self.simulation.step(seen @ self.w_in)]
        course += [self.simulation.step() for _ in range(SUBSTEPS - 1)]
        left = SUBSTEPS - np.repeat(np.arange(SUBSTEPS), [len(spikes) for spikes in course])
        f, neurons = np.exp(-1 / (OUTPUT_STEPS * SUBSTEPS)), np.concatenate(course)

        def sums(weights: Array) -> Array:
            return np.bincount(neurons, weights, len(self.trace))

        passed = SUBSTEPS * f**SUBSTEPS * self.current + sums(left * f ** (left - 1.0))
        self.trace = f**SUBSTEPS * self.trace + (1 - f) * passed
        self.current = f**SUBSTEPS * self.current + sums(f ** (left - 1.0))
        return self.trace / (FULL_RATE * OUTPUT_STEPS * STEP_MS / 1000)


def relearn(readout: Array, rates: Array, spikes: Array, targets: Array) -> Array:
    """The readout for filtered spikes: that of the rates (UNITS + 1,), and a correction by ridge.

    Of the strengths of RIDGES the one is taken that serves the last fifth best, when learnt from
    the points before it.
    """
    scale = (rates * spikes).sum(0) / np.maximum(np.square(spikes).sum(0), 1e-30)
    course, cut = spikes * scale, len(spikes) * 4 // 5
    left = targets - course @ readout[:-1] - readout[-1]

    def error(strength: float) -> float:
        found = ridge(course[:cut], left[:cut], strength)
        return float(np.square(course[cut:] @ found[:-1] + found[-1] - left[cut:]).mean())

    learnt = readout + ridge(course, left, min(RIDGES, key=error))
    return np.append(learnt[:-1] * scale, learnt[-1])


def go_on_in_spikes(
    network: sb.SpikingNetwork, readout: Array, rates: Array, values: Array, n_points: int
) -> Array:
    """As `go_on`, of the spiking network with its own readout.

    readout and rates: of the rate network, at the points that it learnt from.
    """
    seen, running = windows(values), Spiking(network)
    course = np.array([running.step(row) for row in seen[:-1]])
    readout = relearn(readout, rates[:-1], course, values[1:])
    row, out = seen[-1], np.empty(n_points)
    for t in range(n_points):
        out[t] = np.clip(readout[:-1] @ running.step(row) + readout[-1], -6, 6)
        row = np.append(row[1:], out[t])
    return out


def repeat(series: Array, number: int) -> dict[str, float]:
    """sMAPE of the three on one stretch of the series."""
    begin = SETTLING + number * POINTS // 2
    values = series[begin : begin + 2 * LENGTH]
    mean, scale = values[:LENGTH].mean(), values[:LENGTH].std()
    known = (values[:LENGTH] - mean) / scale
    net, readout, course = learn(known, np.random.default_rng(number))
    out = go_on(net, readout, course[-2], windows(known)[-1], LENGTH)
    with tempfile.TemporaryDirectory() as folder:
        network = to_spikes(net, readout, known, Path(folder))
    spiking = go_on_in_spikes(network, readout, course, known, LENGTH)
    wanted = values[LENGTH:]
    foreseen, parameters = lstm_foresees(values[:LENGTH], LENGTH, number)
    return {
        "rate": smape(wanted, mean + scale * out),
        "spiking": smape(wanted, mean + scale * spiking),
        "lstm": smape(wanted, foreseen),
        "lstm parameters": parameters,
        "parameters": UNITS * (UNITS + WINDOW + 2) + 1,
        "bytes": 4.0 * (UNITS * (UNITS + WINDOW + 2) + 1 + 4 * UNITS + WINDOW),
    }


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--repeats", type=int, help="stretches of the series; 10, quick 2")
    given: argparse.Namespace = options.parse_args()
    torch.set_num_threads(1)
    many = given.repeats or (2 if given.quick else 10)
    series = make_series(SETTLING + (many - 1) * POINTS // 2 + 2 * LENGTH)
    found = []
    for number in range(many):
        found.append(repeat(series, number))
        print(number, {key: round(value, 2) for key, value in found[-1].items()}, flush=True)
    mean = {key: float(np.mean([one[key] for one in found])) for key in found[0]}
    note = f"mean of {many} stretches; LSTM of {mean['lstm parameters']:,.0f} parameters"
    rate, spiking, lstm = mean["rate"], mean["spiking"], mean["lstm"]
    rows = [
        Row("sMAPE, rate network, LSTM", rate, lstm, lstm / rate, 1.0, rate <= lstm, "%", note),
        Row("sMAPE, rate network", rate, 15.0, 15 / rate, 1.0, rate <= 15, "%", "at most 15"),
        Row("sMAPE, spiking, rate network", spiking, rate, rate / spiking, None,
            spiking <= rate + 1.5, "%", "at most 1.5 more"),
        Row("footprint, dense float32 and states", mean["bytes"], 1e5, 1e5 / mean["bytes"], 1.0,
            mean["bytes"] < 1e5, "bytes", f"{mean['parameters']:,.0f} parameters"),
    ]  # fmt: skip
    show("Mackey-Glass, 10 Lyapunov times foreseen", rows, given.json)


if __name__ == "__main__":
    main()
