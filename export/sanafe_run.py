"""Runs an exported network with SANA-FE and gathers what it counted.

SANA-FE ends its process on some errors, and prints its progress from C++, so it has a process of
its own: this module run as a program.
"""

import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spiking_bimt.errors import InputError


class Counted(NamedTuple):
    """What SANA-FE simulated."""

    spikes: npt.NDArray[np.bool_]
    """(steps, N)."""
    packets: int
    hops: int
    synaptic_events: int
    energy_pj: float
    """Energy of all events, pJ."""


def run_sanafe(folder: Path, steps: int) -> Counted:
    """Load arch.yaml and network.yaml of a folder into SANA-FE and run so many steps.

    Raises InputError where SANA-FE is not installed or refuses a file.
    """
    if importlib.util.find_spec("sanafe") is None:
        raise InputError(
            "running a SANA-FE export needs the package sanafe: pip install 'spiking-bimt[sanafe]'"
        )
    for name in ("arch.yaml", "network.yaml"):
        if not (folder / name).is_file():
            raise InputError(f"{folder / name} does not exist")
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "counted.npz"
        command = [sys.executable, "-m", __name__, str(folder), str(steps), str(out)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0 or not out.is_file():
            lines = [line for line in done.stderr.splitlines() if line.strip()]
            reason = lines[-1].strip() if lines else f"exit code {done.returncode}"
            raise InputError(f"SANA-FE refuses {folder} ({reason})")
        with np.load(out) as found:
            packets, hops, events = (int(found[name]) for name in ("packets", "hops", "events"))
            return Counted(found["spikes"], packets, hops, events, float(found["energy_pj"]))


def _main(folder: str, steps: str, out: str) -> None:
    import sanafe

    arch = sanafe.load_arch(f"{folder}/arch.yaml")
    network = sanafe.load_net(f"{folder}/network.yaml", arch)
    chip = sanafe.SpikingChip(arch)
    chip.load(network)
    # The timing model changes times alone, which the exported architecture leaves at 0.
    found: Any = chip.sim(int(steps), timing_model="simple", spike_trace=True, perf_trace=True)
    spikes = np.zeros((int(steps), len(network.groups["n"].neurons)), bool)
    for step, fired in enumerate(found["spike_trace"]):
        for neuron in fired:
            spikes[step, neuron.neuron_offset] = True
    np.savez(
        out,
        spikes=spikes,
        packets=found["packets_sent"],
        hops=sum(found["perf_trace"]["hops"]),
        events=found["spikes"],
        energy_pj=1e12 * found["energy"]["total"],
    )


if __name__ == "__main__":
    _main(*sys.argv[1:])
