"""What of a network a chip cannot compute, each with the key that says so."""

import numpy as np
import numpy.typing as npt

from spiking_bimt.chip.neuron_rules import NEURON_RULES, Asked
from spiking_bimt.chip.synapse_rules import SYNAPSE_RULES
from spiking_bimt.data.chip import Chip, Placement
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError


def spiking_sources(network: SpikingNetwork) -> npt.NDArray[np.bool_]:
    """(N,) neurons that turn held input into spikes: channels drive them, and no neuron does.

    What they send is the network's input on a chip that takes spikes.
    """
    n = network.n_neurons
    driven = np.bincount(network.in_indices, minlength=n) > 0
    received = np.bincount(network.indices, minlength=n) > 0
    return np.asarray(driven & ~received)


def cannot_compute(
    network: SpikingNetwork, chip: Chip, placement: Placement | None = None
) -> list[str]:
    """Everything that the chip cannot compute of a network, in words, each with its key.

    Empty where it can, and for a chip whose file declares no neuron. Weights are checked where they
    are integers. Settings that a core's neurons share are checked on a placement; without one, as
    if its neurons filled the fewest cores.
    """
    if chip.neuron is None or chip.synapse is None:
        return []
    core = None if placement is None else placement.core
    asked = Asked(network, ~spiking_sources(network), chip.neuron, chip.synapse, core,
                   chip.neurons_per_core)  # fmt: skip
    return [reason for rule in (*NEURON_RULES, *SYNAPSE_RULES) for reason in rule(asked)]


def refuse(
    network: SpikingNetwork, chip: Chip, placement: Placement | None = None, *, allow: bool = False
) -> list[str]:
    """What the chip cannot compute; InputError that lists all of it unless `allow`."""
    found = cannot_compute(network, chip, placement)
    if found and not allow:
        raise InputError(
            f"{chip.name} cannot compute this network ({len(found)} reasons): {'; '.join(found)}. "
            "Give `traffic_only=True` to count its packets all the same"
        )
    return found
