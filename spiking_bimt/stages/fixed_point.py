"""`simulate --state-bits`: trials with membranes and currents in fixed point."""

from pathlib import Path
from typing import Any

from spiking_bimt import run_folder
from spiking_bimt.battery.accuracy import score
from spiking_bimt.battery.drive import trials_of
from spiking_bimt.data import store
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.simulation.fixed import FixedPoint, run_fixed
from spiking_bimt.simulation.run import run_trials
from spiking_bimt.stages.simulate import with_weights


def fixed_point(
    run: str | Path, *, state_bits: int, weights: str = "auto", trials: int = 10, seed: int = 0
) -> dict[str, Any]:
    """Run test trials with states of `state_bits` bits, and in floating point; writes nothing.

    trials: trials a task. weights, seed: as in `simulate`. Returns the accuracy of both (None for
    a network without tasks), their spikes, and how often a membrane or a current saturated.
    """
    widths = FixedPoint(membrane=state_bits, current=state_bits)
    source = run_folder.require(Path(run), "network.h5")
    network = with_weights(store.load(source, SpikingNetwork), weights)
    driven, test = trials_of(network, trials, "test")
    fixed = run_fixed(driven, test, widths, seed=seed)
    floating = run_trials(driven, test, seed=seed, record_spikes=False)
    return {
        "trials": test.n_trials,
        "state_bits": state_bits,
        "decay_bits": widths.decay,
        "accuracy": score(fixed.outputs, test).accuracy if network.tasks else None,
        "floating_accuracy": score(floating.outputs, test).accuracy if network.tasks else None,
        "spikes": int(fixed.spike_counts.sum()),
        "floating_spikes": int(floating.spike_counts.sum()),
        "membrane_overflows": fixed.membrane_overflows,
        "current_overflows": fixed.current_overflows,
    }
