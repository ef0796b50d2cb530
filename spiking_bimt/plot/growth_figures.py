"""Pictures of the sheet during training, in which modules can be seen to form."""

import io
from pathlib import Path

from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.plot.sheet_figures import wiring
from spiking_bimt.plot.style import STYLE


def frame(network: RateNetwork, title: str) -> bytes:
    """The units at their places and the recurrent weights between them, as a PNG image."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4.6, 5.0), dpi=100, layout="constrained")
        FigureCanvasAgg(figure)
        wiring(network, figure.add_subplot())
        figure.suptitle(title, fontsize=9)
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
