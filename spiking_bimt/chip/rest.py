"""Cores of a placed network that rest in a trial, and what a chip saves that does not update them.

A core is quiet in a trial in which none of its neurons spikes and no spike of another core comes
in, and asleep where no input channel is on besides that has a weight there. An event-driven chip
need not update a core that is asleep. It need not update a quiet one either if it is told, task by
task, which cores those are: its neurons spike in none of the trial's steps.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from spiking_bimt.data.chip import Placement
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.spikes import Recording
from spiking_bimt.data.trials import Trials

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Rest:
    """Which of the K cores in use rest in each of n trials."""

    quiet: Flags
    """(n, K) no spike, and none that comes in."""
    asleep: Flags | None
    """(n, K) quiet, and no input either; None where the input is not known trial by trial."""
    neurons: npt.NDArray[np.int64]
    """(K,) neurons on each core."""
    steps: npt.NDArray[np.int64]
    """(n,) simulated steps of each trial."""

    def updates(self, resting: Flags) -> int:
        """Updates of neurons on the cores that do not rest, over all steps of all trials."""
        return int(((~resting).astype(np.int64) @ self.neurons) @ self.steps)


def find_rest(
    network: SpikingNetwork, placement: Placement, recording: Recording, levels: Trials | None
) -> Rest:
    """The cores that rest in each trial of a recording; levels: the trials, if it was of trials."""
    used, home = np.unique(placement.core, return_inverse=True)
    n, k = network.n_neurons, len(used)
    onto = sparse.csr_array((np.ones(n), (np.arange(n), home)), shape=(n, k))
    spiking = (recording.spike_counts > 0).astype(np.float64)
    arriving = _reached(network.indptr, network.indices, onto)
    quiet = ((spiking @ onto) + (spiking @ arriving)) == 0
    asleep = None
    if levels is not None:
        on = np.logical_or.reduceat(levels.inputs != 0, levels.offsets[:-1]).astype(np.float64)
        asleep = quiet & (on @ _reached(network.in_indptr, network.in_indices, onto) == 0)
    return Rest(quiet, asleep, np.bincount(home, minlength=k), recording.lengths)


def _reached(
    indptr: npt.NDArray[np.int64], indices: npt.NDArray[np.int32], onto: sparse.csr_array
) -> sparse.csr_array:
    """(sources, K) synapses of each source on each core."""
    synapses = sparse.csr_array(
        (np.ones(len(indices)), indices, indptr), shape=(len(indptr) - 1, onto.shape[0])
    )
    return synapses @ onto
