"""NIR files (https://neuroir.org): a nested recurrent CubaLIF, as snnTorch and Rockpool read it.

    input -> input_weights (Affine) -> neurons (NIRGraph) -> output
    neurons: input -> lif (CubaLIF, or LIF where tau_syn is 0) -> output,
             lif -> w_rec (Affine, bias 0) -> lif

NIR's CubaLIF, time in seconds, v in the network's own unit:

    tau_syn di/dt = -i + w_in s,   tau_mem dv/dt = (v_leak - v) + r i,   v <- v_reset at a spike

NIR fixes neither units nor what a spike's s is. Its readers step at `STEP`, count a spike as
s = 1 during one step and expect r = tau_mem / STEP, w_in = tau_syn / STEP, so that is written: one
spike through weight W moves v by W tau_syn / STEP in total. The names of nodes are in the order of
the data, because nirtorch wires nodes in the order of their names and fails in another.
"""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data import store
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.neurons import PARAMETERS
from spiking_bimt.errors import InputError

Array = npt.NDArray[Any]

STEP = 1e-4
"""Step of a reader, s: snnTorch has it as a constant."""
NO_LEAK = 2.0**26
"""Membrane time constant in steps that stands for none: no float32 step shows its leak."""
_HELD = (*(name for name, row in PARAMETERS.items() if row.nir), "poisson")
"""Parameters that a file holds; that Poisson sources become regular is told by `export`."""
WARN_BYTES = 2**26
"""Bytes of the dense weights above which a file is called large."""
MOST_BYTES = 2**30
"""Bytes of the dense weights above which it is refused."""


def nir_losses(network: SpikingNetwork) -> list[str]:
    """What of the network NIR's CubaLIF cannot say, in words; empty where it says all."""
    delay = network.delay if network.delays is None else int(network.delays.max(initial=1))
    driven = len(network.in_indices) > 0 or network.bias.any()
    losses = {
        "reset by subtraction (NIR resets to v_reset)": network.reset != "value",
        **dict.fromkeys(network.losses(known=_HELD), True),
        f"synaptic delays of up to {delay} steps (readers have no delay)": delay > 0,
        "held input and bias go through the synapse (tau_syn)": bool(
            driven and network.tau_syn.any()
        ),
        "the readout": bool(network.w_out.any()),
    }
    return [text for text, lost in losses.items() if lost]


def nir_form(network: SpikingNetwork) -> SpikingNetwork:
    """What a NIR file of the network holds, as `read_nir` gives it back."""
    n = network.n_neurons
    return network.without_codes(
        reset="value", delay=0, delays=None, w_out=np.zeros((1, n), np.float32),
        b_out=np.zeros(1, np.float32), **network.defaults(known=_HELD),
    )  # fmt: skip


def dense_bytes(network: SpikingNetwork) -> int:
    """Size of the dense float64 weights; InputError where they are larger than `MOST_BYTES`."""
    size = 8 * network.n_neurons * (network.n_neurons + max(network.n_inputs, 1))
    if size > MOST_BYTES:
        raise InputError(
            f"the format holds weights as dense matrices: {network.n_neurons} neurons take "
            f"{size / 2**30:.1f} GiB, the most is {MOST_BYTES / 2**30:.0f} GiB; "
            "export to SONATA, which is sparse"
        )
    return size


def write_nir(path: Path, network: SpikingNetwork) -> None:
    """Write the network in NIR's terms, atomically; see `nir_losses` for what it loses.

    Raises InputError where the dense weights are too large or the file cannot be written.
    """
    nir = nir_package()
    filtered = network.tau_syn > 0
    if filtered.any() and not filtered.all():
        raise InputError(
            f"neuron {int(np.argmin(filtered))} has synapses without filter (tau_syn 0), neuron "
            f"{int(np.argmax(filtered))} has not: in NIR they are a LIF and a CubaLIF, and one "
            "population is written; export to SONATA"
        )
    dense_bytes(network)
    n, channels = network.n_neurons, max(network.n_inputs, 1)
    tau_syn = network.tau_syn.astype(float) / 1000
    tau_mem = np.minimum(network.tau_mem.astype(float) / 1000, NO_LEAK * STEP)
    per_spike = np.divide(STEP, tau_syn, where=filtered, out=np.ones(n))
    # A current of x v per ms moves v by 1000 STEP x in a step, through a filter of gain 1.
    per_current = 1000 * STEP * per_spike
    w_rec = dense(network.indptr, network.indices, network.weights, n) * per_spike[:, None]
    w_in = np.zeros((n, channels))
    w_in[:, : network.n_inputs] = dense(
        network.in_indptr, network.in_indices, network.in_weights, n
    ) * per_current[:, None]  # fmt: skip
    common = {
        "r": tau_mem / STEP, "v_leak": network.v_leak.astype(float),
        "v_threshold": network.v_th.astype(float), "v_reset": network.v_reset.astype(float),
    }  # fmt: skip
    lif = (
        nir.CubaLIF(tau_mem=tau_mem, tau_syn=tau_syn, w_in=tau_syn / STEP, **common)
        if filtered.all()
        else nir.LIF(tau=tau_mem, **common)
    )
    neurons = nir.NIRGraph(
        nodes={
            "input": nir.Input({"input": np.array([n])}),
            "lif": lif,
            "output": nir.Output({"output": np.array([n])}),
            "w_rec": nir.Affine(weight=w_rec, bias=np.zeros(n)),
        },
        edges=[("input", "lif"), ("lif", "w_rec"), ("w_rec", "lif"), ("lif", "output")],
    )
    graph = nir.NIRGraph(
        nodes={
            "input": nir.Input({"input": np.array([channels])}),
            "input_weights": nir.Affine(weight=w_in, bias=network.bias * per_current),
            "neurons": neurons,
            "output": nir.Output({"output": np.array([n])}),
        },
        edges=[("input", "input_weights"), ("input_weights", "neurons"), ("neurons", "output")],
        metadata={
            "writer": f"spiking_bimt {store.version()}", "time_unit": "s", "dt": network.dt,
            "populations": json.dumps(network.populations),
        },
    )  # fmt: skip
    image = io.BytesIO()
    nir.write(image, graph)
    store.write_bytes(path, image.getvalue())


def nir_package() -> Any:
    """The nir package; InputError that names the install command where it is absent."""
    try:
        import nir
    except ImportError as error:
        raise InputError(
            "NIR files need the package nir: pip install 'spiking-bimt[nir]'"
        ) from error
    return nir


def dense(indptr: Array, indices: Array, weights: Array, n: int) -> Array:
    """[post, pre] matrix of CSR rows by source; parallel synapses add up."""
    out = np.zeros((n, len(indptr) - 1))
    source = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    np.add.at(out, (indices, source), weights)
    return out
