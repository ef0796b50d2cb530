"""`import`: a network of another tool to network.h5, or a rate network to rate.h5.

(In Python `import` is a keyword.)
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from spiking_bimt import run_folder
from spiking_bimt.analysis.wiring import wiring
from spiking_bimt.battery import sources
from spiking_bimt.battery.accuracy import score
from spiking_bimt.battery.draw import (
    BATTERIES,
    OWN,
    default_trials,
    draw_trials,
    select_tasks,
)
from spiking_bimt.battery.environments import trusting
from spiking_bimt.battery.raw_data import DataOptions
from spiking_bimt.battery.read_data import DataLike, read_data
from spiking_bimt.converting.quantise import quantise
from spiking_bimt.converting.rate_import import (
    TORCH,
    Step,
    read_rate_network,
    with_data,
    with_tasks,
)
from spiking_bimt.converting.snntorch_import import read_snntorch
from spiking_bimt.data import hashed, store
from spiking_bimt.data.arguments import checked, shown
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.errors import InputError, unknown_name
from spiking_bimt.formats import registry
from spiking_bimt.simulation.build import NetworkOptions
from spiking_bimt.simulation.propagators import refractory_steps
from spiking_bimt.simulation.rate import rate_outputs
from spiking_bimt.training.settings import refuse_beside_data

KINDS = ("spiking", "rate")
_BITS = 8


@checked
def import_network(
    file: str | Path,
    run: str | Path,
    *,
    kind: str = "spiking",
    bits: int | None = _BITS,
    dt: float | None = None,
    alpha: float | None = None,
    tau: float | None = None,
    step: str | None = None,
    names: Mapping[str, str] | None = None,
    activation: str | None = None,
    battery: str | None = None,
    tasks: Sequence[str] | None = None,
    data: DataLike | None = None,
    read: str = "mean",
    standardise: str = "none",
    **parameters: Unpack[NetworkOptions],
) -> dict[str, Any]:
    """Read a network of another tool; docs/how-to/own-networks.md, docs/reference/formats.md.

    kind "spiking": NIR, SONATA, scipy.sparse, or a state dict of snnTorch. Writes network.h5 into
    the run folder and returns what it holds. bits: width of integer weights, None for none; without
    them it has no tiles. dt: simulation step, ms. step: "euler" for that of a NIR file's own reader
    (`formats.nir_import`). parameters: of the neurons (`simulation.build.from_csr`), one number
    each, for files that leave them open.

    kind "rate": a trained network of leaky ReLU units from a PyTorch state dict, safetensors or
    npz. Writes rate.h5, for `convert`. dt, alpha, tau, step, names: as in `RateNetwork.from_torch`.
    activation: "relu", the default, which no file says. battery, tasks: what it was trained on, or
    data: the data set in their place (as in `train`); with them it is scored, here and by every
    later command. read, standardise: as in `train`, but "none" unless the network was trained on
    channels that were standardised over the training sequences.

    InputError where the file cannot be read, or the folder holds another network.
    """
    source, folder = Path(file), Path(run)
    own: dict[str, Any] = {
        "alpha": alpha, "tau": tau, "step": step, "names": names, "activation": activation,
        "battery": battery, "tasks": tasks, "data": data,
        "read": None if read == "mean" else read,
        "standardise": None if standardise == "none" else standardise,
    }  # fmt: skip
    if kind == "rate":
        if parameters or bits != _BITS:
            name = next(iter(parameters), "bits")
            raise InputError(f"`{name}` is of spiking neurons: give it to convert")
        options = DataOptions(dt, read, standardise)
        with trusting(tasks or ()):
            return _import_rate(source, folder, Step(dt, alpha, tau, step), own, options)
    if kind != "spiking":
        raise unknown_name("kind", kind, KINDS)
    for name, value in own.items():
        if value is not None and name != "step":
            raise InputError(f"`{name}` is of a rate network: give it with `kind=rate`")
    return _import_spiking(source, folder, bits, {"dt": dt, "step": step}, parameters)


def _import_rate(
    source: Path, folder: Path, timing: Step, own: dict[str, Any], options: DataOptions
) -> dict[str, Any]:
    """own: the settings of rate networks."""
    battery, tasks, data = own["battery"], own["tasks"], own["data"]
    if data is None and (own["read"] or own["standardise"]):
        raise InputError("`read` and `standardise` are about data: give them as `data`")
    if data is not None:
        refuse_beside_data(battery=battery, tasks=tasks)
    chosen = None if data is None else read_data(data, options)
    if chosen is not None and timing.dt is None:
        timing = replace(timing, dt=chosen.dt)
    with hashed.noting() as read:
        network, keys = read_rate_network(source, timing, own["names"], own["activation"])
    if chosen is not None:
        network = with_data(network, chosen)
    elif battery is not None:
        every = select_tasks(battery, None if tasks is None else tuple(tasks))
        network = with_tasks(network, battery, every)
    elif tasks is not None:
        raise InputError(f"tasks are of a `battery`: name it ({', '.join((*BATTERIES, OWN))})")
    settings = {
        "command": "import", "kind": "rate", "keys": keys, "activation": own["activation"],
        **asdict(timing),
    }  # fmt: skip
    inputs: dict[str, Path | str] = {**read.hashes(source)}
    with run_folder.writing(folder, "rate.h5", sources.FILE):
        for name in ("checkpoint.h5", "rate.h5", "network.h5"):
            if (folder / name).exists():
                raise InputError(f"{folder} holds a network already: choose another folder")
        if chosen is not None:
            sources.write(chosen, folder / sources.FILE)
            inputs[sources.FILE] = folder / sources.FILE
        measured: dict[str, Any] = {"trained_units": network.n_units, **wiring(network)}
        if network.tasks:
            measured |= _scored(network)
        network = replace(network, measured=measured)
        store.save(network, folder / "rate.h5", settings, inputs)
    return {
        "rate_network": str(folder / "rate.h5"),
        "units": network.n_units,
        "input_channels": network.w_in.shape[1],
        "outputs": len(network.b_out),
        "activation": "relu" if own["activation"] else "relu (assumed: the file does not say)",
        "alpha": network.alpha,
        "tau_ms": network.tau if network.alpha < 1 else None,
        "dt_ms": network.dt,
        "keys": keys,
        "tasks": len(network.tasks),
        **measured,
    }


def _scored(network: RateNetwork) -> dict[str, Any]:
    """Accuracy of the rate network on test trials of its tasks, or what measures it on its data."""
    many = default_trials(network.battery)
    trials = draw_trials(network.battery, network.tasks, many, network.dt, stream="test")
    return score(rate_outputs(network, trials), trials).summary()


def _import_spiking(
    source: Path, folder: Path, bits: int | None, timing: dict[str, Any], parameters: NetworkOptions
) -> dict[str, Any]:
    for name, value in parameters.items():
        if np.ndim(value):  # type: ignore[arg-type]
            raise InputError(f"import_network: {name} is {shown(value)}, expected one number")
    with hashed.noting() as read:
        network = _merged(_read(source, timing, parameters))
    refractory_steps(network)  # refuses times that no step divides
    if bits is not None:
        network = quantise(network, bits)
    settings = {"command": "import", "file": source.name, "bits": bits, **timing, **parameters}
    with run_folder.writing(folder, "network.h5"):
        if (folder / "rate.h5").exists():
            raise InputError(f"{folder} holds a trained network: choose another folder")
        store.save(network, folder / "network.h5", settings, read.hashes(source))
    return {
        "network": str(folder / "network.h5"),
        "neurons": network.n_neurons,
        "synapses": len(network.indices),
        "input_channels": network.n_inputs,
        "input_synapses": len(network.in_indices),
        "dt_ms": network.dt,
        "bits": network.weight_bits,
        "tasks": len(network.tasks),
        "populations": [
            {"name": name, "first": first, "last": last}
            for name, first, last in network.populations
        ],
    }


def _read(source: Path, timing: dict[str, Any], parameters: NetworkOptions) -> SpikingNetwork:
    of_snntorch = source.suffix.lower() in TORCH
    found = None if of_snntorch else registry.of_foreign(source)
    if found is None and not (of_snntorch and source.is_file()):
        what = "is of an unknown format" if source.exists() else "does not exist"
        raise InputError(f"{source} {what}; known: {', '.join(registry.read())}")
    name, form = found or ("snntorch", None)
    left_open = registry.leave_parameters()
    if parameters and name not in left_open:
        raise InputError(
            f"{source} says its own {next(iter(parameters))}: give it for {' or '.join(left_open)} "
            "alone"
        )
    if timing["step"] is not None and not (form and form.steps):
        raise InputError(
            f"{source} is {name}, whose readers have no step of their own: leave `step`"
        )
    given = {key: value for key, value in timing.items() if value is not None}
    if form is None:
        return read_snntorch(source, **given)
    if form.mark:
        run_folder.check_written(source if source.is_dir() else source.parent)
    assert form.read is not None
    return form.read(source, **given, **parameters)


def _merged(network: SpikingNetwork) -> SpikingNetwork:
    """Parallel synapses of equal delay as one: no crossbar holds two between the same neurons."""
    source = np.repeat(np.arange(network.n_neurons), np.diff(network.indptr))
    delays = np.zeros(len(source), int) if network.delays is None else network.delays
    key = np.stack([source, network.indices, delays])
    order = np.lexsort(key[::-1])
    new = np.append(True, (np.diff(key[:, order]) != 0).any(0))[: len(source)]
    if new.all():
        return network
    first = order[new]
    weights = np.add.reduceat(network.weights[order].astype(float), np.flatnonzero(new))
    counts = np.bincount(source[first], minlength=network.n_neurons)
    return replace(
        network,
        indptr=np.append(0, np.cumsum(counts)).astype(np.int64),
        indices=network.indices[first],
        weights=weights.astype(np.float32),
        delays=None if network.delays is None else network.delays[first],
    )
