"""Studies of seconds: all that is measured, from few trials and few draws by chance."""

import functools

import pytest

from spiking_bimt.analysis import portrait
from spiking_bimt.analysis.clusters import isolated_null
from spiking_bimt.analysis.modularity import Effort
from spiking_bimt.analysis.spread import variance_null
from spiking_bimt.battery import draw
from spiking_bimt.chip.place import place
from spiking_bimt.studies import rate_on_chip


def measure_little(patch: pytest.MonkeyPatch) -> None:
    """Few test trials, shuffles, rewirings, lesions and proposals, until `patch` is undone."""
    patch.setattr(draw, "TEST_TRIALS", 10)
    patch.setattr(portrait, "VARIANCE_TRIALS", 10)
    patch.setattr(portrait, "ISOLATION_CLUSTERS", (5, 8))
    effort = Effort(trials=10, shuffles=20, rewirings=5, resolutions=(1.0,), lesions=2)
    patch.setattr(portrait, "EFFORT", effort)
    for name, null in (("isolated_null", isolated_null), ("variance_null", variance_null)):
        patch.setattr(portrait, name, functools.partial(null, shuffles=50))
    patch.setattr(rate_on_chip, "place", functools.partial(place, effort=0.1))
