"""Names of populations: checked, kept by files, told by place and import."""

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spiking_bimt.chip.tiling import rebuild
from spiking_bimt.data import store
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.formats.nir_export import write_nir
from spiking_bimt.formats.nir_import import read_nir
from spiking_bimt.formats.sonata_import import read_sonata
from spiking_bimt.formats.sonata_network import write_network
from spiking_bimt.formats.tiles import read_tiles, write_tiles
from spiking_bimt.simulation.locality import renumber
from tests.formats.test_tiles import case
from tests.stages.test_formats import call

nir = pytest.importorskip("nir")

NAMES = (("E [/x]", 0, 3), ("É", 5, 5), ("last", 6, 9))


def named(**changes: Any) -> SpikingNetwork:
    content = case(7, n=10, inputs=2, density=0.4, delays=False)
    return replace(content.network, populations=NAMES, **changes)


def test_files_keep_them(tmp_path: Path) -> None:
    content = case(7, n=10, inputs=2, density=0.4, delays=False)
    network = named()
    store.save(network, tmp_path / "network.h5", {})
    assert store.load(tmp_path / "network.h5", SpikingNetwork).populations == NAMES
    write_tiles(tmp_path / "t.h5", replace(content, network=network), {}, {})
    assert rebuild(read_tiles(tmp_path / "t.h5")).populations == NAMES
    write_network(tmp_path / "sonata", network)
    assert read_sonata(tmp_path / "sonata").populations == NAMES
    write_nir(tmp_path / "network.nir", network)
    assert read_nir(tmp_path / "network.nir").populations == NAMES


def test_another_order_of_neurons_has_none() -> None:
    assert renumber(named(), np.arange(10, dtype=np.int32)[::-1]).populations == ()


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ([("a", 0, 3), ("a", 4, 5)], "has 'a' twice"),
        ([("", 0, 3)], "without a name"),
        ([("a", 0, 3), ("b", 3, 5)], r"b has the neurons 3\.\.5; they must ascend"),
        ([("a", 0, 10)], r"ascend within 0\.\.9"),
        ([("a", 4, 3)], r"a has the neurons 4\.\.3"),
    ],
)
def test_what_overlaps_is_refused(given: Any, line: str) -> None:
    with pytest.raises(InputError, match=line):
        replace(named(), populations=tuple(given))


def test_place_and_import_tell_cores_and_rates(tmp_path: Path) -> None:
    def lif(n: int) -> Any:
        one = np.ones(n)
        return nir.LIF(tau=0.02 * one, r=one, v_leak=0 * one, v_threshold=one)

    nodes = {
        "input": nir.Input({"input": np.array([2])}), "fc": nir.Linear(np.ones((20, 2))),
        "layer[red]": lif(20), "w": nir.Linear(20 * np.ones((10, 20))), "z": lif(10),
        "output": nir.Output({"output": np.array([10])}),
    }  # fmt: skip
    nir.write(tmp_path / "g.nir", nir.NIRGraph(nodes=nodes, edges=list(itertools.pairwise(nodes))))
    code, stdout, _ = call("import", tmp_path / "g.nir", tmp_path / "run")
    assert code == 0
    assert "layer[red]" in stdout
    assert "neurons 20 to 29" in stdout
    code, stdout, _ = call("place", tmp_path / "run", "--chip", "loihi16", "--json")
    assert code == 0
    first, second = json.loads(stdout)["populations"]
    assert (first["name"], first["first"], first["last"]) == ("layer[red]", 0, 19)
    assert (second["name"], second["first"], second["last"]) == ("z", 20, 29)
    assert first["cores"] == 2
    assert first["mean_rate_hz"] > 0
    assert "z" in call("place", tmp_path / "run", "--chip", "loihi16")[1]
