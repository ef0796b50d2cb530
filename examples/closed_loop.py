"""A controller that reads spikes and sets currents: it holds a population at a rate.

    python closed_loop.py

A sheet of excitatory and inhibitory neurons is run one step at a time. After each step a
proportional-integral controller compares the population's rate, smoothed over 50 ms, with what is
wanted, and sets the current that every neuron gets in the next step. The wanted rate changes in the
middle of the run.
"""

import numpy as np

import spiking_bimt as sb

WANTED_HZ = (10.0, 25.0)
"""Rate in the first and in the second half of the run, Hz."""
HALF_MS = 2000.0
SMOOTHING_MS = 50.0
PROPORTIONAL = 2e-4
"""Current (v per ms) for each Hz that the rate lacks."""
INTEGRAL = 4e-6
"""Current (v per ms) for each Hz ms that it has lacked so far."""


def main() -> list[float]:
    """Run the loop; the mean rate in the last half second at each wanted rate, Hz."""
    network = sb.random_sheet(20, dt=0.5, t_ref=2.0)
    simulation = sb.Simulation(network, mode="clock")
    n, dt = network.n_neurons, network.dt
    fade = float(np.exp(-dt / SMOOTHING_MS))
    rate, lacked, reached = 0.0, 0.0, []
    current = np.empty(n)
    for wanted in WANTED_HZ:
        counts = []
        for _ in range(round(HALF_MS / dt)):
            missing = wanted - rate
            lacked += missing * dt
            current[:] = PROPORTIONAL * missing + INTEGRAL * lacked
            spikes = simulation.step(currents=current)
            counts.append(len(spikes))
            rate = fade * rate + (1 - fade) * 1000 * len(spikes) / (n * dt)
        last = counts[-round(500 / dt) :]
        reached.append(1000 * sum(last) / (n * dt * len(last)))
        print(f"wanted {wanted:.0f} Hz, reached {reached[-1]:.1f} Hz")
    return reached


if __name__ == "__main__":
    main()
