"""Pictures of spikes: each one over time, and how fast neurons fire."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from spiking_bimt.analysis.clusters import Clusters
from spiking_bimt.data import validate
from spiking_bimt.data.spikes import Recording
from spiking_bimt.errors import InputError
from spiking_bimt.plot import style
from spiking_bimt.plot.axes import MOST_SPOTS, Axes, axes_for, is_watched, plots, tell
from spiking_bimt.plot.units import labels_of, mark_clusters

Doubles = npt.NDArray[np.float64]

_SIZE = (9.0, 4.0)
"""Width and height of new axes, inches."""
_MOST_NEURONS = 4000
"""Neurons of a raster: more would have less than a pixel each."""
_MANY = 50_000
"""Spikes above which their marks become one image: as lines they make a file too large."""
_FEW = 40
"""Neurons whose rates are drawn one by one: a histogram of so few says little."""
_BINS = 200
"""Most bins of the rate over time."""


@plots
def raster(
    recording: Recording,
    ax: Axes | None = None,
    *,
    trial: int = 0,
    clusters: Clusters | npt.ArrayLike | None = None,
) -> Axes:
    """Each spike of a trial as a mark: time (ms) to the right, neurons upwards.

    Of more than 4000 neurons, one in so many is drawn that fewer remain. ax: axes to draw into, by
    default those of a new figure. clusters: functional cluster of each neuron, (N,) numbers from 0
    on or -1 for none: neurons then are sorted and coloured by it, the first cluster at the top.
    Returns the axes. Raises InputError for a recording without its spikes, a trial that it has not,
    or clusters of another number of neurons.
    """
    validate.index("raster: trial", trial, recording.n_trials)
    n, labels = recording.n_neurons, labels_of(clusters, recording.n_neurons, "raster")
    own = slice(recording.offsets[trial], recording.offsets[trial + 1])
    times, neurons = recording.times_ms[own], recording.neurons[own]
    kept = neurons % drawn_every(n) == 0
    times, neurons = times[kept], neurons[kept]
    axes = axes_for(ax, *_SIZE)
    start = recording.first_step * recording.dt
    length = max(recording.lengths[trial], 1) * recording.dt
    row, colours = np.arange(n), style.rgb([style.BLUE])
    if labels is not None:
        order = np.lexsort((np.arange(n), labels))
        row[order] = np.arange(n)
        known = range(-1, int(labels.max()) + 1)
        colours = style.rgb([style.cluster_colour(c) for c in known])[labels[neurons] + 1]
    height = 72 / axes.figure.dpi * axes.get_window_extent().height / n  # of a row, points
    axes.scatter(
        times, row[neurons], s=min(max(0.9 * height, 3.0), 12.0) ** 2, marker="|", linewidths=0.9,
        c=colours if len(times) else None, rasterized=is_watched(axes) or len(times) > _MANY,
    )  # fmt: skip
    axes.set(xlim=(start, start + length), ylim=(-0.5, n - 0.5), xlabel="time (ms)")
    if labels is None:
        axes.set_ylabel("neuron")
    else:
        axes.set(ylim=(n - 0.5, -0.5), ylabel="neurons, by cluster (number)")
        mark_clusters(axes, labels[order], style.LINE)
    axes.tick_params(axis="y", length=0)
    _tell_neurons(axes, recording, trial, row, labels)
    return axes


def drawn_every(n_neurons: int) -> int:
    """One in so many neurons is drawn in a raster."""
    return -(-n_neurons // _MOST_NEURONS)


def _tell_neurons(
    axes: Axes, recording: Recording, trial: int, row: npt.NDArray[np.int64],
    labels: npt.NDArray[np.int32] | None,
) -> None:  # fmt: skip
    n = recording.n_neurons
    if not is_watched(axes) or n > MOST_SPOTS:
        return
    seconds = max(recording.lengths[trial], 1) * recording.dt / 1000
    texts = []
    for neuron, many in enumerate(recording.spike_counts[trial].tolist()):
        of = "" if labels is None or labels[neuron] < 0 else f", cluster {labels[neuron] + 1}"
        rate = f"{many:,} spike{'' if many == 1 else 's'}, {many / seconds:.1f} Hz"
        texts.append(f"neuron {neuron}{of}: {rate}")
    left, right = axes.get_xlim()
    tell(axes, (left + right) / 2, row, texts, right - left, 1)


@plots
def rates(
    recording: Recording | npt.ArrayLike,
    ax: Axes | None = None,
    *,
    over: Literal["neurons", "time"] = "neurons",
    trial: int = 0,
) -> Axes:
    """How fast neurons fire, Hz: the mean rate of each, or that of all over the time of a trial.

    recording: a recording, or the (N,) mean rates of neurons, Hz. ax: axes to draw into, by default
    those of a new figure. over: "neurons" gives a bar for each of at most 40 neurons, and of more a
    histogram; "time" the mean of all neurons in bins of a trial. Returns the axes. Raises
    InputError where no step was simulated, and over time for rates alone, a recording without its
    spikes or a trial that it has not.
    """
    if over == "time":
        if not isinstance(recording, Recording):
            raise InputError("rates: over time needs a recording, and rates alone are given")
        validate.index("rates: trial", trial, recording.n_trials)
        return _over_time(recording, trial, axes_for(ax, 9.0, 2.4))
    given = recording.rates_hz if isinstance(recording, Recording) else recording
    rates_hz = validate.array("rates", "recording", given, (None,), np.float64)
    if not len(rates_hz) or np.isnan(rates_hz).any():
        raise InputError("rates: there is no neuron, or no step was simulated")
    axes = axes_for(ax, 9.0, 2.8)
    mean = float(rates_hz.mean())
    if len(rates_hz) <= _FEW:
        neurons = np.arange(len(rates_hz))
        axes.bar(neurons, rates_hz, color=style.BLUE, width=0.8)
        texts = [f"neuron {k}: {rate:.1f} Hz" for k, rate in enumerate(rates_hz)]
        tell(axes, neurons, rates_hz / 2, texts, 0.8, rates_hz)
        axes.axhline(mean, color=style.VERMILLION, lw=1.6, label=f"mean {mean:.1f} Hz")
        axes.set(xlim=(-0.6, len(rates_hz) - 0.4), xlabel="neuron", ylabel="mean spike rate (Hz)")
        axes.set_xticks(neurons if len(neurons) <= 20 else neurons[::5])
    else:
        counts, edges = np.histogram(rates_hz, 60, (0, max(float(rates_hz.max()), 1e-9)))
        width = float(edges[1])
        axes.bar(edges[:-1] + width / 2, counts, width=0.92 * width, color=style.BLUE)
        texts = [
            f"{low:.3g} to {low + width:.3g} Hz: {many:,} neurons"
            for low, many in zip(edges, counts, strict=False)
        ]
        tell(axes, edges[:-1] + width / 2, counts / 2, texts, width, counts)
        axes.axvline(mean, color=style.VERMILLION, lw=1.6, label=f"mean {mean:.1f} Hz")
        axes.set(xlim=(0, None), xlabel="mean spike rate of a neuron (Hz)", ylabel="neurons")
    axes.grid(axis="y")
    axes.legend(loc="upper right")
    return axes


def _over_time(recording: Recording, trial: int, axes: Axes) -> Axes:
    own = slice(recording.offsets[trial], recording.offsets[trial + 1])
    times = recording.times_ms[own]
    start = recording.first_step * recording.dt
    steps = max(int(recording.lengths[trial]), 1)
    many = min(_BINS, max(len(times) // 4, 10), steps)
    # A spike of step n is at the end of it, and so belongs to the bin that ends there.
    bins = start + np.linspace(0, steps * recording.dt, many + 1)
    counts = np.histogram(times - recording.dt / 2, bins)[0]
    rate = counts / recording.n_neurons / np.diff(bins) * 1000
    axes.stairs(rate, bins, color=style.VERMILLION, fill=True, alpha=0.8)
    top = 1.05 * float(rate.max(initial=0)) or 1.0
    axes.set(xlim=(bins[0], bins[-1]), ylim=(0, top), xlabel="time (ms)", ylabel="rate (Hz)")
    axes.grid(axis="y")
    middle = (bins[1:] + bins[:-1]) / 2
    texts = [f"{t:,.6g} ms: {value:.1f} Hz" for t, value in zip(middle, rate, strict=True)]
    tell(axes, middle, top / 2, texts, float(bins[1] - bins[0]), top)
    return axes
