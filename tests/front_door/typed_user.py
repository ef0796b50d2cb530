"""A user's program that uses every public name; mypy's strict checks run over it, nothing else."""

from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from matplotlib.axes import Axes

import spiking_bimt as sb


def networks(folder: Path, module: Any) -> list[sb.SpikingNetwork]:
    """Every way to a spiking network."""
    one = sb.from_csr([0, 1, 1], [1], [0.5], tau_mem=20.0, dt=0.5)
    return [
        one,
        sb.from_coo([0], [1], [0.5], 2, delays=[3]),
        sb.from_sparse(scipy.sparse.eye_array(3), tau_syn=5.0),
        sb.random_sheet(20, seed=1),
        sb.from_snntorch(module, dt=1.0),
        sb.read_nir(folder / "a.nir", step="euler"),
        sb.read_sonata(str(folder)),
        sb.quantise(one, 8, per="network").quantised(),
    ]


def rate_network(rate: sb.RateNetwork) -> sb.RateNetwork:
    """A rate network with short wires."""
    return sb.arrange(rate)


def simulated(network: sb.SpikingNetwork) -> sb.Recording:
    """A run under every stimulus, in parts."""
    poisson = sb.PoissonSources(range(2), 10.0, 0.1)
    trains = sb.SpikeTrains([1.0], [0])
    held = sb.HeldCurrents([1.0], [1], 0.1)
    whole: sb.Recording = sb.simulate_network(
        network, 100.0, inputs=[poisson, trains, held], threads=2
    )
    simulation: sb.Simulation = sb.Simulation(network, inputs=[poisson, held])
    rates: np.ndarray[Any, Any] = whole.rates_hz
    assert len(rates) == network.n_neurons
    return simulation.advance(100)


def shared(comm: Any, folder: Path, placed: sb.PlacedNetwork) -> sb.Recording:
    """One network over many processes."""
    ranks = sb.split_by_rank(placed, 2)
    file = sb.share_of_file(folder / "network.h5", comm=comm, ranks=ranks)
    rows = sb.share_of_rows(3, lambda low, high: ([0] * (high - low + 1), [], []), comm=comm)
    print(rows.sources, sb.share_of_sheet(20, comm=comm, seed=1).n_synapses)
    return sb.Simulation(file, comm=comm).advance(100)


def scored(network: sb.SpikingNetwork) -> sb.Recording:
    """Trials of tasks."""
    trials: sb.Trials = sb.draw_trials("yang19", ["go"], 2, 20.0, stream="test")
    return sb.simulate_trials(network, trials, seed=1)


def on_chip(network: sb.SpikingNetwork, run: sb.Recording, path: Path) -> sb.TileFile:
    """From a network to tiles."""
    chip: sb.Chip = sb.load_chip("loihi16")
    neuron: sb.ChipNeuron | None = chip.neuron
    synapse: sb.ChipSynapse | None = chip.synapse
    placed: sb.PlacedNetwork = sb.place_network(network, chip, run.rates_hz)
    placement: sb.Placement = placed.placement
    costs: sb.Traffic = sb.traffic(placed, run)
    steps: sb.Timeline = sb.timeline(placed, run)
    device: sb.Device = sb.load_device("pcm")
    content: sb.TileFile = sb.cut_tiles(placed)
    tiles: sb.TileSet = content.tiles
    sb.write_tiles(path, content, device=device)
    print(neuron, synapse, placement.core, costs.packets, steps.packets, tiles.n_tiles)
    return sb.read_tiles(path)


def figures(
    network: sb.SpikingNetwork, rate: sb.RateNetwork, run: sb.Recording, placed: sb.PlacedNetwork
) -> list[Axes]:
    """The figures whose records are at hand."""
    costs, tiles = sb.traffic(placed, run), sb.cut_tiles(placed)
    return [
        sb.plot.raster(run),
        sb.plot.rates(run),
        sb.plot.sheet(network),
        sb.plot.wiring(rate),
        sb.plot.cores(placed),
        sb.plot.links(placed, costs),
        sb.plot.occupancy(tiles),
        sb.plot.energy(costs),
        sb.plot.accuracy(rate),
    ]


def more_figures() -> list[object]:
    """The others."""
    plot = sb.plot
    return [plot.clusters, plot.confusion, plot.tiles, plot.traffic, plot.training, plot.variance]


def commands(run: Path) -> list[dict[str, Any]]:
    """Every command as a function."""
    phase = sb.Phase("grow", 10, l1=1e-5)
    config = sb.TrainConfig(phases=(phase,))
    with sb.taking_changed(), sb.trusting(["own_task:Compare"]):
        results: list[dict[str, Any]] = [
            sb.train(run, config=config, tasks=("go",)),
            sb.convert(run, bits=8),
            sb.place(run, chip="loihi16"),
            sb.simulate(run, poisson_hz=10.0),
            sb.export(run, formats=("tiles",)),
            sb.verify(run),
            sb.report(run),
            sb.compare(run),
            sb.study("chip", run),
            sb.import_network("a.nir", run),
            sb.demo(),
            sb.chips(),
            sb.configs(),
            sb.devices(),
            sb.tasks(),
            sb.warm(threads=1),
        ]
    return results


def refused(run: Path) -> str:
    """What is caught."""
    try:
        sb.verify(run)
    except (sb.InputError, sb.CheckError) as error:
        return f"{sb.__version__}: {error}"
    return ""
