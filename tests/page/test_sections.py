"""Charts that a network has no matter for are a line that says so."""

import numpy as np

from spiking_bimt import RateNetwork
from spiking_bimt.page import sections


def test_without_recurrent_weights_there_is_no_wiring_to_draw() -> None:
    weights, w_in, w_out = np.zeros((4, 4)), np.ones((4, 2)), np.ones((3, 4))
    bare = RateNetwork.from_arrays(weights, w_in, w_out, tau=100, dt=20, step="euler")
    assert sections._wiring(bare).hint == sections.UNCONNECTED
    weights[0, 1] = 0.5
    wired = RateNetwork.from_arrays(weights, w_in, w_out, tau=100, dt=20, step="euler")
    assert not sections._wiring(wired).hint
