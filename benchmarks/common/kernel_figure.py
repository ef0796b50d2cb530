"""Cost of event mode and clock mode against the rate, from rows of `kernels.py`."""

from pathlib import Path
from typing import TYPE_CHECKING

from common.rows import Row

from spiking_bimt.data import atomic
from spiking_bimt.plot import picture, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RATES = (0.01, 0.03, 0.1, 0.3, 1.0)  # Hz


def draw(rows: list[Row], path: Path) -> None:
    """CPU time of both modes."""
    from matplotlib.ticker import NullLocator

    by_name = {row.what: row for row in rows}
    found = [by_name[f"event mode, 1,000,000 at {hz} Hz, dt 0.1"] for hz in RATES]
    event = [1000 * (row.ours or 0.0) for row in found]
    clock = [1000 * (row.reference or 0.0) for row in found]

    def paint(figure: "Figure") -> None:
        axes = figure.subplots()
        axes.loglog(RATES, clock, "s-", color=style.ORANGE, label="clock mode")
        axes.loglog(RATES, event, "o-", color=style.BLUE, label="event mode")
        line = [event[0] * hz / RATES[0] for hz in RATES]
        axes.loglog(RATES, line, ":", color=style.MUTED, label="proportional to the rate")
        for axis, ticks in ((axes.xaxis, RATES), (axes.yaxis, (3, 10, 30, 100, 300))):
            axis.set_ticks(ticks)
            axis.set_major_formatter("{x:g}")
            axis.set_minor_locator(NullLocator())
        axes.set_xlabel("mean rate (Hz)")
        axes.set_ylabel("CPU time of 100 ms of 1,000,000 neurons (ms)")
        axes.legend(fontsize=8)

    drawn = picture.draw(5.5, 4.0, paint)
    with atomic.replacing(path) as file:
        file.write(drawn.svg)
