"""examples/own_data.py on a small data set."""

import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
TINY = """
sheet = [3, 4]
pool = 100
[[phases]]
name = "all"
dt = 20.0
steps = 80
lr = 1e-2
"""


def test_a_data_file_goes_to_verified_tiles(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    label = np.arange(60) % 2
    inputs = np.where(label, 1, -1)[:, None, None] + rng.normal(0, 0.5, (60, 8, 2))
    np.savez(tmp_path / "two.npz", inputs=inputs, labels=label)
    (tmp_path / "tiny.toml").write_text(TINY)
    command = [sys.executable, str(ROOT / "examples" / "own_data.py"), str(tmp_path / "two.npz")]
    command += ["--config", str(tmp_path / "tiny.toml")]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert result.returncode == 0, result.stderr
    mean = dict(part.rsplit(" ", 1) for part in result.stdout.split("mean: ")[1].split(", "))
    assert float(mean["rate"]) > 0.8
    assert mean["tiles alone"] == mean["8-bit spiking"]
