"""What the front door's functions and records would take, and values that they must refuse."""

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

import spiking_bimt as sb

ROOT = Path(__file__).parents[2]


def network(n: int = 30, **options: Any) -> sb.SpikingNetwork:
    weights = scipy.sparse.random_array((n, n), density=0.2, rng=np.random.default_rng(1))
    return sb.from_sparse(weights, dt=0.5, **options)


def coded() -> sb.SpikingNetwork:
    return sb.quantise(network(), 8)


def placed() -> sb.PlacedNetwork:
    core = np.arange(30) // 10
    chip = sb.load_chip("grid16")
    placement = sb.Placement("grid16", chip.n_cores, core, np.arange(30) % 10)
    return sb.PlacedNetwork(coded().quantised(), placement, chip)


def recording(**changes: Any) -> sb.Recording:
    fields: dict[str, Any] = {
        "outputs": np.zeros((4, 2)), "spike_counts": np.eye(2, 30, dtype=int), "offsets": [0, 1, 2],
        "steps": [3, 5], "neurons": [0, 1], "lengths": [10, 10], "dt": 0.5, "n_neurons": 30,
    }  # fmt: skip
    return sb.Recording(**(fields | changes))


def trials() -> sb.Trials:
    fields: dict[str, Any] = {
        "inputs": np.zeros((4, 0)), "labels": [0] * 4, "offsets": [0, 4], "decision": [2],
        "task": [0], "tasks": ("go",), "dt": 0.5,
    }  # fmt: skip
    return sb.Trials(**fields)


def rate() -> dict[str, Any]:
    return {
        "w_rec": np.zeros((2, 2)), "w_in": np.zeros((2, 3)), "b": np.zeros(2),
        "w_out": np.zeros((1, 2)), "b_out": [0.0], "positions": [[0, 0], [0, 1]], "sheet": (1, 2),
        "tau": 100.0, "dt": 20.0, "battery": "yang19", "tasks": ("go",),
    }  # fmt: skip


GOOD: dict[str, Callable[[], dict[str, Any]]] = {
    "Chip": lambda: vars(sb.load_chip("loihi")).copy(),
    "ChipNeuron": lambda: {"current": "none", "leak": "none", "reset": ("value",)},
    "ChipSynapse": dict,
    "Device": lambda: vars(sb.load_device("pcm")).copy(),
    "HeldCurrents": lambda: {"times_ms": [1.0], "neurons": [1], "values": 0.1},
    "Phase": lambda: {"name": "a", "steps": 1},
    "PlacedNetwork": lambda: vars(placed()).copy(),
    "Placement": lambda: {"chip": "grid16", "n_cores": 4, "core": [0, 1], "slot": [0, 0]},
    "PoissonSources": lambda: {"neurons": [0, 1], "rate_hz": 10.0, "weight": 0.1},
    "RateNetwork": rate,
    "Recording": lambda: vars(recording()).copy(),
    "Simulation": lambda: {"network": network()},
    "SpikeTrains": lambda: {"times_ms": [1.0], "neurons": [1]},
    "SpikingNetwork": lambda: vars(coded()).copy(),
    "TileSet": lambda: vars(sb.cut_tiles(placed()).tiles).copy(),
    "TileFile": lambda: vars(sb.cut_tiles(placed())).copy(),
    "Timeline": lambda: vars(sb.timeline(placed(), recording())).copy(),
    "TrainConfig": lambda: {"phases": (sb.Phase("a", 1),)},
    "Traffic": lambda: vars(sb.traffic(placed(), recording())).copy(),
    "Trials": lambda: vars(trials()).copy(),
    "arrange": lambda: {"network": sb.RateNetwork(**rate())},
    "chips": dict,
    "compare": dict,
    "convert": lambda: {"run": "nowhere"},
    "cut_tiles": lambda: {"placed": placed()},
    "demo": dict,
    "draw_trials": lambda: {"battery": "yang19", "tasks": ["go"], "per_task": 1, "dt": 20.0,
                            "stream": "test"},
    "export": lambda: {"run": "nowhere"},
    "from_coo": lambda: {"pre": [0], "post": [1], "weights": [1.0], "n": 2},
    "from_csr": lambda: {"indptr": [0, 1, 1], "indices": [1], "weights": [1.0]},
    "from_snntorch": lambda: {
        "source": {"fc.weight": np.eye(2), "lif.threshold": np.ones(()), "lif.beta": np.ones(())}
    },
    "from_sparse": lambda: {"matrix": scipy.sparse.csr_array((2, 2))},
    "import_network": lambda: {"file": "none.npz", "run": "nowhere"},
    "load_chip": lambda: {"chip": "loihi"},
    "load_device": lambda: {"device": "pcm"},
    "place": lambda: {"run": "nowhere"},
    "place_network": lambda: {"network": network(), "chip": "grid16", "rates_hz": np.ones(30)},
    "quantise": lambda: {"network": network(), "bits": 8},
    "random_sheet": lambda: {"side": 20},
    "read_nir": lambda: {"path": "none.nir"},
    "read_sonata": lambda: {"path": "none"},
    "read_tiles": lambda: {"path": "none.h5"},
    "report": lambda: {"run": "nowhere"},
    "share_of_file": lambda: {"path": "none.h5"},
    "share_of_rows": lambda: {"n": 2, "rows": lambda low, high: (np.zeros(high - low + 1), [], [])},
    "share_of_sheet": lambda: {"side": 20},
    "simulate": dict,
    "simulate_network": lambda: {"network": network(), "duration_ms": 10},
    "simulate_trials": lambda: {"network": network(), "trials": trials()},
    "split_by_rank": lambda: {"network": network(), "n_ranks": 2},
    "study": lambda: {"name": "chip", "out": "nowhere"},
    "timeline": lambda: {"placed": placed(), "recording": recording()},
    "traffic": lambda: {"placed": placed(), "recording": recording()},
    "train": lambda: {"run": "nowhere"},
    "verify": lambda: {"file": "nowhere"},
    "warm": dict,
    "write_tiles": lambda: {"path": "none/t.h5", "content": sb.cut_tiles(placed())},
}  # fmt: skip
"""Arguments with which each function or record would work, or find no file."""

WITHOUT_ARGUMENTS = {"configs", "devices", "taking_changed", "tasks", "trusting"}


NAN, NAN_30 = math.nan, np.full(30, np.nan)
MASKED: Any = np.ma.masked_values([1.0], 1.0)  # type: ignore[no-untyped-call]
BAD: dict[str, dict[str, list[Any]]] = {
    "from_csr": {
        "indptr": [[], [0], [[0, 1]], [0, 2, 1], [1, 1, 1], [0, 0.5, 1], "text"],
        "indices": [[2], [-1], [0.5], [[1]], [], ["a"]],
        "weights": [[NAN], [math.inf], [1.0, 2.0], [[1.0]], 1.0, [1j],
                    MASKED],
        "dt": [NAN, 0.0, -1.0, math.inf, "1", 10**400],
        "delay": [-1, 1.5, 10**9, True],
        "delays": [[-1], [1, 1], [0.5], 3],
        "reset": ["substract", "", 1],
        "positions": [[[0, 0]], [0, 1], [[0.5, 0], [0, 0]], [[-5, -5], [-6, -6]]],
        "tau_mem": [0.0, -1.0, NAN, [1.0], [1.0, NAN], "20", 1e300,
                    scipy.sparse.csr_array((2, 2))],
        "tau_syn": [-1.0, NAN, math.inf],
        "v_th": [0.0, NAN, math.inf],
        "v_reset": [1.0, NAN, math.inf],
        "v_leak": [NAN, math.inf],
        "v_min": [1.0, NAN],
        "t_ref": [-1.0, NAN, math.inf],
        "bias": [NAN, math.inf, [1.0, 2.0, 3.0]],
    },
    "from_snntorch": {
        "source": [3, None, [np.eye(2)]],
        "dt": [0.0, NAN, -1.0],
        "inputs": ["level"],
        "order": [["fc"], ["fc", "fc", "lif"], "fc,lif"],
    },
    "from_coo": {
        "pre": [[-1], [2], [0.5], [[0]], [], [0, 1]],
        "post": [[-1], [2], [0.5], [[0]], []],
        "weights": [[NAN], [1.0, 2.0], 1.0],
        "n": [0, -1, 1.5, NAN, True, 2**70],
        "delays": [[1, 1], [-1]],
    },
    "from_sparse": {
        "matrix": [np.eye(2), [[1.0]], scipy.sparse.csr_array((2, 3)),
                   scipy.sparse.csr_array((0, 0)), scipy.sparse.csr_array([[NAN]]),
                   scipy.sparse.csr_array([[1j]])],
    },
    "random_sheet": {
        "side": [0, -3, 1.5, 10**7, 2**70], "fan_out": [-1, 10**6],
        "scale": [0.0, -1.0, NAN, math.inf],
        "reach": [-1, 100], "excitatory": [-0.1, 1.1, NAN], "weights": [(1.0,), (NAN, 1.0)],
        "spread": [-1.0, NAN, math.inf, 1e9], "seed": [-1, 0.5, 2**63, 2**70],
    },
    "quantise": {"bits": [0, 1, 17, -8, 8.0, NAN], "per": ["neurons", "core", ""]},
    "simulate_network": {
        "network": [scipy.sparse.csr_array((2, 2)), np.eye(3)],
        "duration_ms": [NAN, math.inf, 0, -10, 0.3, "10", 2**70, 1e308],
        "inputs": [np.zeros(3), [np.zeros(3)], [None], 3,
                   [sb.PoissonSources([40], 1.0, 1.0)], [sb.SpikeTrains([1.0], [30])]],
        "mode": ["clok", "", 0], "threads": [0, -1, 1.5], "traces": [[30], [-1], [0.5], NAN],
        "seed": [-1, 0.5, 2**63, 2**64], "v_start": [[0.0], NAN_30, 0.0, np.full(30, 1e300)],
        "epoch": [0, -1, 10**6], "dtype": ["int8", "text", "a\udc80", np.int32, np.ones((2, 2))],
        "order": ["sheat", [0, 1], np.zeros(30)], "comm": [3, "world"],
        "ranks": [[0], np.ones(30), np.full(30, -1), "all"],
    },
    "share_of_file": {"path": ["", str(ROOT / "README.md")], "comm": [3]},
    "share_of_rows": {"n": [0, -1, 1.5, 2**70], "rows": [3, "rows"], "comm": [3], "ranks": [[0]],
                      "dt": [0.0, NAN], "delay": [-1, 1.5], "reset": ["hard"]},
    "share_of_sheet": {"side": [0, 10**7], "fan_out": [-1], "positions": [[[0, 0]]], "comm": [3]},
    "split_by_rank": {"network": [np.eye(3)], "n_ranks": [0, -1, 31, 1.5, 2**70]},
    "simulate_trials": {
        "trials": [recording(), np.zeros((4, 3))], "seed": [-1, 2**63, 2**64], "threads": [0, -1],
        "record_spikes": ["no", 2], "dtype": ["int8", "text"],
    },
    "place_network": {
        "network": [placed()],
        "chip": ["lohi", "", "none.toml", Path("none.toml"), 3],
        "rates_hz": [[1.0], NAN_30, -np.ones(30), np.ones((30, 1)), 1.0, "fast",
                     np.full(30, 1e300)],
        "seed": [-1, 0.5, 2**63], "cores": [0, 31, -1],
        "effort": [0.0, -1.0, NAN, math.inf, 1e308],
        "time_limit": [0.0, -1.0, NAN], "starts": [[], ["spiral"], "blocks"],
        "progress": ["bar"],
    },
    "traffic": {"recording": [recording(n_neurons=31, spike_counts=np.eye(2, 31, dtype=int)),
                              recording(dt=1.0), np.ones(30)], "placed": [network()]},
    "timeline": {"recording": [recording(steps=[], neurons=[], offsets=[0, 0, 0]),
                               recording(dt=1.0)]},
    "cut_tiles": {"placed": [sb.PlacedNetwork(network(), placed().placement, placed().chip)]},
    "read_tiles": {"path": ["none.h5", "", Path(), str(ROOT / "README.md")]},
    "write_tiles": {"path": ["none/t.h5", "", "/proc/t.h5"], "content": [placed()],
                    "settings": [{"a": np.float32}], "inputs": [{"a": Path("none")}, {"a": "none"}],
                    "device": ["pmc", "none.toml"]},
    "read_nir": {"path": ["none.nir", ""], "dt": [NAN]},
    "read_sonata": {"path": ["none", "", str(ROOT / "README.md")], "dt": [NAN]},
    "load_chip": {"chip": ["lohi16", "", "pcm", "none.toml", Path("none.toml")]},
    "load_device": {"device": ["pcn", "", "loihi", "none.toml"]},
    "draw_trials": {
        "battery": ["yang20", ""], "tasks": [[], ["gone"], ["go", "go"], "go"],
        "per_task": [0, -1, 10**9], "dt": [0.0, -1.0, NAN, math.inf, 1e9, 1e-300],
        "stream": ["tests", ""], "seed": [-1, 2**63], "pool": [-1, 2**63],
    },
    "PoissonSources": {
        "neurons": [[0.5], [[0]], "all"], "rate_hz": [-1.0, NAN, [1.0, 2.0, 3.0], math.inf],
        "weight": [NAN, math.inf, "1"], "seed": [-1, 2**63],
    },
    "SpikeTrains": {
        "times_ms": [[-1.0], [NAN], [1.0, 2.0], 1.0], "neurons": [[0.5], [0, 1], [-1]],
        "weights": [NAN, [1.0, 2.0]],
    },
    "HeldCurrents": {"times_ms": [[-1.0], [NAN]], "neurons": [[0.5]], "values": [NAN, [1.0, 2.0]]},
    "Placement": {"core": [[0, 4], [-1, 0], []], "slot": [[0], [0, -1]], "n_cores": [0, -1, 2.5]},
    "Chip": {
        "width": [0, -1, 2.5, 2**18, 2**70], "height": [2**70], "cores_per_tile": [2**70],
        "neurons_per_core": [2**31, 2**70], "weight_bits": [65, 2**70], "input_axons": [2**70],
        "output_axons": [2**70], "synapse_bits": [2**70], "destinations": [2**70],
        "synapses_per_neuron": [2**70], "crossbar_rows": [2**70], "crossbar_cols": [2**70],
        "routing": ["unicats"], "packet_cost": [-1.0, NAN, math.inf, 1e308, 10**400],
        "hop_cost_x": [1e308], "hop_cost_y": [1e308],
        "energy": [{"soma": 1e308, "spike": 1.0, "synapse": 1.0}],
    },
    "ChipNeuron": {
        "current": ["exp"], "leak": [1], "reset": [(), ("value", "value"), ("hard",)],
        "delay": [(0, 1), (3, 2)], "state_bits": [1, 33, 2**70], "order": [("fire",)],
    },
    "ChipSynapse": {"sign": ["both"], "magnitude_bits": [0, 17], "levels_per_core": [0]},
    "SpikingNetwork": {
        "task_dt": [1e308, 0.3, 0.0, NAN], "in_codes": [None], "bits": [None, 1, 17],
        "positions": [np.full((30, 2), -1), np.full((30, 2), 30)], "sheet": [(1, 1), (0, 2)],
    },
    "convert": {"run": ["new\nline"], "method": ["finetun", ""], "reset": ["substract"],
                "seed": [-1], "dt": [0.0, NAN, math.inf]},
    "study": {"name": ["chp", ""]},
    "Recording": {
        "offsets": [[0, 1], [1, 1, 2], [0, 2, 1]], "steps": [[-1, 0], [0.5, 1], [1]],
        "neurons": [[0, 30], [0, -1]], "lengths": [[-1, 1], [1]], "dt": [0.0, NAN, -1.0],
        "spike_counts": [np.zeros((1, 30)), np.zeros((2, 30)), -np.eye(2, 30),
                         np.eye(2, 30)[::-1]],
        "first_step": [-5, 2**31, 2**70], "outputs": [np.zeros(3), [[NAN]]],
    },
    "TileFile": {
        "chip": [sb.load_chip("loihi"), dataclasses.replace(placed().chip, crossbar_rows=7)],
        "network": [network(n=31)],
        "placement": [dataclasses.replace(placed().placement, core=(np.arange(30) // 10 + 1) % 3)],
    },
    "Timeline": {"spikes": [1, [-1] * 20, [0.5] * 20], "packets": [[1], [[1]], -1],
                 "busiest_link": [[-2] * 20], "time_ns": [[1.0]]},
    "Traffic": {"packets": [-1, 0.5], "link_load": ["x", 4, np.zeros((2, 2)), -np.ones((1, 1, 4))],
                "spikes": [-1], "energy_pj": [{"soma": "x"}]},
    "Trials": {"offsets": [[], [0], [0, 5]], "dt": [0.0, NAN], "inputs": [np.zeros((3, 1))]},
    "RateNetwork": {"w_rec": [[], 1.0, np.zeros((2, 3)), [[NAN] * 2] * 2], "tau": [0.0, NAN],
                    "positions": [[[0, 0], [0, 0]], [[0, 5], [0, 0]]], "activation": ["tanh"]},
}  # fmt: skip
"""Values of the right kind, or nearly, that cannot be: shapes, dtypes, ranges, names."""
