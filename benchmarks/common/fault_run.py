"""A small run with every artefact, commands on it in this process, and what they made of it."""

import hashlib
import io
import json
import shutil
import warnings
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import scipy.sparse

from spiking_bimt import chip
from spiking_bimt.battery.draw import dimensions
from spiking_bimt.cli.commands import main
from spiking_bimt.data import store
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.training.config import TrainConfig
from spiking_bimt.training.phase import Phase
from spiking_bimt.training.state import initial_state, save_checkpoint

TASKS = ("go", "anti")
FORMATS = "tiles,sonata,c,netx,nir,sanafe"
_VOLATILE = ("wall_seconds", "seconds", "events_per_second", "bytes")
"""What two equal runs of a command may print differently."""


@dataclass(frozen=True)
class Outcome:
    """What a command did."""

    code: int
    result: Any
    """Of --json, without what takes its time; None where the command failed."""
    error: str
    """What it wrote to stderr."""

    @property
    def in_one_line(self) -> bool:
        """Whether an error ends in one line of this package, foreseen, without a traceback.

        `train` prints its configuration before.
        """
        last = (self.error.strip().splitlines() or [""])[-1]
        foreseen = self.code in (1, 2) and "Traceback" not in self.error
        return foreseen and last.startswith("spiking_bimt: ")


def call(*arguments: str | Path) -> Outcome:
    """Run a command with --json."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        redirect_stdout(out),
        redirect_stderr(err),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        try:
            main([*map(str, arguments), "--json"])
        except SystemExit as ended:
            code = int(ended.code or 0)
        except BaseException as error:  # what a user would see as a traceback
            return Outcome(-1, None, f"Traceback: {type(error).__name__}: {error}\n\n")
    try:
        result = _lasting(json.loads(out.getvalue()))
    except ValueError:
        result = None
    return Outcome(code, result, err.getvalue())


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _lasting(v) for k, v in value.items() if k not in _VOLATILE}
    return [_lasting(v) for v in value] if isinstance(value, list) else value


def content(path: Path) -> str | None:
    """A hash of what a reader can see in a file, provenance apart; None where it cannot be read."""
    if path.suffix not in (".h5", ".nir"):
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
    total = hashlib.sha256()

    def add(name: str, item: Any) -> None:
        for key in sorted(item.attrs):
            if key not in ("inputs", "digest", "settings", "package_version"):
                total.update(f"{name}@{key}{np.asarray(item.attrs[key]).tolist()}".encode())
        if isinstance(item, h5py.Dataset):
            value = np.asarray(item)
            raw = repr(value.tolist()).encode() if value.dtype.hasobject else value.tobytes()
            total.update(f"{name}{item.dtype}{item.shape}".encode() + raw)

    try:
        with h5py.File(path, "r") as file:
            add("", file)
            file.visititems(add)
    except Exception:
        return None
    return total.hexdigest()


def rate_network(n: int = 20) -> RateNetwork:
    """A random network for two tasks: what it answers does not matter here."""
    rng = np.random.default_rng(0)
    n_inputs, n_outputs = dimensions("yang19", TASKS)
    places = np.arange(n)

    def drawn(spread: float, *shape: int) -> npt.NDArray[np.float32]:
        return rng.normal(0, spread, shape).astype(np.float32)

    return RateNetwork(
        w_rec=drawn(0.3, n, n), w_in=drawn(0.3, n, n_inputs), b=drawn(0.1, n),
        w_out=drawn(0.3, n_outputs, n), b_out=np.zeros(n_outputs, np.float32),
        positions=np.stack([places // 5, places % 5], 1).astype(np.int32),
        sheet=(4, 5), tau=100.0, dt=20.0, battery="yang19", tasks=TASKS,
    )  # fmt: skip


def training() -> TrainConfig:
    """A training of two steps."""
    phase = Phase(name="grow", steps=2, dt=100.0, batch=4, lr=0.01)
    return TrainConfig(
        phases=(phase,), tasks=TASKS, sheet=(4, 5), pool=4, checkpoint_every=1, validation_trials=1
    )


def make_run(folder: Path) -> None:
    """A run folder with every artefact of a converted, placed, simulated and exported network."""
    folder.mkdir(parents=True)
    store.save(rate_network(), folder / "rate.h5", {"command": "train"})
    rng = np.random.default_rng(0)
    weights = rng.normal(0, 0.3, (30, 30)) * (rng.random((30, 30)) < 0.2)
    scipy.sparse.save_npz(folder / "net.npz", scipy.sparse.csr_array(weights))
    presets = Path(chip.__file__).parent
    shutil.copy(presets / "loihi16.toml", folder / "own.toml")
    shutil.copy(presets / "pcm.device.toml", folder / "device.toml")
    for arguments in (
        ("convert", folder, "--trials", "1"),
        ("place", folder, "--chip", "loihi16"),
        ("simulate", folder, "--trials", "1"),
        ("export", folder, "--format", FORMATS, "--lossy", "--selftest", "1"),
        ("report", folder),
    ):
        done = call(*arguments)
        if done.code:
            raise RuntimeError(f"{arguments[0]}: {done.error}")


def make_training(folder: Path) -> None:
    """A run folder with the checkpoint of a training that has hardly begun."""
    folder.mkdir(parents=True)
    config = training()
    (folder / "config.toml").write_text(config.to_toml())
    state = initial_state(config, *dimensions(config.battery, config.task_names))
    state.step = 1
    save_checkpoint(folder / "checkpoint.h5", config, state)
    row = {"phase_index": 0, "phase": "grow", "step": 1, "loss": 1.0, "accuracy": 0.5}
    (folder / "metrics.jsonl").write_text(json.dumps(row) + "\n")
