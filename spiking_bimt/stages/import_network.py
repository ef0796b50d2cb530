"""`import`: a network of another tool to network.h5. (In Python `import` is a keyword.)"""

from dataclasses import replace
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from spiking_bimt import run_folder
from spiking_bimt.converting.quantise import quantise
from spiking_bimt.data import store
from spiking_bimt.data.arguments import checked, shown
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.formats import registry
from spiking_bimt.simulation.build import NetworkOptions
from spiking_bimt.simulation.propagators import refractory_steps


@checked
def import_network(
    file: str | Path,
    run: str | Path,
    *,
    bits: int | None = 8,
    dt: float | None = None,
    **parameters: Unpack[NetworkOptions],
) -> dict[str, Any]:
    """Read a network of another tool: NIR, SONATA, scipy.sparse (docs/formats.md).

    Writes network.h5 into the run folder and returns what it holds. bits: width of integer
    weights, None for none; without them it has no tiles. dt: simulation step, ms. parameters: of
    the neurons (`simulation.build.from_csr`), one number each, for files that leave them open.
    InputError where the file cannot be read, or the folder holds a trained network.
    """
    source, folder = Path(file), Path(run)
    for name, value in parameters.items():
        if np.ndim(value):  # type: ignore[arg-type]
            raise InputError(f"import_network: {name} is {shown(value)}, expected one number")
    network = _merged(_read(source, dt, parameters))
    refractory_steps(network)  # refuses times that no step divides
    if bits is not None:
        network = quantise(network, bits)
    settings = {"command": "import", "bits": bits, "dt": dt, **parameters}
    with run_folder.writing(folder, "network.h5"):
        if (folder / "rate.h5").exists():
            raise InputError(f"{folder} holds a trained network: choose another folder")
        inputs = {source.name: source} if source.is_file() else {}
        store.save(network, folder / "network.h5", settings, inputs)
    return {
        "network": str(folder / "network.h5"),
        "neurons": network.n_neurons,
        "synapses": len(network.indices),
        "input_channels": network.n_inputs,
        "input_synapses": len(network.in_indices),
        "dt_ms": network.dt,
        "bits": network.weight_bits,
        "tasks": len(network.tasks),
    }


def _read(source: Path, dt: float | None, parameters: NetworkOptions) -> SpikingNetwork:
    found = registry.of_foreign(source)
    if found is None:
        what = "is of an unknown format" if source.exists() else "does not exist"
        raise InputError(f"{source} {what}; known: {', '.join(registry.read())}")
    name, form = found
    assert form.read is not None
    left_open = registry.leave_parameters()
    if parameters and name not in left_open:
        raise InputError(
            f"{source} says its own {next(iter(parameters))}: give it for {' or '.join(left_open)} "
            "alone"
        )
    step = {} if dt is None else {"dt": dt}
    return form.read(source, **step, **parameters)


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
