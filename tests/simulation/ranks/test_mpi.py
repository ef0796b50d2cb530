"""Two processes of mpiexec: the bits of one, and one line where they cannot go on."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import spiking_bimt as sb
from spiking_bimt.data import store
from spiking_bimt.formats.sonata import read_spikes

MPIEXEC = Path(sys.executable).with_name("mpiexec")

SCRIPT = """
import sys
import numpy as np
from mpi4py import MPI
import spiking_bimt as sb

comm = MPI.COMM_WORLD
network = sb.random_sheet(30, dt=0.5, t_ref=2.0, bias=0.04, delay=int(sys.argv[1]))
inputs = [sb.PoissonSources(range(900), 30.0, 0.5)]
ranks = np.random.default_rng(0).integers(0, 2, 900)
simulation = sb.Simulation(network, inputs=inputs, traces=[3, 700], comm=comm, ranks=ranks)
if comm.rank == 1 and "fail" in sys.argv:
    raise sb.InputError("no more of this")
runs = [simulation.advance(steps) for steps in (101, 200)]
alone = sb.Simulation(network, inputs=inputs, traces=[3, 700])
for run, whole in zip(runs, [alone.advance(steps) for steps in (101, 200)]):
    if comm.rank == 0:
        np.testing.assert_array_equal(run.steps, whole.steps)
        np.testing.assert_array_equal(run.neurons, whole.neurons)
        np.testing.assert_array_equal(run.traces, whole.traces)
        print("spikes", run.n_spikes)
"""

with_mpi = pytest.mark.skipif(
    importlib.util.find_spec("mpi4py") is None or not MPIEXEC.exists(),
    reason="mpi4py, or an mpiexec beside this Python, is not installed",
)


def mpiexec(*arguments: str | Path, size: int = 2) -> "subprocess.CompletedProcess[str]":
    command = [str(MPIEXEC), "-n", str(size), sys.executable, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


@with_mpi
def test_two_processes_give_the_bits_of_one(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    ran = mpiexec(script, "4")
    assert ran.returncode == 0, ran.stderr
    counts = [int(line.split()[1]) for line in ran.stdout.splitlines()]
    assert len(counts) == 2
    assert min(counts) > 500


@with_mpi
def test_an_error_of_one_process_ends_both_with_a_line(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    ran = mpiexec(script, "4", "fail")
    assert ran.returncode != 0
    assert "rank 1: no more of this" in ran.stderr
    assert "Traceback" not in ran.stderr


@with_mpi
def test_simulate_runs_over_processes(tmp_path: Path) -> None:
    network = sb.quantise(sb.random_sheet(20, dt=0.5, bias=0.06), bits=8)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        store.save(network, tmp_path / name / "network.h5", {})
    sb.place(tmp_path / "two", starts=["blocks"], poisson_hz=20, ms=50)
    options = ("--poisson-hz", "20", "--ms", "100")
    ran = mpiexec("-m", "spiking_bimt", "simulate", tmp_path / "two", *options, "--json")
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    alone = sb.simulate(tmp_path / "one", poisson_hz=20, ms=100)
    assert told["spikes"] == alone["spikes"] > 100
    one, two = (read_spikes(tmp_path / name / "spikes.h5") for name in ("one", "two"))
    np.testing.assert_array_equal(one.steps, two.steps)
    np.testing.assert_array_equal(one.neurons, two.neurons)
    refused = mpiexec("-m", "spiking_bimt", "place", tmp_path / "two")
    lines = [line for line in refused.stderr.splitlines() if "spiking_bimt:" in line]
    # Both see it. Rank 1 lets rank 0 tell it, unless that one starts seconds later.
    assert {line.replace("rank 1", "rank 0") for line in lines} == {
        "spiking_bimt: rank 0: place runs in one process: start it without mpiexec"
    }


def test_the_extra_is_named_where_mpi4py_lacks(tmp_path: Path) -> None:
    hide = tmp_path / "mpi4py.py"
    hide.write_text("raise ModuleNotFoundError('hidden', name='mpi4py')")
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    lines = []
    for rank in ("0", "1"):
        environment = os.environ | {"PMI_RANK": rank, "PMI_SIZE": "2", "PYTHONPATH": path}
        command = [sys.executable, "-m", "spiking_bimt", "simulate", str(tmp_path)]
        ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        assert ran.returncode == 2
        lines += ran.stderr.splitlines()
    assert len(lines) == 1
    assert "mpi4py is not installed: pip install 'spiking-bimt[mpi]'" in lines[0]
