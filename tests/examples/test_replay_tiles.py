"""A second reader, written from the specification alone, gives the golden spikes bit for bit."""

import runpy
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from spiking_bimt.data.trials import Trials
from spiking_bimt.formats.tiles import read_tiles, write_content
from spiking_bimt.simulation.golden import make_selftest
from tests.formats.test_tiles import case

READER = Path(__file__).parents[2] / "examples" / "replay_tiles.py"


def played(path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Exit code and output of the reader."""
    arguments, sys.argv = sys.argv, [str(READER), str(path)]
    try:
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(READER), run_name="__main__")
    finally:
        sys.argv = arguments
    code: Any = ended.value.code
    return (code, capsys.readouterr().out) if isinstance(code, int) else (1, str(code))


def written(path: Path, seed: int, **changes: Any) -> int:
    """A file with three golden trials; how many spikes they have."""
    content = case(seed, n=24, inputs=4, density=0.4, **changes)
    rng = np.random.default_rng(seed)
    lively: dict[str, Any] = {
        "bias": content.network.bias + np.float32(0.05),
        "v_min": np.full(24, -2.0),
    }
    if content.network.delays is None and seed > 2:
        lively["delay"] = 0
    if seed % 2:
        lively["tau_syn"] = np.where(rng.random(24) < 0.5, 0.0, content.network.tau_syn)
    poisson = rng.random(24) < 0.2 if seed % 3 == 0 else None
    if poisson is not None:
        lively |= {
            "tau_mem": np.where(poisson, np.inf, content.network.tau_mem),
            "t_ref": np.where(poisson, 0, content.network.t_ref), "poisson": poisson,
        }  # fmt: skip
    network = replace(content.network, **lively)
    trials = Trials(
        inputs=rng.normal(size=(12, 4)).astype(np.float32) * (rng.random((12, 4)) < 0.7),
        labels=np.zeros(12, np.int32), offsets=np.array([0, 5, 8, 12]),
        decision=np.zeros(3, np.int32), task=np.zeros(3, np.int32), tasks=("any",),
        dt=network.task_dt,
    )  # fmt: skip
    golden = make_selftest(network, trials)
    write_content(path, replace(content, network=network), {"é": 1}, {}, selftest=golden)
    return len(golden.steps)


@pytest.mark.parametrize("seed", range(6))
def test_golden_spikes_and_outputs_follow_from_the_specification(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], seed: int
) -> None:
    spikes = written(tmp_path / "t.h5", seed, delays=seed % 2 == 1, bits=8)
    assert spikes > 100
    code, out = played(tmp_path / "t.h5", capsys)
    assert code == 0, out
    assert f"3 trials, {spikes} golden spikes, 0 trials differ" in out


def test_the_reader_notices_a_spike_and_a_byte_that_differ(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "t.h5"
    written(path, 1, bits=8)
    with h5py.File(path, "r+") as file:
        file["selftest/neurons"][-1] = (file["selftest/neurons"][-1] + 1) % 24
    assert played(path, capsys) == (1, "the file's checksum is another")


def test_text_is_utf8_and_ascii_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "t.h5"
    written(path, 1, bits=8)
    with h5py.File(path, "r+") as file:
        for name in ("encoding-type", "digest", "settings"):
            kind = file.attrs.get_id(name).get_type()
            assert kind.get_cset() == h5py.h5t.CSET_UTF8
            assert not kind.is_variable_str()
        assert (
            "é" in file.attrs["settings"].decode() or "\\u00e9" in file.attrs["settings"].decode()
        )
        for item in (file, *(file[name] for name in ("network", "tiles"))):
            for name, value in list(item.attrs.items()):
                if isinstance(value, bytes):
                    item.attrs[name] = np.bytes_(value)  # as earlier versions wrote it
    read_tiles(path)
