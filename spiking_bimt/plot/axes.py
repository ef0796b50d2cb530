"""The axes that a plot draws into, and what a reader of a page learns under the pointer."""

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ParamSpec
from weakref import WeakKeyDictionary, WeakSet

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.arguments import checked
from spiking_bimt.plot import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes as Axes
    from matplotlib.figure import Figure
else:

    class _OfMatplotlib(type):
        def __instancecheck__(cls, value: Any) -> bool:
            from matplotlib import axes

            return isinstance(value, axes.Axes)

    class Axes(metaclass=_OfMatplotlib):
        """matplotlib's Axes, which are loaded when an argument is compared with them."""


P = ParamSpec("P")

MOST_SPOTS = 3000
"""Spots of a figure, about 40 bytes each; axes with more keep none."""


@dataclass(frozen=True, eq=False)
class Spots:
    """Boxes in data coordinates of axes, and the text of each; a point is a box without size."""

    axes: Axes
    corners: npt.NDArray[np.float64]
    """(n, 4) left, right, lower and upper end."""
    texts: Sequence[str]


_MADE: WeakSet[Any] = WeakSet()
"""Axes that a plot made: what is drawn into them later has their style, too."""
_SPOTS: WeakKeyDictionary[Any, list[Spots]] = WeakKeyDictionary()
"""Spots of the figures that become pictures of a page."""


def plots(function: Callable[P, Axes]) -> Callable[P, Axes]:
    """Check the arguments of every call, and give new axes the style of all figures.

    Axes that the caller gives as `ax` keep the caller's style.
    """
    inner, signature = checked(function), inspect.signature(function)

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> Axes:
        try:
            given = signature.bind_partial(*args, **kwargs).arguments.get("ax")
        except TypeError:
            return inner(*args, **kwargs)  # names what does not fit
        if not (given is None or (isinstance(given, Axes) and given in _MADE)):
            return inner(*args, **kwargs)
        import matplotlib

        with matplotlib.rc_context(style.STYLE):
            axes = inner(*args, **kwargs)
            interactive = matplotlib.is_interactive()
        # A notebook makes matplotlib interactive at its first figure: that outlives the style.
        matplotlib.interactive(interactive)
        return axes

    return call


def axes_for(ax: Axes | None, width: float, height: float) -> Axes:
    """The axes given, or those of a new pyplot figure of width x height inches."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    made: Axes = plt.subplots(figsize=(width, height), layout="constrained")[1]
    _MADE.add(made)
    return made


def watch(figure: "Figure") -> list[Spots]:
    """The list that will hold the spots told of a figure's axes."""
    return _SPOTS.setdefault(figure, [])


def is_watched(axes: Axes) -> bool:
    """Whether the spots of these axes are kept: their texts need not be made otherwise."""
    return axes.figure in _SPOTS


def tell(
    axes: Axes, x: npt.ArrayLike, y: npt.ArrayLike, texts: Sequence[str],
    width: npt.ArrayLike = 0.0, height: npt.ArrayLike = 0.0,
) -> None:  # fmt: skip
    """Give n places (x, y) of axes a text each: boxes of width x height around these centres.

    Without a width or height they are points, and the nearest one is shown.
    """
    if not is_watched(axes) or len(texts) > MOST_SPOTS:
        return
    x, y, wide, tall = (
        np.broadcast_to(np.asarray(value, float), len(texts)) for value in (x, y, width, height)
    )
    corners = np.stack([x - wide / 2, x + wide / 2, y - tall / 2, y + tall / 2], axis=1)
    _SPOTS[axes.figure].append(Spots(axes, corners, texts))
