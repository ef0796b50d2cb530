"""Run a netx file in Lava's simulator of Loihi's integers, through lava-dl's own reader.

    python netx_in_lava.py RUN/netx.h5 SPIKES.NPZ --steps 1000 --rate 0.05

Needs Python 3.10: `pip install lava-nc h5py matplotlib && pip install --no-deps lava-dl`. Every
input gets random spikes, with a probability of --rate in each step. These spikes and those of the
layer are written, (steps, ..).
"""

import argparse
import sys
import types

import numpy as np
import numpy.typing as npt


def without_training() -> None:
    """Make lava-dl's reader importable without torch, which only its training needs.

    The reader imports one function of the training part, for resonate-and-fire neurons, which no
    file here has.
    """
    names = ("torch", *(f"lava.lib.dl.slayer{part}" for part in ("", ".neuron", ".neuron.rf")))
    for name in names:
        sys.modules[name] = types.ModuleType(name)
    for name in ("Tensor", "tensor", "device"):  # in annotations
        setattr(sys.modules["torch"], name, type(None))
    setattr(sys.modules["lava.lib.dl.slayer.neuron.rf"], "neuron_params", None)  # noqa: B010


def run(path: str, inputs: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """(steps, N) spikes of the file's layer for inputs (steps, C), 1 where a channel spikes."""
    from lava.lib.dl.netx.hdf5 import Network
    from lava.magma.core.run_conditions import RunSteps
    from lava.magma.core.run_configs import Loihi2SimCfg
    from lava.proc.io.source import RingBuffer
    from lava.proc.monitor.process import Monitor

    network, source, monitor = Network(path), RingBuffer(data=inputs.T), Monitor()
    source.s_out.connect(network.inp)
    monitor.probe(network.layers[-1].out, len(inputs))
    network.run(RunSteps(len(inputs)), Loihi2SimCfg(select_tag="fixed_pt"))
    ((spikes,),) = (record.values() for record in monitor.get_data().values())
    network.stop()
    return np.asarray(spikes > 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file")
    parser.add_argument("out")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=0.05)
    given = parser.parse_args()
    without_training()
    from lava.lib.dl.netx.utils import NetDict

    channels = int(NetDict(given.file)["layer"][0]["shape"][0])
    draw = np.random.default_rng(0).random((given.steps, channels))
    inputs = (draw < given.rate).astype(np.int64)
    spikes = run(given.file, inputs)
    print(f"{spikes.sum()} spikes of {spikes.any(0).sum()} neurons in {given.steps} steps")
    np.savez_compressed(given.out, inputs=inputs.astype(bool), spikes=spikes)
