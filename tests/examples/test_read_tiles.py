"""The reader of 40 lines gives every integer, where neither this package nor anything else is."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from spiking_bimt.chip.presets import load_chip
from spiking_bimt.chip.tiling import cut, synapses
from spiking_bimt.converting.quantise import quantise
from spiking_bimt.data.chip import Placement
from spiking_bimt.data.placed import TileFile
from spiking_bimt.formats.tiles import write_tiles
from spiking_bimt.simulation.build import from_coo
from tests.formats.test_tiles import case

READER = Path(__file__).parents[2] / "examples" / "read_tiles.py"


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages that holds NumPy and h5py alone."""
    folder = tmp_path_factory.mktemp("bare")
    for package in (np, h5py):
        home = Path(str(package.__file__)).parent
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


def test_the_example_of_the_specification(bare: Path, tmp_path: Path) -> None:
    """docs/reference/tile-format.md, "A worked example", number for number."""
    plain = from_coo([0, 0, 1], [1, 2, 2], [3.0, -3.0, 7.0], 3)
    network = replace(
        plain, in_indptr=np.array([0, 1]), in_indices=np.array([1]),
        in_weights=np.array([-7.0], np.float32),
    )  # fmt: skip
    network = quantise(network, 4).quantised()
    assert network.codes is not None
    network = replace(network, codes=np.array([3, -3, 7]))
    chip = replace(load_chip("grid16"), crossbar_rows=2, crossbar_cols=2)
    placement = Placement(chip.name, chip.n_cores, np.zeros(3, int), np.array([2, 0, 1]))
    tiles = cut(network, placement, chip)
    write_tiles(tmp_path / "t.h5", TileFile(tiles, network, placement, chip), {}, {})
    with h5py.File(tmp_path / "t.h5") as file:
        found = {name: data[()].tolist() for name, data in file["tiles"].items()}
    assert found["row_source"] == [0, 1, 3]
    assert found["row_indptr"] == [0, 2, 3]
    assert found["col_target"] == [1, 2, 1, 2]
    assert found["step"] == [1, 1, 2, 1]
    assert found["code"] == [3, -3, 7, -7]
    assert found["indptr"] == [0, 3, 4]


def test_the_reader_is_short() -> None:
    assert len(READER.read_text().splitlines()) <= 41
