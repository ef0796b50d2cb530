"""Pictures of the sheet during training, in which modules can be seen to form."""

import io
from pathlib import Path

import numpy as np

from spiking_bimt.analysis.wiring import CONNECTED
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.plot import style

MOST_LINES = 6000
"""Weights that are drawn, the strongest ones: more lines would cover one another."""


def frame(network: RateNetwork, title: str) -> bytes:
    """The units at their places and the recurrent weights between them, as a PNG image."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure

    post, pre = np.nonzero(np.abs(network.w_rec) > CONNECTED)
    weights = network.w_rec[post, pre]
    order = np.argsort(np.abs(weights), kind="stable")[-MOST_LINES:]
    post, pre, weights = post[order], pre[order], weights[order]
    full = float(np.percentile(np.abs(weights), 99)) if len(weights) else 1.0
    strength = np.clip(np.abs(weights) / full, 0, 1)
    figure = Figure(figsize=(4.6, 4.9), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    style.sheet_axes(axes, network.sheet)
    xy = network.positions[:, ::-1].astype(float)
    signs = style.rgb([style.VERMILLION, style.BLUE])[(weights > 0).astype(int)]
    lines = np.stack([xy[pre], xy[post]], axis=1)
    colours = np.column_stack([signs, 0.03 + 0.7 * strength**1.5])
    axes.add_collection(LineCollection(list(lines), colors=colours, linewidths=0.2 + strength))
    axes.scatter(xy[:, 0], xy[:, 1], s=9, color=style.INK, zorder=3)
    axes.set_title(title, fontsize=9)
    image = io.BytesIO()
    figure.savefig(image, format="png", metadata={"Software": "spiking_bimt"})
    return image.getvalue()


def animate(frames: list[Path], milliseconds: int = 120) -> bytes:
    """An endless animated GIF of equally large PNG files."""
    from PIL import Image

    images = [Image.open(path).convert("P", palette=Image.Palette.ADAPTIVE) for path in frames]
    animation = io.BytesIO()
    images[0].save(
        animation, format="GIF", save_all=True, append_images=images[1:], duration=milliseconds,
        loop=0, comment=b"spiking_bimt",
    )  # fmt: skip
    return animation.getvalue()
