"""SANA-FE (https://github.com/SLAM-Lab/SANA-FE): an architecture and a mapped network.

    arch.yaml      the chip: mesh, cores, and the energy of every event
    network.yaml   group n of all neurons, one sparse edge n -> n, and the core of every neuron

Both are JSON, which is YAML. Units of a core bear the names of SANA-FE's own loihi.yaml, so the
network loads into that file too. Its neuron, in the order of a step t:

    i <- input_decay i + arrivals,  v <- leak_decay v + bias + i,  fires when v > threshold

where a spike of step t with synaptic delay d arrives in step t + 1 + d. That is our step with
i = gain_syn q of the step before, so a network whose delays are at most `LONGEST_DELAY` steps, and
that has neither refractory time nor held input, is written with its dynamics ("lif"); any other
one as neurons that replay given spikes ("replay"), which costs the same packets and events. v is
measured from v_reset in 1 / `UNIT` of the threshold, because SANA-FE rounds it to 1 / 64.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spiking_bimt.chip.energy import event_energies
from spiking_bimt.chip.price import hop_prices, link_prices
from spiking_bimt.data import store
from spiking_bimt.data.chip import Chip, Placement
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.simulation import propagators

Array = npt.NDArray[Any]

LONGEST_DELAY = 5
"""Steps: the constant of SANA-FE's accumulator_with_delay."""
UNIT = 2.0**18
"""v at threshold in the file: rounded to 2^-24 of it, and room for 128 times of it."""
_PJ = 1e-12
"""J: a picojoule, in which a chip gives its energies."""
_EVENTS = ("soma", "spike", "synapse", "packet")
"""Parts of the energy, hops apart, that SANA-FE charges for."""
_LIF = "loihi_lif"
_REPLAY = "loihi_inputs"
_SYNAPSE = "loihi_sparse_synapse"
_DENDRITE = "loihi_dendrites_delay"


class Replay(NamedTuple):
    """Spikes that the neurons of a file repeat."""

    steps: Array
    """(n_spikes,) step of each spike."""
    neurons: Array
    n_steps: int


_HELD = ("tau_mem", "tau_syn", "v_th", "v_reset", "v_leak", "v_min", "t_ref", "bias", "poisson")
"""Parameters that SANA-FE's neuron has, or of which `sanafe_losses` speaks by itself."""


def sanafe_losses(network: SpikingNetwork) -> list[str]:
    """Why SANA-FE's neuron cannot compute this network, in words; empty where it can."""
    delay = network.delay if network.delays is None else int(network.delays.max(initial=1))
    losses = {
        f"delays of {delay} steps (SANA-FE has at most {LONGEST_DELAY})": delay > LONGEST_DELAY,
        "refractory time (SANA-FE drops what arrives in it)": bool(network.t_ref.any()),
        "Poisson sources": network.poisson is not None,
        **dict.fromkeys(network.losses(known=_HELD), True),
        "held input (SANA-FE has spikes alone)": len(network.in_indices) > 0,
    }
    return [text for text, lost in losses.items() if lost]


def write_sanafe(
    folder: Path,
    network: SpikingNetwork,
    placement: Placement,
    chip: Chip,
    *,
    replay: Replay | None = None,
    start: npt.ArrayLike | None = None,
) -> None:
    """Write arch.yaml and network.yaml into a new folder in the place of `folder`.

    replay: spikes to repeat, None for the network's own dynamics from v = start (N,), v_reset by
    default. Raises InputError for a chip or network that SANA-FE has no model of.
    """
    if chip.routing != "unicast" or not chip.local_packets:
        raise InputError(
            f"SANA-FE sends one packet to every destination core, the own one included; "
            f"{chip.name} is {chip.routing}"
            f"{'' if chip.local_packets else ' without local packets'}: place on another chip, "
            "such as loihi"
        )
    axes = zip(link_prices(chip), hop_prices(chip), strict=True)
    if any((links != hop).any() for links, hop in axes):
        raise InputError(
            f"SANA-FE has one price of a hop along x and one along y; {chip.name} is a board of "
            f"chips whose links cost {chip.chip_hop_cost:g}: place on a single chip, such as loihi"
        )
    events = event_energies(chip) or {}
    foreign = [part for part, energy in events.items() if energy and part not in _EVENTS]
    if foreign:
        raise InputError(
            f"SANA-FE has no energy of {foreign[0]}, which {chip.name} gives: place on another "
            "chip, such as loihi"
        )
    if replay is None and sanafe_losses(network):
        raise InputError(f"SANA-FE cannot compute {sanafe_losses(network)[0]}: replay spikes")
    begin = network.v_reset if start is None else np.asarray(start, float)
    neurons = _replayed(network, replay) if replay else _integrating(network, begin)
    arch = architecture(chip, int(placement.slot.max()) + 1)
    with store.replacing_folder(folder) as new:
        (new / "arch.yaml").write_text(json.dumps(arch, indent=1))
        mapped = {
            "network": {
                "name": "spiking_bimt",
                "groups": [{
                    "name": "n",
                    "attributes": {"log_spikes": True, "synapse_hw_name": _SYNAPSE,
                                   "dendrite_hw_name": _DENDRITE},
                    "neurons": neurons,
                }],
                "edges": _edges(network, replaying=replay is not None),
            },
            "mappings": _mappings(placement, chip, replay is not None),
        }  # fmt: skip
        (new / "network.yaml").write_text(json.dumps(mapped))


def architecture(chip: Chip, inputs: int) -> dict[str, Any]:
    """The chip as SANA-FE describes one, with `inputs` replaying units per core.

    Energies are those of the chip in J, or 0 where none are published; latencies are 0. A neuron
    is charged for every step whether it replays or computes.
    """
    events = event_energies(chip)
    energy = dict.fromkeys(_EVENTS, 0.0) if events is None else events
    hop_x, hop_y = (0.0, 0.0) if events is None else hop_prices(chip)

    def unit(name: str, model: str, joules: dict[str, float]) -> dict[str, Any]:
        attributes: dict[str, Any] = {"model": model} if model else {}
        for event, value in joules.items():
            attributes |= {f"energy_{event}": value, f"latency_{event}": 0.0}
        return {"name": name, "attributes": attributes}

    soma = {"access_neuron": energy["soma"] * _PJ, "update_neuron": 0.0,
            "spike_out": energy["spike"] * _PJ}  # fmt: skip
    hop = {"north": hop_y, "south": hop_y, "east": hop_x, "west": hop_x}
    core = {
        "name": f"core[0..{chip.cores_per_tile - 1}]",
        "attributes": {
            "buffer_position": "dendrite", "buffer_inside_unit": True,
            "max_neurons_supported": chip.neurons_per_core,
        },
        "axon_in": [unit("loihi_in", "", {"message_in": 0.0})],
        "soma": [
            unit(_LIF, "leaky_integrate_fire", soma),
            unit(f"{_REPLAY}[0..{inputs - 1}]", "input", soma),
        ],
        "dendrite": [unit(_DENDRITE, "accumulator_with_delay", {"update": 0.0})],
        "synapse": [unit(_SYNAPSE, "current_based", {"process_spike": energy["synapse"] * _PJ})],
        "axon_out": [unit("loihi_out", "", {"message_out": energy["packet"] * _PJ})],
    }  # fmt: skip
    tile = unit(
        f"tile[0..{chip.width * chip.height - 1}]",
        "",
        {f"{way}_hop": cost * _PJ for way, cost in hop.items()},
    )
    mesh = {"topology": "mesh", "width": chip.width, "height": chip.height, "link_buffer_size": 16}
    return {"architecture": {"name": "chip", "attributes": mesh, "tile": [tile | {"core": [core]}]}}


def _integrating(network: SpikingNetwork, start: Array) -> list[dict[str, Any]]:
    """Attributes of neurons that compute; see the module's equations."""
    n = network.n_neurons
    step = propagators.step_of(network, np.float64)
    v_reset = network.v_reset.astype(float)
    unit = UNIT / (network.v_th - v_reset)
    bias = (step.constant - (1 - step.decay_mem) * v_reset) * unit
    # SANA-FE does not leak in its first step, so the start is given as leaked.
    first = step.decay_mem * (start - v_reset) * unit
    floored = np.isfinite(network.v_min)
    floor = np.where(floored, (network.v_min - v_reset) * unit, 0.0)
    soft = network.reset == "subtract"
    return [
        {
            str(i): {
                "soma": {
                    "threshold": UNIT, "reset_mode": "soft" if soft else "hard", "reset": 0.0,
                    "leak_decay": step.decay_mem[i], "input_decay": step.decay_syn[i],
                    "bias": bias[i],
                    "potential": first[i], "force_update": True, "reverse_threshold": floor[i],
                    "reverse_reset_mode": "saturate" if floored[i] else "none",
                }
            }
        }
        for i in range(n)
    ]  # fmt: skip


def _replayed(network: SpikingNetwork, replay: Replay) -> list[dict[str, Any]]:
    fired = np.zeros((network.n_neurons, replay.n_steps), np.int64)
    fired[replay.neurons, replay.steps] = 1
    return [{str(i): {"spikes": row.tolist()}} for i, row in enumerate(fired)]


def _edges(network: SpikingNetwork, *, replaying: bool) -> list[dict[str, Any]]:
    if len(network.indices) == 0:
        return []
    n = network.n_neurons
    gain = propagators.step_of(network, np.float64).gain_syn
    per_spike = gain * UNIT / (network.v_th.astype(float) - network.v_reset)
    source = np.repeat(np.arange(n), np.diff(network.indptr))
    edge: dict[str, Any] = {
        "type": "sparse",
        "source_target_pairs": np.stack([source, network.indices], axis=1).tolist(),
        "weight": (network.weights * per_spike[network.indices]).tolist(),
    }
    if replaying:  # a neuron that replays refuses current
        edge["weight"] = [0.0] * len(source)
    else:
        own = network.delays
        edge["delay"] = [network.delay] * len(source) if own is None else own.tolist()
    return [{"n -> n": edge}]


def _mappings(placement: Placement, chip: Chip, replaying: bool) -> list[dict[str, Any]]:
    tile, core = np.divmod(placement.core, chip.cores_per_tile)
    return [
        {
            f"n.{i}": {
                "core": f"{tile[i]}.{core[i]}",
                "soma": f"{_REPLAY}[{placement.slot[i]}]" if replaying else _LIF,
                "synapse": _SYNAPSE,
                "dendrite": _DENDRITE,
            }
        }
        for i in range(len(tile))
    ]
