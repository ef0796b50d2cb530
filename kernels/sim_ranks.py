"""Spikes on their way between the ranks of a network, and the history that all of them give.

A message has the spikes of some steps: how many there are in each, and then the rows of synapses,
as the receiver numbers them, that they go through.
"""

from typing import Any

import numpy.typing as npt

from spiking_bimt.kernels.shared_vector import entry
from spiking_bimt.kernels.sim_renumber import ascend
from spiking_bimt.kernels.sim_team import begin_rows
from spiking_bimt.kernels.sim_trials import grown

Array = npt.NDArray[Any]


@entry
def write_messages(
    spikes: Array, first: Array, row: int, steps: int, indptr: Array, receivers: Array,
    rows: Array, starts: Array, box: Array, lengths: Array,
) -> None:  # fmt: skip
    """Write the spikes of rows `row`.. of the history for every receiver that has targets of them.

    Neuron j goes to receivers[t] as rows[t], t in indptr[j]..indptr[j + 1]. The message of receiver
    r begins at box[starts[r]] and gets lengths[r] numbers.
    """
    for r in range(lengths.size):
        box[starts[r] : starts[r] + steps] = 0
        lengths[r] = steps
    for i in range(steps):
        for s in range(first[row + i], first[row + i + 1]):
            j = spikes[s]
            for t in range(indptr[j], indptr[j + 1]):
                r = receivers[t]
                box[starts[r] + lengths[r]] = rows[t]
                lengths[r] += 1
                box[starts[r] + i] += 1


@entry
def read_messages(
    box: Array, starts: Array, steps: int, spikes: Array, cursors: Array, first: Array, row: int,
    indptr: Array, present: Array,
) -> tuple[Array, Array]:  # fmt: skip
    """Put what the messages say in the place of rows `row`.. of the history, ascending.

    starts: first number of each message in `box`. indptr: of the rows of synapses, where each has
    its delays. present: a word for each 64 of these rows, all 0. Returns history and cursors.
    """
    read = starts + steps
    for i in range(steps):
        low = first[row + i]
        high = low
        for m in range(starts.size):
            n = int(box[starts[m] + i])
            spikes = grown(spikes, high, n)
            for s in range(n):
                spikes[high + s] = box[read[m] + s]
            read[m] += n
            high += n
        first[row + i + 1] = high
        ascend(spikes, low, high, present)
        cursors = begin_rows(spikes, cursors, low, high, indptr)
    return spikes, cursors
