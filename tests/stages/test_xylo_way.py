"""Own data goes onto Xylo: trained, converted in the chip's integers, and run by xylosim."""

from pathlib import Path

import numpy as np
import pytest

import spiking_bimt as sb
from spiking_bimt.data import store
from spiking_bimt.data.network import SpikingNetwork
from tests.stages.test_own_data import TINY, waves

pytest.importorskip("xylosim")


def test_own_data_go_onto_xylo_and_every_spike_is_the_vendors(tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(TINY.format(more=""))
    run = tmp_path / "run"
    sb.train(run, data=waves("sequence"), config=tmp_path / "tiny.toml")
    found = sb.convert(
        run, chip="xylo-audio2", method="finetune", steps=40, batch=16, lr=3e-3, threads=1
    )
    assert found["chip"]["channels"] == 4
    assert found["accuracy"]["integers"] > 0.5
    network = store.load(run / "network.h5", SpikingNetwork)
    assert network.delay == 0
    assert network.tau_mem[0] == pytest.approx(-1 / np.log1p(-(2.0**-4)))
    sb.export(run, formats=("xylo",), lossy=True)
    checked = sb.verify(run / "xylo.h5", trials=30)
    assert checked["spikes"] > 1000
    assert "by xylosim" in checked["found"]
