"""The penalties of a training: how strongly each weight is drawn to 0.

A penalty is a function of PENALTIES. It adds its part to the strength of every weight, by which the
optimiser's proximal step shrinks it, or to the strength of groups of weights, which shrink as one.
Its settings are fields of `Phase`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spiking_bimt.training import cores
from spiking_bimt.training.bimt import Doubles
from spiking_bimt.training.config import TrainConfig
from spiking_bimt.training.function import clusters_apart
from spiking_bimt.training.parameters import Parameters
from spiking_bimt.training.phase import Phase
from spiking_bimt.training.state import State

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Setting:
    """What the strengths of a phase depend on, besides the state."""

    config: TrainConfig
    phase: Phase
    before: Phase | None
    """The phase before, at whose strengths a ramp begins."""
    distances: Doubles
    """(places, places) distances between the places of the sheet, grid spacings."""
    cost: cores.Cost | None
    """Cost of axons on the chip, in a phase that trains against it."""


@dataclass
class Strengths:
    """Strength of the penalty on each weight and each group, to which penalties add."""

    weights: Parameters
    groups: tuple[Floats, Floats] | None = None
    """(K, n) and (K, C) strength on each group of recurrent and of input weights, if any: a group
    is the weights of one source onto the units of one core."""


def compute_strengths(setting: Setting, state: State, step: int) -> Strengths:
    """The strengths of all penalties at a step of the phase, with the units where they are now."""
    found = Strengths(state.p.zeros_like())
    for penalty in PENALTIES:
        penalty(setting, state, step, found)
    return found


def add_l1_and_wiring(setting: Setting, state: State, step: int, to: Strengths) -> None:
    """l1 (1 + A d_ij) between hidden units, l1 * l1_ends on input and readout weights."""
    phase = setting.phase
    l1 = phase.l1_at(step, setting.before.l1 if setting.before else 0.0)
    places = state.place[state.units]
    d = setting.distances[np.ix_(places, places)].astype(np.float32)
    to.weights.w_rec += l1 * (1 + phase.distance * d)
    to.weights.w_in += l1 * phase.l1_ends
    to.weights.w_out += l1 * phase.l1_ends


def add_unlike(setting: Setting, state: State, step: int, to: Strengths) -> None:
    """l1 B between units of different functional clusters (`training.function`)."""
    phase = setting.phase
    if not phase.unlike:
        return
    l1 = phase.l1_at(step, setting.before.l1 if setting.before else 0.0)
    to.weights.w_rec += l1 * phase.unlike * clusters_apart(state.function, phase.clusters)


def add_packets(setting: Setting, state: State, step: int, to: Strengths) -> None:
    """What the axons of a weight cost on the chip (`training.cores`), as groups or by weight."""
    if setting.cost is None:
        return
    packet = setting.phase.packet_at(step, setting.before.packet if setting.before else 0.0)
    activity = state.activity / state.activity.mean()
    n_inputs = state.p.w_in.shape[1]
    prices = setting.cost.strength(state.core, activity, state.burden, n_inputs)
    recurrent, inputs = ((packet * price).astype(np.float32, order="C") for price in prices)
    if setting.cost.grouped:
        to.groups = recurrent, inputs
    else:
        to.weights.w_rec += recurrent[state.core]
        to.weights.w_in += inputs[state.core]


PENALTIES: tuple[Callable[[Setting, State, int, Strengths], None], ...] = (
    add_l1_and_wiring,
    add_unlike,
    add_packets,
)
"""Called in this order with the setting, the state, the step of the phase and what to add to."""
