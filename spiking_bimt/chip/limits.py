"""What a placement uses of every core, and what a core allows."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from spiking_bimt.chip.graph import AxonGraph, destinations
from spiking_bimt.data.chip import Chip, Placement
from spiking_bimt.errors import CodesError, InputError

Ints = npt.NDArray[np.int64]

LIMITS = {
    "neurons_per_core": "neurons",
    "input_axons": "input axons",
    "output_axons": "output axons",
    "synapse_bits": "bits of synapse memory",
    "destinations": "destination cores of one neuron",
}
"""Fields of `Chip` that limit a core, in the order of `Usage`, and how messages call them."""
UNLIMITED = 2**62
"""A limit that nothing reaches."""


class MemoryFormula(NamedTuple):
    """Memory of one axon with n synapses: blocks of up to `block` synapses, each of
    ceil((n word + overhead) / unit) unit bits."""

    word: int
    """Bits of one synapse."""
    block: int
    overhead: int
    """Bits of a block beside its synapses."""
    unit: int


@dataclass(frozen=True)
class Usage:
    """What each core uses; every field is (n_cores,)."""

    neurons_per_core: Ints
    input_axons: Ints
    """Distinct sources, neurons of any core and input channels, that drive the core."""
    output_axons: Ints
    """Packets that one spike of each of its neurons costs (see `Chip.output_axons`)."""
    synapse_bits: Ints
    destinations: Ints
    """Most cores that one of its neurons sends packets to."""


def memory_formula(chip: Chip, graph: AxonGraph) -> MemoryFormula:
    """The chip's synapse memory formula for this network's delays.

    "loihi-blocks" is SynapseConfig.bits_per_axon of nengo-loihi (block.py, commit e564f66) with
    sparse compression and 64 synapses a block: weight, delay and index bits per synapse, no tag
    bits (they serve learning), 10 bits a block, rounded up to 64. Assumed: index bits for a full
    core (6 or more), delay bits for the longest delay, of which the first step is free. Where
    signs are held apart an axon has two lists on a core; for any split of its synapses they take no
    more than one whose blocks have both lists' overhead and the rest of a unit between them.
    """
    if chip.synapse_formula == "flat":
        return MemoryFormula(chip.weight_bits, UNLIMITED, 0, 1)
    index_bits = max(6, (chip.neurons_per_core - 1).bit_length())
    delay_bits = (max(graph.longest_delay, 1) - 1).bit_length()
    overhead = 2 * 10 + 63 if graph.split_signs else 10
    return MemoryFormula(chip.weight_bits + delay_bits + index_bits, 64, overhead, 64)


def axon_bits(n: Ints, formula: MemoryFormula) -> Ints:
    """Memory of axons with n >= 0 synapses each, bits."""

    def block_bits(synapses: Ints) -> Ints:
        used = synapses * formula.word + formula.overhead
        return np.where(synapses > 0, -(-used // formula.unit) * formula.unit, 0)

    full, rest = np.divmod(n, formula.block)
    if full.any():
        return full * block_bits(np.full_like(n, formula.block)) + block_bits(rest)
    return block_bits(rest)


def allowed(chip: Chip) -> Ints:
    """(5,) the limits of a core in the order of `LIMITS`; a huge number where there is none."""
    values = [getattr(chip, field) for field in LIMITS]
    return np.array([UNLIMITED if v is None else v for v in values], np.int64)


def usage(chip: Chip, graph: AxonGraph, core: npt.NDArray[np.int32]) -> Usage:
    """What each core uses when neuron i sits on core[i]."""
    k, n = chip.n_cores, graph.n_neurons
    indptr, cores, synapses = destinations(graph, core, k)
    bits = axon_bits(synapses, memory_formula(chip, graph))
    by_neuron = slice(0, int(indptr[n]))
    sender = np.repeat(np.arange(n), np.diff(indptr[: n + 1]))
    costs_packet = np.ones(len(sender), bool)
    if not chip.local_packets:
        costs_packet = cores[by_neuron] != core[sender]
    senders = sender[costs_packet]
    reached = np.zeros(k, np.int64)
    np.maximum.at(reached, core, np.bincount(senders, minlength=n))
    if chip.routing == "multicast":
        senders = np.unique(senders)
    return Usage(
        neurons_per_core=np.bincount(core, minlength=k),
        input_axons=np.bincount(cores, minlength=k),
        output_axons=np.bincount(core[senders], minlength=k),
        # bincount's weights are float64: exact, as no core's memory nears 2^53 bits.
        synapse_bits=np.bincount(cores, weights=bits, minlength=k).astype(np.int64),
        destinations=reached,
    )


def refuse_weights(chip: Chip, bits: int | None, split_signs: bool) -> None:
    """Raise InputError where weights are too wide, or their signs apart and the chip's are not."""
    if bits is not None and bits > chip.weight_bits:
        raise CodesError(
            f"the network has {bits}-bit weights, {chip.name} holds {chip.weight_bits}",
            chip.weight_bits,
        )
    if split_signs and not chip.split_signs:
        raise InputError(
            f"the network's synapses of either sign lie apart, which {chip.name} cannot hold: "
            "convert with `signs=mixed`"
        )


def refuse_hopeless(chip: Chip, graph: AxonGraph) -> None:
    """Raise InputError where no grid of such cores can hold the network: weights too wide, or a
    neuron whose own fan-in or fan-out exceeds a core."""
    refuse_weights(chip, graph.weight_bits, graph.split_signs)
    fan_in = np.diff(graph.pre_indptr)
    one = axon_bits(np.ones(1, np.int64), memory_formula(chip, graph))[0]
    most = chip.synapses_per_neuron
    if most is not None and fan_in.max() > most:
        raise InputError(
            f"neuron {int(fan_in.argmax())} has {fan_in.max()} synapses, {chip.name} allows {most} "
            f"({fan_in.max() - most} too many; {np.count_nonzero(fan_in > most)} neurons have "
            "too many): prune the network, or use a chip with more"
        )
    packets = _fewest_packets(chip, graph)
    sent = packets if chip.routing == "unicast" else np.minimum(packets, 1)
    for field, used, by in (
        ("input_axons", fan_in, ""), ("synapse_bits", fan_in * one, ""),
        ("destinations", packets, "at least "), ("output_axons", sent, "at least "),
    ):  # fmt: skip
        limit = getattr(chip, field)
        if limit is not None and used.max() > limit:
            neuron, of = int(used.argmax()), "core" if field != "destinations" else "neuron"
            raise InputError(
                f"neuron {neuron} alone needs {by}{used[neuron]} {LIMITS[field]}, a {of} of "
                f"{chip.name} has {limit} ({used[neuron] - limit} too many): prune the network, "
                "or use a chip with more"
            )


def _fewest_packets(chip: Chip, graph: AxonGraph) -> Ints:
    """(N,) cores that each neuron must send packets to, wherever its targets sit."""
    n = graph.n_neurons
    least_bits = np.sort(np.diff(graph.pre_indptr)) * _cheapest_synapse(chip, graph)
    room = chip.neurons_per_core
    if chip.synapse_bits is not None:
        room = int(np.clip((np.cumsum(least_bits) <= chip.synapse_bits).sum(), 1, room))
    away = np.diff(graph.indptr[: n + 1])
    if not chip.local_packets:
        source = np.repeat(np.arange(n), away)
        itself = graph.targets[: len(source)] == source
        itself = np.bincount(source[itself], minlength=n)
        away = np.maximum(away - np.minimum(away, room - 1 + itself), 0)
    return -(-away // room)


def _cheapest_synapse(chip: Chip, graph: AxonGraph) -> float:
    """Bits that a synapse takes at least: however an axon's synapses are split, each takes the
    cheapest share of a core's."""
    most = min(int(np.diff(graph.indptr).max(initial=1)), chip.neurons_per_core)
    sizes = np.arange(1, max(most, 1) + 1)
    return float((axon_bits(sizes, memory_formula(chip, graph)) / sizes).min())


def least_needs(chip: Chip, graph: AxonGraph) -> dict[str, int]:
    """What all cores together must hold at least in any legal placement, by limit."""
    fan_out = np.diff(graph.indptr)
    return {
        "neurons_per_core": graph.n_neurons,
        "input_axons": int((-(-fan_out // chip.neurons_per_core)).sum()),
        "synapse_bits": math.ceil(fan_out.sum() * _cheapest_synapse(chip, graph)),
    }


def least_cores(chip: Chip, graph: AxonGraph) -> int:
    """Cores that no legal placement does with fewer of, by neurons, axons and synapse memory."""
    limits = {field: getattr(chip, field) for field in LIMITS}
    needs = least_needs(chip, graph).items()
    return max(int(-(-need // limits[field])) for field, need in needs if limits[field])


def too_much(chip: Chip, graph: AxonGraph) -> str | None:
    """What the whole chip has too little of for any placement, in words; None where it may fit."""
    for field, need in least_needs(chip, graph).items():
        limit = getattr(chip, field)
        if limit is None or need <= chip.n_cores * limit:
            continue
        room = chip.n_cores * limit
        has = "has" if field == "neurons_per_core" else "needs at least"
        return (
            f"the network {has} {need} {LIMITS[field]}, {chip.name} holds {room} "
            f"({need - room} too many)"
        )
    return None


def refuse_small(chip: Chip, graph: AxonGraph) -> None:
    """Raise InputError where the chip has too few cores for any placement."""
    known = too_much(chip, graph)
    if known is not None:
        side = math.ceil(math.sqrt(math.ceil(least_cores(chip, graph) / chip.cores_per_tile)))
        raise InputError(f"{known}: prune it, or use a grid of at least {side} x {side} such tiles")


def worst_excess(chip: Chip, used: Usage) -> tuple[str, int, int, int] | None:
    """Limit, core, use and allowance of the largest relative excess; None where all hold."""
    worst: tuple[str, int, int, int] | None = None
    ratio = 1.0
    for field in LIMITS:
        limit, values = getattr(chip, field), getattr(used, field)
        if limit is not None and values.max() / limit > ratio:
            core = int(values.argmax())
            worst, ratio = (field, core, int(values[core]), limit), values.max() / limit
    return worst


def check(chip: Chip, graph: AxonGraph, placement: Placement) -> Usage:
    """What the placement uses; InputError names the limit that it breaks, the core, the excess."""
    refuse_hopeless(chip, graph)
    refuse_small(chip, graph)
    if placement.n_cores != chip.n_cores or len(placement.core) != graph.n_neurons:
        raise InputError(
            f"the placement is of {len(placement.core)} neurons on {placement.n_cores} cores, the "
            f"network has {graph.n_neurons} and {chip.name} {chip.n_cores}: place again"
        )
    used = usage(chip, graph, placement.core)
    worst = worst_excess(chip, used)
    if worst is not None:
        field, core, value, limit = worst
        raise InputError(
            f"core {core} takes {value} {LIMITS[field]}, {chip.name} allows {limit} "
            f"({value - limit} too many): place again, or use a chip with more"
        )
    if placement.slot.max() >= chip.neurons_per_core:
        neuron = int(placement.slot.argmax())
        raise InputError(
            f"neuron {neuron} sits in slot {placement.slot[neuron]} of core "
            f"{placement.core[neuron]}, {chip.name} has slots 0 to {chip.neurons_per_core - 1}: "
            "place again"
        )
    return used
