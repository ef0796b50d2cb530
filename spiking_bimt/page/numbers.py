"""Every number of the report, with its meaning."""

from collections.abc import Iterator, Mapping
from typing import Any

from spiking_bimt.analysis.wiring import CONNECTED, wiring
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.page.chip_numbers import chip_numbers, tile_numbers
from spiking_bimt.page.material import Material
from spiking_bimt.page.module_numbers import module_numbers
from spiking_bimt.page.page import Number
from spiking_bimt.plot.score_figures import network_names

_CARDS = {
    "rate": "{measure}, rate",
    "spiking": "{measure}, spiking",
    "quantised": "{measure}, {bits}-bit",
}


def all_numbers(material: Material) -> dict[str, list[Number]]:
    """The numbers by group, in the page's order; groups without a number are left out."""
    groups = {
        "Accuracy": list(_accuracy(material)),
        "Network": [*_rate_network(material), *_spiking_network(material), *_function(material)],
        "Modules": list(module_numbers(material.function)),
        "Activity": list(_activity(material)),
        "Populations": list(_populations(material)),
        "Chip": [] if material.on_chip is None else list(chip_numbers(material.on_chip, material)),
        "NeuroBench": list(_neurobench(material)),
        "Tiles": [] if material.tiles is None else list(tile_numbers(material.tiles)),
    }
    return {name: numbers for name, numbers in groups.items() if numbers}


def _populations(material: Material) -> Iterator[Number]:
    rates = material.driven.recording.rates_hz
    for k, (name, first, last) in enumerate(material.network.populations):
        rate = float(rates[first : last + 1].mean())
        yield Number(
            f"population_{k}_rate_hz", name, rate, f"{rate:.1f} Hz",
            f"Mean spike rate of the population's neurons, {first} to {last}, over the activity "
            "that the page shows.",
        )  # fmt: skip


def _accuracy(material: Material) -> Iterator[Number]:
    measured = material.network.measured or {}
    names = network_names(material.network)
    trials = measured.get("trials_per_task")
    meanings = {
        "rate": "the trained rate network at its own step",
        "rate_fine": "the rate network integrated at the step of the spiking simulation",
        "spiking": "the spiking network with floating-point weights",
        "quantised": "the spiking network with the integer weights that the chip holds",
        "integers": "the network in the integers of the chip that it was converted for",
    }
    accuracy, decisions = measured.get("accuracy", {}), measured.get("decision_accuracy", {})
    measure, data = measured.get("measure", "accuracy"), material.answers != "task"
    mean = "Mean over the tasks of the share of correct trials"
    if data:
        mean = "Share of right answers" if measure == "accuracy" else measure
    counted = f"{trials} test trials" if data else f"{trials} trials per task"
    for key in (name for name in names if name in accuracy):
        value = accuracy[key]
        low, high = measured["interval"][key]
        yield Number(
            f"accuracy_{key}", f"{measure}, {names[key]}", value,
            f"{value:.4f} ({low:.4f} to {high:.4f})",
            f"{mean} of {meanings[key]}, with its 95 % interval; {counted}, the same for every "
            "network.",
            _CARDS.get(key, "").format(measure=measure, bits=material.network.weight_bits),
            f"95 %: {low:.3f} to {high:.3f}; {counted}",
        )  # fmt: skip
    for key in (name for name in names if name in decisions and not data):
        yield Number(
            f"decision_accuracy_{key}", f"decisions, {names[key]}", decisions[key],
            f"{decisions[key]:.4f}",
            f"The same for {meanings[key]}, but only the response at the end of the trial counts, "
            "not whether fixation was held before the go signal.",
        )  # fmt: skip
    yield from _trained_accuracy(material)


def _trained_accuracy(material: Material) -> Iterator[Number]:
    own = (material.rate and material.rate.measured) or {}
    if "accuracy" in own:
        low, high = own["accuracy_interval"]
        measure = own.get("measure", "accuracy")
        data = material.answers != "task"
        counted = f"{own['trials_per_task']} {'test trials' if data else 'trials per task'}"
        yield Number(
            "accuracy_trained", f"{measure}, at the end of training", own["accuracy"],
            f"{own['accuracy']:.4f} ({low:.4f} to {high:.4f})",
            "The same of the rate network, as `train` measured it at its end, with its 95 % "
            f"interval; {counted} that training never used.",
            "" if material.network.measured else f"{measure}, rate",
            f"95 %: {low:.3f} to {high:.3f}; {counted}",
        )  # fmt: skip


def trained_units(rate: RateNetwork) -> int:
    """Units at the start of training."""
    own: Mapping[str, Any] = rate.measured or {}
    rows, cols = rate.sheet
    return int(own.get("trained_units", rows * cols))


def _rate_network(material: Material) -> Iterator[Number]:
    rate = material.rate
    if rate is None:
        return
    trained = trained_units(rate)
    wires = wiring(rate)
    yield Number(
        "active_units", "active units", rate.n_units, f"{rate.n_units} of {trained}",
        f"Units that are left at the end of training, out of {trained} at its start.",
        "active units", f"of {trained} trained",
    )  # fmt: skip
    yield Number(
        "synapses", "recurrent connections", wires["synapses"], f"{wires['synapses']:,}",
        f"Recurrent weights of the rate network above {CONNECTED:g} in size.",
        "connections", f"recurrent, above {CONNECTED:g}",
    )  # fmt: skip
    yield Number(
        "wiring_length", "wiring length", wires["wiring_length"], f"{wires['wiring_length']:,.0f}",
        "Distance on the sheet summed over those connections, along rows and columns, in grid "
        "spacings.",
        "wiring length", "grid spacings, summed",
    )  # fmt: skip
    yield Number(
        "wiring_cost", "wiring cost", wires["wiring_cost"], f"{wires['wiring_cost']:,.1f}",
        "Size of each recurrent weight times its length in a straight line, summed: BIMT training "
        "keeps this low.",
    )  # fmt: skip


def _spiking_network(material: Material) -> Iterator[Number]:
    network = material.network
    alone = material.rate is None
    yield Number(
        "neurons", "neurons", network.n_neurons, f"{network.n_neurons:,}",
        "Neurons of the network that was simulated.", "neurons" if alone else "",
        f"{network.n_inputs} input channels",
    )  # fmt: skip
    yield Number(
        "spiking_synapses", "recurrent synapses on the chip", len(network.indices),
        f"{len(network.indices):,}",
        "Recurrent synapses of the network that was simulated, without weights whose integer code "
        "is 0.",
        "synapses" if alone else "", f"{network.weight_bits}-bit" if network.bits else "float",
    )  # fmt: skip


def _function(material: Material) -> Iterator[Number]:
    function = material.function
    if function is None:
        return
    clusters = function.clusters
    silhouette = clusters.silhouettes[clusters.k]
    yield Number(
        "clusters", "functional clusters", clusters.k, f"{clusters.k}",
        "Groups of units that vary in the same tasks: k-means on the normalised task variance, "
        "the number of groups with the best silhouette.",
    )  # fmt: skip
    yield Number(
        "silhouette", "silhouette", silhouette, f"{silhouette:.3f}",
        "How much closer units are to their own cluster than to the next one: 1 for clusters far "
        "apart, 0 for none.",
    )  # fmt: skip
    yield Number(
        "isolated", "isolated units", function.isolated, f"{function.isolated:.3f}",
        "Share of the active units that have no unit of their own cluster among the eight places "
        "around them; low means that function is local.",
    )  # fmt: skip
    what = {
        "labels": "when the clusters are shuffled among the active units",
        "places": "when the units are scattered over the whole sheet",
    }
    for key, null in function.nulls.items():
        below = (int((null <= function.isolated).sum()) + 1) / (len(null) + 1)
        yield Number(
            f"isolated_{key}_shuffled", f"isolated units, {key} shuffled", float(null.mean()),
            f"{null.mean():.3f}",
            f"Mean of the same share {what[key]}, {len(null):,} times.",
        )  # fmt: skip
        yield Number(
            f"isolated_{key}_p", f"chance level, {key} shuffled", below, f"{below:.4f}",
            "Share of those shuffles with as few isolated units as this network, or fewer: below "
            "0.05, chance hardly explains the locality.",
        )  # fmt: skip


def _activity(material: Material) -> Iterator[Number]:
    driven, unit = material.driven, material.unit
    rates = driven.recording.rates_hz
    told = driven.described()
    note = driven.text if driven.trials is None else f"over {driven.trials.n_trials} trials"
    yield Number(
        "mean_rate_hz", "mean spike rate", told["mean_rate_hz"], f"{told['mean_rate_hz']:.1f} Hz",
        f"Spikes of a neuron per second, averaged over neurons and {driven.seconds:g} s of "
        f"{driven.text}.",
        "mean rate", note,
    )  # fmt: skip
    yield Number(
        "busiest_rate_hz", "busiest neuron", float(rates.max()), f"{rates.max():.1f} Hz",
        "Spike rate of the neuron that fires most, averaged over the same time.",
    )  # fmt: skip
    spikes = driven.recording.n_spikes / material.units
    yield Number(
        f"spikes_per_{unit}", f"spikes per {unit}", spikes, f"{spikes:,.0f}",
        f"Spikes of the whole network in one {unit}, on average.",
        f"spikes per {unit}", note if driven.trials is not None else f"over {driven.seconds:g} s",
    )  # fmt: skip
    yield Number(
        "silent_neurons", "silent neurons", told["silent"], f"{told['silent']}",
        "Neurons that never fired in this time.",
    )  # fmt: skip
    yield Number(
        "fast_neurons", "neurons above 500 Hz", told["above_500_hz"], f"{told['above_500_hz']}",
        "Neurons that fired faster than any neuron of a brain or trained network does: more than "
        "a few tell of an input in other units.",
    )  # fmt: skip


def _neurobench(material: Material) -> Iterator[Number]:
    found, unit = material.neurobench, material.unit
    stored = {
        "dense": "all weights in float32 matrices, as NeuroBench counts them",
        "sparse": "weights other than 0 alone, as codes where there are any, with their indices",
    }
    for kind, meaning in stored.items():
        count, size = found["parameters"][kind], found["footprint_bytes"][kind]
        yield Number(
            f"parameters_{kind}", f"parameters, {kind}", count, f"{count:,}",
            f"Weights and biases; {meaning}.",
        )  # fmt: skip
        yield Number(
            f"footprint_{kind}", f"footprint, {kind}", size, f"{size:,} bytes",
            f"Memory of the parameters of synapses and neurons; {meaning}.",
        )  # fmt: skip
    for key, meaning in (
        ("connection_sparsity", "Share of the weights of the dense matrices that are 0."),
        ("activation_sparsity", "Share of neurons and steps without a spike."),
    ):
        yield Number(key, key.replace("_", " "), found[key], f"{found[key]:.4f}", meaning)
    kinds = {
        "dense": "synaptic operations, dense: one for each weight of the dense matrices in each "
                 "step of their layer",
        "effective_macs": "multiply-accumulates of input levels and weights other than 0",
        "effective_acs": "accumulates: weights other than 0 that spikes reach, the readout's too",
    }  # fmt: skip
    for key, value in found[f"synaptic_operations_per_{unit}"].items():
        label = key.replace("_", " ").replace("acs", "ACs").replace("mACs", "MACs")
        yield Number(
            f"{key}_per_{unit}", f"synaptic operations per {unit}, {label}", value, f"{value:,.0f}",
            f"On average: {kinds[key]}.",
        )  # fmt: skip
    updates = found[f"membrane_updates_per_{unit}"]
    if updates is not None:
        yield Number(
            f"membrane_updates_per_{unit}", f"membrane updates per {unit}", updates,
            f"{updates:,.0f}", "Changes of a membrane potential in a step, of all neurons.",
        )  # fmt: skip
