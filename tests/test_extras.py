"""The core works without the packages of the extras; what needs one names its extra."""

import subprocess
import sys
from pathlib import Path

import pytest

BLOCK = """
import sys

class Absent:
    \"\"\"Modules of the extras, as if they were not installed.\"\"\"
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "snntorch", "neurogym", "gymnasium", "sklearn",
                                  "networkx", "joblib", "jinja2", "pandas", "dask", "sanafe"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
"""


def run_core(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BLOCK + code], capture_output=True, text=True, cwd=folder
    )


def command(*given: str) -> str:
    return f"sys.argv[1:] = {list(given)!r}\nfrom spiking_bimt.cli import main\nmain()"


COMMANDS = """
from spiking_bimt.cli import main

for line in ("import network.npz run --bits 8", "place run", "export run --format tiles,c",
             "verify run"):
    sys.argv[1:] = line.split()
    try:
        main()
    except SystemExit as end:
        assert not end.code, line
"""


NETWORK = """
import numpy as np, scipy.sparse, spiking_bimt as sb
rng = np.random.default_rng(0)
weights = scipy.sparse.random_array((40, 40), density=0.1, rng=rng)
scipy.sparse.save_npz("network.npz", scipy.sparse.csr_matrix(weights))
"""


@pytest.mark.slow
def test_own_networks_are_placed_simulated_and_exported_by_the_core(tmp_path: Path) -> None:
    code = NETWORK + (
        "network = sb.quantise(sb.from_sparse(weights, tau_mem=20, tau_syn=5), 8).quantised()\n"
        "run = sb.simulate_network(network, 100, inputs=[sb.PoissonSources(range(40), 100, 9)])\n"
        "placed = sb.place_network(network, 'loihi16', run.rates_hz)\n"
        "sb.timeline(placed, run), sb.traffic(placed, run)\n"
        "sb.write_tiles('tiles.h5', sb.cut_tiles(placed))\n"
        "sb.plot.raster(run), sb.plot.cores(placed), sb.plot.sheet(network)\n"
        "print(run.n_spikes > 0, sb.read_tiles('tiles.h5').network.n_neurons)\n"
    )
    done = run_core(code + COMMANDS, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[:2] == ["True", "40"]
    assert {"network.h5", "placement.h5", "tiles.h5", "c"} <= {
        path.name for path in (tmp_path / "run").iterdir()
    }


@pytest.mark.parametrize(
    ("given", "module", "extra"),
    [
        (["train", "new"], "torch", "train"),
        (["study", "chip", "new"], "torch", "train"),
        (["demo", "--out", "new"], "neurogym", "tasks"),
    ],
)
def test_what_needs_an_extra_names_it_in_one_line(
    given: list[str], module: str, extra: str, tmp_path: Path
) -> None:
    done = run_core(command(*given), tmp_path)
    said = f"spiking_bimt: {module} is not installed: pip install 'spiking-bimt[{extra}]'\n"
    assert (done.returncode, done.stderr) == (2, said)


def test_a_function_names_the_extra_as_a_command_does(tmp_path: Path) -> None:
    code = "import spiking_bimt as sb\ntry:\n    sb.train\nexcept sb.InputError as e:\n    print(e)"
    done = run_core(code, tmp_path)
    assert done.stdout == "torch is not installed: pip install 'spiking-bimt[train]'\n"
