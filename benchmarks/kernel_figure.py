"""Cost of event mode and clock mode against the rate, from rows of `kernels.py`."""

import base64
from pathlib import Path
from typing import TYPE_CHECKING

from rows import Row

from spiking_bimt.data import atomic
from spiking_bimt.page import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RATES = (0.01, 0.03, 0.1, 0.3, 1.0)  # Hz


def draw(rows: list[Row], path: Path) -> None:
    """Seconds of both modes for 100 ms of 1,000,000 neurons."""
    by_name = {row.what: row for row in rows}
    found = [by_name[f"event mode, 1,000,000 at {hz} Hz, dt 0.1"] for hz in RATES]

    def paint(figure: "Figure") -> None:
        axes = figure.subplots()
        event, clock = [row.ours for row in found], [row.reference for row in found]
        axes.loglog(RATES, clock, "s-", color=style.ORANGE, label="clock mode")
        axes.loglog(RATES, event, "o-", color=style.BLUE, label="event mode")
        start = event[0] or 0.0
        line = [start * hz / RATES[0] for hz in RATES]
        axes.loglog(RATES, line, ":", color=style.LINE, label="proportional to the rate")
        axes.set_xlabel("mean rate (Hz)")
        axes.set_ylabel("CPU time of 100 ms, 1,000,000 neurons (s)")
        axes.legend(fontsize=8)

    image = style.draw(5.5, 4.0, paint)
    with atomic.replacing(path) as file:
        file.write(base64.b64decode(image.split(",", 1)[1]))
