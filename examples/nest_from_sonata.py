"""Build the NEST network of a SONATA folder with h5py, for a NEST without HDF5, and run it.

    python examples/nest_from_sonata.py RUN/sonata --ms 1000

Reads what `spiking_bimt export RUN --format sonata` wrote; needs nest, h5py and numpy alone. The
input channels are held currents, which this script leaves at 0.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import h5py
import nest
import numpy as np
import numpy.typing as npt

MODELS = ("iaf_psc_exp", "iaf_psc_delta")
"""Models of the groups of neurons: with and without a filter of their synapses."""


def build(folder: Path, start: npt.NDArray[np.float64] | None = None) -> Any:
    """Make nodes and connections of a SONATA folder in NEST; returns the nodes.

    start: membrane potentials at the beginning, V_reset by default.
    """
    config = json.loads((folder / "circuit_config.json").read_text())["spiking_bimt"]
    nest.ResetKernel()
    nest.resolution = config["dt"]
    nodes = []
    with h5py.File(folder / "nodes.h5") as file:
        population = file["nodes/neurons"]
        for kind, place in zip(
            population["node_group_id"][()], population["node_group_index"][()], strict=True
        ):
            properties = population[str(kind)]
            if config["reset"] != "value" or np.isfinite(properties["v_min"][place]):
                raise SystemExit(f"NEST's {MODELS[kind]} resets to a value, here without a floor")
            parameters = {name: data[place] for name, data in properties["dynamics_params"].items()}
            nodes.append(nest.Create(MODELS[kind], params=parameters))
            nodes[-1].V_m = parameters["V_reset"] if start is None else start[len(nodes) - 1]
    nodes = sum(nodes[1:], nodes[0])
    with h5py.File(folder / "edges.h5") as file:
        edges = file["edges/neurons_neurons"]
        first = nodes[0].global_id
        source, target = edges["source_node_id"][()] + first, edges["target_node_id"][()] + first
        synapses = {
            "synapse_model": "static_synapse",
            "weight": edges["0/syn_weight"][()],
            "delay": edges["0/delay"][()],
        }
        if len(source):
            nest.Connect(source.astype(int), target.astype(int), "one_to_one", synapses)
    return nodes


def run(
    folder: Path, ms: float, start: npt.NDArray[np.float64] | None = None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Steps and neurons (both from 0) of the spikes of a run of `ms` milliseconds."""
    nodes = build(folder, start)
    recorder = nest.Create("spike_recorder")
    nest.Connect(nodes, recorder)
    nest.Simulate(ms)
    steps = np.rint(np.asarray(recorder.events["times"]) / nest.resolution).astype(int) - 1
    return steps, np.asarray(recorder.events["senders"]) - nodes[0].global_id


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--ms", type=float, default=1000.0)
    given = parser.parse_args()
    nest.verbosity = nest.VerbosityLevel.ERROR
    spikes, senders = run(given.folder, given.ms)
    print(f"{len(spikes)} spikes of {len(np.unique(senders))} neurons in {given.ms:g} ms")
