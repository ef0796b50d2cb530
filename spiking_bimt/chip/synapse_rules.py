"""What a chip's synapses and inputs cannot do, and what its cores' neurons would have to share."""

from collections.abc import Callable

import numpy as np

from spiking_bimt.chip.neuron_rules import Asked, Floats, describe


def _delays(asked: Asked) -> list[str]:
    network, neuron = asked.network, asked.neuron
    if not len(network.indices):
        return []
    shared = np.full(len(network.indices), network.delay)
    steps = 1 + (shared if network.delays is None else network.delays)
    found = []
    low, high = neuron.delay
    wrong = (steps < low) | (steps > high)
    if wrong.any():
        k = int(np.argmax(wrong))
        found.append(f"delays of {int(wrong.sum())} synapses (synapse {k}: {steps[k]} steps to the "
                     f"membrane; neuron.delay is {low} to {high})")  # fmt: skip
    if neuron.delay_of == "source":
        pre = np.repeat(np.arange(network.n_neurons), np.diff(network.indptr))
        least = np.full(network.n_neurons, np.iinfo(np.int64).max)
        most = np.zeros(network.n_neurons, np.int64)
        np.minimum.at(least, pre, steps)
        np.maximum.at(most, pre, steps)
        mixed = least < most
        if mixed.any():
            what = describe(mixed, "synapses of several delays", most.astype(float), " steps")
            found.append(f"{what} (neuron.delay_of is source)")
    return found


def _input(asked: Asked) -> list[str]:
    network, neuron = asked.network, asked.neuron
    inner, sources = asked.inner, int((~asked.inner).sum())
    found = []
    held = np.zeros(network.n_neurons, np.bool_)
    held[network.in_indices] = True
    held &= inner
    if neuron.input == "spikes" and held.any():
        found.append(f"held input of {network.n_inputs} channels into {int(held.sum())} neurons "
                     "(neuron.input is spikes)")  # fmt: skip
    if neuron.input_channels is not None and sources > neuron.input_channels:
        found.append(f"{sources} spiking sources (neuron.input_channels is "
                     f"{neuron.input_channels})")  # fmt: skip
    if network.poisson is not None and (network.poisson & inner).any():
        found.append(f"Poisson sources among {int((network.poisson & inner).sum())} neurons that "
                     "others drive (no chip draws random thresholds)")  # fmt: skip
    channels = network.n_inputs if held.any() else 0
    if asked.synapse.inputs_are_neurons and network.n_neurons + channels > asked.most_a_core:
        found.append(f"{network.n_neurons} neurons and {channels} channels on {asked.most_a_core} "
                     "rows (synapse.inputs_are_neurons)")  # fmt: skip
    return found


def _weights(asked: Asked) -> list[str]:
    network, synapse = asked.network, asked.synapse
    pre = np.repeat(np.arange(network.n_neurons), np.diff(network.indptr))
    found = []
    if synapse.sign == "source":
        up = np.bincount(pre[network.weights > 0], minlength=network.n_neurons) > 0
        down = np.bincount(pre[network.weights < 0], minlength=network.n_neurons) > 0
        if (up & down).any():
            both = up & down
            found.append(f"weights of both signs of {int(both.sum())} neurons (neuron "
                         f"{int(np.argmax(both))}; synapse.sign is source)")  # fmt: skip
    if network.codes is None or not len(network.codes):
        return found
    codes = network.codes.astype(np.int64)
    largest = int(np.abs(codes).max())
    if synapse.magnitude_bits is not None and largest >= 2**synapse.magnitude_bits:
        k = int(np.abs(codes).argmax())
        found.append(f"weights of up to {largest} steps (from neuron {pre[k]} onto "
                     f"{network.indices[k]}; synapse.magnitude_bits is "
                     f"{synapse.magnitude_bits})")  # fmt: skip
    if synapse.levels_per_neuron is not None:
        pairs = np.unique(np.stack([network.indices, codes]), axis=1)
        levels = np.bincount(pairs[0][pairs[1] != 0], minlength=network.n_neurons)
        wrong = levels > synapse.levels_per_neuron
        if wrong.any():
            what = describe(wrong, "distinct weights", levels.astype(float), " weights")
            found.append(f"{what} (synapse.levels_per_neuron is {synapse.levels_per_neuron})")
    return found


def _shared_thresholds(asked: Asked) -> list[str]:
    """Thresholds in steps of a weight; where weights have exponents, up to powers of two."""
    network, synapse = asked.network, asked.synapse
    if network.scale is None:
        return []
    steps = (network.v_th.astype(np.float64) - network.v_reset) / network.scale
    exponents = synapse.scales_per_core is not None and synapse.scales_per_core > 1
    rows = [np.frexp(steps)[0] if exponents else steps]
    return _too_many(asked, rows, asked.neuron.thresholds_per_core, "thresholds, in weight steps",
                     "neuron.thresholds_per_core")  # fmt: skip


def _shared_times(asked: Asked) -> list[str]:
    network = asked.network
    rows = [times.astype(np.float64) for times in (network.tau_syn, network.tau_mem, network.t_ref)]
    return _too_many(asked, rows, asked.neuron.profiles_per_core,
                     "settings of current, leak and refractory time",
                     "neuron.profiles_per_core")  # fmt: skip


def _shared_weights(asked: Asked) -> list[str]:
    network, limit = asked.network, asked.synapse.levels_per_core
    if limit is None or network.codes is None or network.scale is None:
        return []
    values = np.round(np.abs(network.codes) * network.scale[network.indices], 9)
    cores = np.zeros(network.n_neurons, np.int64) if asked.core is None else asked.core
    limits = limit * _fewest(asked) if asked.core is None else limit
    core = cores[network.indices]
    counts = {int(c): len(np.unique(values[(core == c) & (values > 0)])) for c in np.unique(core)}
    worst = max(counts, key=lambda c: counts[c], default=0)
    if not counts or counts[worst] <= limits:
        return []
    where = "" if asked.core is None else f" onto core {worst}"
    return [f"{counts[worst]} distinct weights{where} (synapse.levels_per_core is {limit})"]


def _too_many(
    asked: Asked, columns: list[Floats], limit: int | None, what: str, key: str
) -> list[str]:
    """More distinct settings of neurons than a core has, or than the fewest cores together."""
    if limit is None or not asked.inner.any():
        return []
    rows = np.round(np.stack(columns)[:, asked.inner], 9)
    if asked.core is None:
        many, allowed = np.unique(rows, axis=1).shape[1], limit * _fewest(asked)
        where = f"on {_fewest(asked)} core{'s' * (_fewest(asked) > 1)}"
    else:
        core = asked.core[asked.inner]
        counts = {int(c): np.unique(rows[:, core == c], axis=1).shape[1] for c in np.unique(core)}
        worst = max(counts, key=lambda c: counts[c])
        many, allowed, where = counts[worst], limit, f"on core {worst}"
    return [f"{many} {what}, {where} ({key} is {limit})"] * (many > allowed)


def _fewest(asked: Asked) -> int:
    """Cores that hold the neurons at least."""
    return -(-asked.network.n_neurons // asked.most_a_core)


SYNAPSE_RULES: tuple[Callable[[Asked], list[str]], ...] = (
    _delays, _input, _weights, _shared_thresholds, _shared_times, _shared_weights,
)  # fmt: skip
