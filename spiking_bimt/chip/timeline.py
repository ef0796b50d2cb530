"""What a placed network's spikes cost on the chip, step by step."""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from spiking_bimt.chip.energy import energies
from spiking_bimt.chip.graph import axon_graph, destinations
from spiking_bimt.chip.price import routes
from spiking_bimt.data import validate
from spiking_bimt.data.arguments import check_fields
from spiking_bimt.data.chip import Chip, Placement
from spiking_bimt.data.documented import documented
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.kernels import place_timeline

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@documented
@dataclass(frozen=True, eq=False)
class Timeline(validate.Record):
    """Traffic of every simulated step; all fields but `dt` are (T,)."""

    spikes: Counts
    """(T,) spikes in each step."""
    packets: Counts
    """(T,) packets in each step."""
    hops: Counts
    """Links crossed under the chip's routing."""
    busiest_load: Counts
    """Packets over the busiest link."""
    busiest_link: Counts
    """That link's place in a flattened `Traffic.link_load`; -1 where nothing is sent."""
    energy_pj: Floats | None
    """Energy of the step, pJ; None where unpublished."""
    time_ns: Floats | None
    """Time that the busiest core works, ns; None where latencies are unpublished."""
    dt: float
    """Simulation step, ms."""

    def __post_init__(self) -> None:
        check_fields(self)
        steps = np.size(self.spikes)
        kinds = {"energy_pj": np.float64, "time_ns": np.float64}
        validate.shapes(self, {
            field.name: ((steps,), kinds.get(field.name, np.int64))
            for field in fields(self) if field.name != "dt"
        })  # fmt: skip
        validate.positive("Timeline", "dt", self.dt)
        if steps and self.busiest_link.min() < -1:
            raise InputError("Timeline.busiest_link holds a place below -1")
        for name in ("spikes", "packets", "hops", "busiest_load"):
            if getattr(self, name).min(initial=0) < 0:
                raise InputError(f"Timeline.{name} must not be negative")


def timeline(
    network: SpikingNetwork,
    placement: Placement,
    chip: Chip,
    steps: npt.ArrayLike,
    neurons: npt.ArrayLike,
    n_steps: int,
) -> Timeline:
    """Traffic of each of n_steps steps, from spikes in any order.

    steps, neurons: (n_spikes,) step and neuron of each spike. Sums over steps equal `traffic`'s.
    A core's time is its neurons' updates, spikes and packets sent one after the other, and the
    packets and synaptic events that it receives; the network on chip itself adds nothing. Raises
    InputError for a step or neuron out of range, or a placement of another size.
    """
    when = validate.array("timeline", "steps", steps, (None,), np.int64)
    who = validate.array("timeline", "neurons", neurons, (len(when),), np.int64)
    n = network.n_neurons
    for name, values, end in (("steps", when, n_steps), ("neurons", who, n)):
        if len(values) and not (values.min() >= 0 and values.max() < end):
            raise InputError(f"timeline.{name} must lie in 0..{end - 1}")
    if placement.n_cores != chip.n_cores or len(placement.core) != n:
        raise InputError(f"the placement is not of this network on {chip.name}: place again")
    graph, core = axon_graph(network), validate.read_only(placement.core)
    by_time = np.argsort(when, kind="stable")
    when, who = when[by_time], who[by_time]
    first = np.searchsorted(when, np.arange(n_steps + 1))
    route = routes(chip, graph, core)
    x, y = (np.ascontiguousarray(part) for part in chip.core_xy().T)
    load, link = place_timeline.busiest_links(
        route.indptr, route.dests, core, first, who, x, y, chip.routing == "multicast",
        chip.width, chip.height,
    )  # fmt: skip

    def per_step(value: Floats) -> Floats:
        return np.asarray(np.bincount(when, value[who], n_steps), np.float64)

    spikes = np.bincount(when, minlength=n_steps)
    energy = time = None
    taken = energies(chip, graph, route)
    if taken is not None:
        energy = sum(taken.step.values()) + per_step(np.sum(list(taken.spike.values()), axis=0))
    if chip.latency is not None:
        reached = destinations(graph, core, chip.n_cores)
        ends = reached[0][: n + 1]
        in_core = np.bincount(core, minlength=chip.n_cores) * chip.latency["soma"]
        send = chip.latency["spike"] + chip.latency["packet"] * route.packets
        time = place_timeline.core_work(
            ends, *reached[1:], core, first, who, in_core, send, chip.latency["receive"],
            chip.latency["synapse"],
        )  # fmt: skip
    return Timeline(
        spikes=spikes,
        packets=np.rint(per_step(route.packets)).astype(np.int64),
        hops=np.rint(per_step(route.links)).astype(np.int64),
        busiest_load=np.rint(load).astype(np.int64),
        busiest_link=link,
        energy_pj=energy,
        time_ns=time,
        dt=network.dt,
    )
