"""Every format of a placed run: exported, verified from its files alone, refused when damaged."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

from spiking_bimt.cli.commands import main
from spiking_bimt.data import digest, store
from spiking_bimt.data.atomic import MANIFEST
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import CheckError, InputError
from spiking_bimt.formats import registry
from spiking_bimt.run_folder import taking_changed
from spiking_bimt.stages.convert import convert
from spiking_bimt.stages.export import export
from spiking_bimt.stages.place import place
from spiking_bimt.stages.simulate import simulate
from spiking_bimt.stages.verify import verify

ALL = tuple(name for name in registry.written() if name != "xylo")
"""Formats that hold any network; Xylo's holds one that its chip computes (test_xylo)."""


def call(*args: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, [str(arg) for arg in args])
    return result.exit_code, result.stdout, result.stderr


def spread_loihi(folder: Path) -> Path:
    """SANA-FE's Loihi with 4 neurons per core, so that a hundred of them need a network.

    It models no product and declares no neuron.
    """
    text = (resources.files("spiking_bimt.chip") / "loihi.toml").read_text()
    text = text[: text.index("[neuron]")] + text[text.index("[energy]") :]
    path = folder / "loihi4.toml"
    path.write_text(text.replace("neurons_per_core = 1024", "neurons_per_core = 4"))
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled network as a run with all formats."""
    pytest.importorskip("nir")
    pytest.importorskip("sanafe")
    folder = tmp_path_factory.mktemp("formats") / "run"
    folder.mkdir()
    bundled = (resources.files("spiking_bimt.bundle") / "bimt.h5").read_bytes()
    (folder / "rate.h5").write_bytes(bundled)
    convert(folder, trials=1)
    place(folder, chip=str(spread_loihi(folder)))
    simulate(folder, trials=1)
    export(folder, ALL, lossy=True)
    return folder


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "run")


def test_every_format_of_the_bundled_network_passes(made: Path) -> None:
    result = verify(made, trials=1)
    rows = {row["format"]: row for row in result["checks"]}
    assert tuple(rows) == ALL
    assert all(row["passed"] for row in rows.values()), rows
    found = rows["sanafe"]["found"]
    assert "packets" in found
    assert " 0 hops" not in found


def test_the_table_prints_and_one_format_is_checked_by_its_path(run: Path) -> None:
    code, stdout, stderr = call("verify", run / "c", "--trials", 1)
    assert (code, stderr) == (0, "")
    assert "c      │ yes" in stdout
    code, stdout, _ = call("verify", run / "network.nir", "--trials", 1, "--json")
    assert code == 0
    assert [row["format"] for row in json.loads(stdout)["checks"]] == ["nir"]


def test_a_failed_check_prints_the_table_and_exits_with_1(run: Path) -> None:
    unsigned(run / "c")
    image = bytearray((run / "c" / "network.bin").read_bytes())
    layout = json.loads((run / "c" / "network.json").read_text())
    codes = layout["sections"]["codes"]
    start = codes["offset"]
    flipped = np.frombuffer(bytes(image[start : start + codes["shape"][0]]), np.int8) ^ 0x40
    image[start : start + len(flipped)] = flipped.tobytes()
    (run / "c" / "network.bin").write_bytes(image)
    code, stdout, stderr = call("verify", run, "--trials", 1)
    assert code == 1
    assert "NO" in stdout
    assert stdout.count("yes") == len(ALL) - 1
    assert "--format" in stdout
    assert "formats=" not in stdout
    assert "1 of 6 checks failed; c: network.bin: codes[0] is" in stderr
    assert stderr.count("\n") == 1


def unsigned(path: Path) -> None:
    """Take the digests away, which find any change before a format's own check does."""
    if path.is_dir():
        (path / MANIFEST).unlink()
    elif path.name == "netx.h5":
        with h5py.File(path, "r+") as file:
            for name in (digest.NAME, "written_by"):
                del file.attrs[name]


def edited(name: str, path: str) -> Any:
    """Doubles one dataset of an HDF5 file."""

    def edit(run: Path) -> None:
        with h5py.File(run / name, "r+") as file:
            file[path][...] = 2 * file[path][()]

    return edit


def emptied(name: str) -> Any:
    return lambda run: (run / name).write_bytes(b"")


def fewer_packets(run: Path) -> None:
    text = (run / "sanafe" / "network.yaml").read_text()
    mapped = json.loads(text)
    mapped["mappings"][0]["n.0"]["core"] = "31.3"
    (run / "sanafe" / "network.yaml").write_text(json.dumps(mapped))


@pytest.mark.parametrize(
    ("name", "edit", "line"),
    [
        ("nir", edited("network.nir", "node/nodes/neurons/nodes/w_rec/weight"), "in the file"),
        ("nir", emptied("network.nir"), "not a readable NIR file"),
        ("netx", edited("netx.h5", "layer/1/weight_rec"), "weight_rec onto neuron"),
        ("netx", emptied("netx.h5"), "not a readable HDF5 file"),
        ("sonata", edited("sonata/edges.h5", "edges/neurons_neurons/0/syn_weight"), "in the file"),
        ("sonata", emptied("sonata/nodes.h5"), "not a readable HDF5 file"),
        ("sanafe", fewer_packets, "in the file"),
        ("sanafe", emptied("sanafe/network.yaml"), "is not the JSON that export"),
        ("c", emptied("c/network.bin"), "has 0 bytes"),
        ("tiles", emptied("tiles.h5"), "not a readable HDF5 file"),
    ],
)
def test_a_changed_or_damaged_file_fails_its_check(
    run: Path, name: str, edit: Any, line: str
) -> None:
    unsigned(run / registry.load(name).path)
    edit(run)
    for other in ALL:
        path = run / registry.load(other).path
        if other != name:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(CheckError, match=f"1 of 1 checks failed; {name}: .*{line}"):
        verify(run, trials=1)


def test_what_would_be_lost_needs_consent(run: Path) -> None:
    for name in ("nir", "netx"):
        path = run / registry.load(name).path
        path.unlink()
        code, stdout, stderr = call("export", run, "--format", name)
        assert (code, stdout) == (2, "")
        assert f"{name} cannot hold reset by subtraction" in stderr
        assert "give --lossy" in stderr
        assert stderr.count("\n") == 1
        assert not path.exists()


def test_missing_files_and_unknown_formats_are_named(run: Path) -> None:
    with pytest.raises(InputError, match="unknown format 'neuroml'; known: tiles, nir"):
        export(run, ("nir", "neuroml"))
    (run / "spikes.h5").unlink()
    with pytest.raises(InputError, match=r"no spikes\.h5: `spiking_bimt simulate"):
        export(run, ("sanafe",))
    (run / "placement.h5").unlink()
    with pytest.raises(InputError, match=r"no placement\.h5: `spiking_bimt place"):
        export(run, ("sanafe",))
    export(run, ("c",))  # needs no placement
    (run / "else").mkdir()
    with pytest.raises(InputError, match=r"holds no exported network; known formats: tiles, nir"):
        verify(run / "else")


def test_a_disk_that_fills_up_leaves_what_was_there(run: Path) -> None:
    before = {p.relative_to(run): p.read_bytes() for p in run.rglob("*") if p.is_file()}
    script = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from spiking_bimt.errors import InputError\n"
        "from spiking_bimt.stages.export import export\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))\n"
        "for name in sys.argv[2:]:\n"
        "    try:\n"
        "        export(sys.argv[1], (name,), lossy=True)\n"
        "    except InputError as error:\n"
        "        print(name, error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", script, str(run), *ALL],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert len(lines) == len(ALL), lines
    for name, line in zip(ALL, lines, strict=True):
        assert line.startswith(f"{name} cannot write {run}")
        assert "File too large" in line
    after = {p.relative_to(run): p.read_bytes() for p in run.rglob("*") if p.is_file()}
    assert after == before


def test_verify_compares_with_another_network_when_told(run: Path, tmp_path: Path) -> None:
    network = store.load(run / "network.h5", SpikingNetwork)
    other = tmp_path / "other.h5"
    store.save(replace(network, bias=network.bias * np.float32(0.5)), other, settings={})
    with pytest.raises(CheckError) as failed:
        verify(run, against=other, trials=1)
    rows = {row["format"]: row["passed"] for row in (failed.value.result or {})["checks"]}
    # Replayed spikes are compared with the recorded ones, whatever network made them.
    assert rows == {name: name == "sanafe" for name in ALL}


def test_files_of_an_earlier_network_are_refused_and_fail_their_checks(run: Path) -> None:
    convert(run, trials=1, sources="regular")
    with pytest.raises(InputError, match=r"placement.h5 was made from another network.h5"):
        export(run, ("sanafe",))
    with pytest.raises(CheckError) as caught:
        verify(run, trials=1)
    rows = {row["format"]: row for row in caught.value.result["checks"]}  # type: ignore[index]
    assert not any(row["passed"] for row in rows.values())
    assert "placement.h5 is of 86 neurons" in rows["sanafe"]["found"]
    assert "the file has 86 neurons" in rows["tiles"]["found"]
    assert "the file has 86 neurons" in rows["sonata"]["found"]
    simulate(run, trials=1)
    with (
        taking_changed(),
        pytest.raises(InputError, match=r"placement.h5 is of 86 neurons, the network has \d+"),
    ):
        export(run, ("sanafe",))


def test_codes_that_become_floats_are_said(run: Path) -> None:
    lost = {name: row["lost"] for name, row in export(run, ("sonata", "c")).items()}
    assert lost == {"sonata": "the integer codes", "c": "nothing"}
