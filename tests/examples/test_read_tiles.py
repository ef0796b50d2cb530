"""The reader of 40 lines gives every integer, where neither this package nor anything else is."""

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from spiking_bimt.chip.tiling import synapses
from spiking_bimt.export.tiles import write_tiles
from tests.export.test_tiles import case

READER = Path(__file__).parents[2] / "examples" / "read_tiles.py"


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages that holds NumPy and h5py alone."""
    folder = tmp_path_factory.mktemp("bare")
    for package in (np, h5py):
        home = Path(package.__file__).parent
        for part in (home, home.parent / f"{home.name}.libs"):
            if part.exists():
                (folder / part.name).symlink_to(part)
    return folder


def run(bare: Path, code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Python without site-packages, environment or working directory on its path."""
    start = f"import sys; sys.path.append({str(bare)!r}); "
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", start + code, *map(str, arguments)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_package_is_out_of_reach_there(bare: Path) -> None:
    assert "No module named 'spiking_bimt'" in run(bare, "import spiking_bimt").stderr


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_matrix_is_rebuilt_tile_by_tile(bare: Path, tmp_path: Path, seed: int) -> None:
    content = case(seed, n=20, inputs=3, density=0.4)
    write_tiles(tmp_path / "tiles.h5", content, {}, {})
    code = f"import runpy; runpy.run_path({str(READER)!r}, run_name='__main__')"
    done = run(bare, code, tmp_path / "tiles.h5", tmp_path / "matrix.npy")
    assert done.returncode == 0, done.stderr
    network = content.network
    expected = np.zeros((23, 20), int)
    assert network.codes is not None
    assert network.in_codes is not None
    expected[synapses(network)] = np.append(network.codes, network.in_codes)
    np.testing.assert_array_equal(np.load(tmp_path / "matrix.npy"), expected)
    assert f"23 sources, 20 neurons, {np.count_nonzero(expected)} synapses" in done.stdout


def test_the_reader_is_short() -> None:
    assert len(READER.read_text().splitlines()) <= 40
