"""Checks compare something: silent networks are driven, few spikes fail, foreign code stays out."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from spiking_bimt.chip.start import slots
from spiking_bimt.data import store
from spiking_bimt.data.atomic import MANIFEST
from spiking_bimt.data.chip import Placement
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import CheckError, InputError
from spiking_bimt.formats import registry
from spiking_bimt.formats.compare import require_spikes
from spiking_bimt.formats.format import Check
from spiking_bimt.stages.export import export
from spiking_bimt.stages.import_network import import_network
from spiking_bimt.stages.verify import verify
from tests.formats.test_sanafe import network_of, placed, small_chip
from tests.kernels.networks import random_network


def silent_run(folder: Path, formats: tuple[str, ...], bits: int | None = 8) -> Path:
    """A matrix without channels and bias, which never spikes by itself, exported."""
    rng = np.random.default_rng(0)
    matrix = sparse.random_array((40, 40), density=0.2, rng=rng, format="csr")
    matrix.data = rng.normal(0, 0.3, len(matrix.data))
    sparse.save_npz(folder / "w.npz", matrix)
    run = folder / "run"
    import_network(folder / "w.npz", run, bits=bits)
    core = (np.arange(40) // 8).astype(np.int32)
    store.save(Placement("loihi16", 64, core, slots(core)), run / "placement.h5", {})
    export(run, formats, lossy=True)
    return run


@pytest.mark.parametrize("bits", [8, 12, None])
def test_a_silent_network_is_driven_through_the_c_program(tmp_path: Path, bits: int | None) -> None:
    run = silent_run(tmp_path, ("c",), bits)
    found = verify(run / "c", trials=1)
    assert found["spikes"] > 200
    assert "spikes of 1 runs of random currents equal, by the compiled program" in found["found"]


def test_weights_of_zero_are_found(tmp_path: Path) -> None:
    run = silent_run(tmp_path, ("c", "sonata"))
    (run / "c" / MANIFEST).unlink()  # whose digests would find any change
    layout = json.loads((run / "c" / "network.json").read_text())["sections"]["codes"]
    image = bytearray((run / "c" / "network.bin").read_bytes())
    size = int(np.prod(layout["shape"]))
    image[layout["offset"] : layout["offset"] + size] = bytes(size)
    (run / "c" / "network.bin").write_bytes(image)
    with pytest.raises(CheckError, match=r"1 of 2 checks failed; c: network\.bin: codes.* is 0 in"):
        verify(run, trials=1)


def test_channels_of_the_files_own_stay_integers_beside_those_of_a_check(tmp_path: Path) -> None:
    """A network with channels and without tasks: both kinds drive it, in the file's own codes."""
    from spiking_bimt.converting.quantise import quantise

    network = random_network(3, 40, tasks=(), battery="", drive=0.02)
    store.save(quantise(network, 8), tmp_path / "network.h5", {})
    export(tmp_path, ("c",))
    assert verify(tmp_path / "c", trials=2)["spikes"] > 200


def test_a_program_in_the_folder_is_never_run(tmp_path: Path) -> None:
    run = silent_run(tmp_path, ("c",))
    (run / "c" / MANIFEST).unlink()  # as in a folder of an earlier version
    mark = tmp_path / "was-run"
    source = run / "c" / "simulate.c"
    hostile = (
        "#include <stdlib.h>\n__attribute__((constructor)) static void run(void)\n"
        f'{{ if (system("touch {mark}")) exit(3); }}\n'
    )
    source.write_text(hostile + source.read_text())
    with pytest.raises(CheckError, match=r"simulate\.c differs from a fresh export in line 1"):
        verify(run / "c", trials=1)
    from spiking_bimt.formats.flat_run import run_flat

    run_flat(run / "c", [np.zeros((2, 0), np.float32)], np.zeros((1, 40)))
    assert not mark.exists()


def test_few_spikes_are_no_comparison() -> None:
    network = random_network(0, 30)
    with pytest.raises(CheckError, match="29 spikes were compared, which says nothing of 30 neu"):
        require_spikes(29, network)
    require_spikes(30, network)
    with pytest.raises(
        CheckError, match=r"9 spikes .* at least 10 are needed; ask for more `trials`"
    ):
        require_spikes(9, random_network(0, 2))


def sanafe_check(folder: Path, network: SpikingNetwork, seed: int) -> Check:
    """An exported SANA-FE folder of a placed network, to be checked."""
    chip = small_chip()
    path = folder / "chip.toml"
    from importlib import resources

    text = (resources.files("spiking_bimt.chip") / "loihi.toml").read_text()
    text = text[: text.index("[neuron]")] + text[text.index("[energy]") :]
    for field in ("width", "height", "cores_per_tile"):
        line = next(row for row in text.splitlines() if row.startswith(f"{field} "))
        text = text.replace(line, f"{field} = {getattr(chip, field)}")
    path.write_text(text)
    spot = placed(network, chip, 9, seed)
    store.save(network, folder / "network.h5", {})
    store.save(
        Placement(str(path), chip.n_cores, spot.core, spot.slot), folder / "placement.h5", {}
    )
    export(folder, ("sanafe",))
    return Check(folder / "sanafe", folder, folder / "network.h5", network, 1, None)


def checked(check: Check) -> dict[str, Any]:
    verifier = registry.load("sanafe").verify
    assert verifier is not None
    return verifier(check)


def test_a_silent_network_is_driven_through_sanafe(tmp_path: Path) -> None:
    pytest.importorskip("sanafe")
    found = checked(sanafe_check(tmp_path, network_of(0, bias=0.0, v_leak=0.0), 0))
    assert found["spikes"] > 200
    assert "repeated" not in found["found"]


def test_sanafe_never_sees_a_key_that_is_not_ours(tmp_path: Path) -> None:
    pytest.importorskip("sanafe")
    check = sanafe_check(tmp_path, network_of(0), 0)
    path = check.path / "arch.yaml"
    arch = json.loads(path.read_text())
    arch["architecture"]["tile"][0]["core"][0]["soma"][0]["attributes"]["plugin"] = "/tmp/x.so"
    path.write_text(json.dumps(arch))
    with pytest.raises(CheckError, match="has the key 'plugin', a fresh export has not"):
        checked(check)
    path.write_text("plugin: /tmp/x.so")
    with pytest.raises(CheckError, match=r"arch\.yaml is not the JSON that export writes"):
        checked(check)


CHAOTIC = 17
"""The first seed at which SANA-FE's rounding of v decides a spike of those that are compared."""


def test_what_rounding_parts_is_compared_by_repeated_spikes(tmp_path: Path) -> None:
    pytest.importorskip("sanafe")
    found = checked(sanafe_check(tmp_path, network_of(CHAOTIC), CHAOTIC))
    assert "rounding of v parts the dynamics at step" in found["found"]
    assert "so compared are repeated spikes: " in found["found"]


def test_dynamics_that_differ_are_not_taken_for_rounding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer that gets every weight wrong by a part in a hundred."""
    pytest.importorskip("sanafe")
    from spiking_bimt.formats import sanafe_export

    whole = sanafe_export._edges

    def wrong(*args: Any, **options: Any) -> Any:
        edges = whole(*args, **options)
        edge = edges[0]["n -> n"]
        return [{"n -> n": edge | {"weight": [1.01 * w for w in edge["weight"]]}}]

    monkeypatch.setattr(sanafe_export, "_edges", wrong)
    check = sanafe_check(tmp_path, network_of(0), 0)
    with pytest.raises(CheckError, match="which SANA-FE's rounding of v does not explain"):
        checked(check)


def test_a_missing_extra_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    check = sanafe_check(tmp_path, network_of(0), 0)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(InputError, match=r"needs the package sanafe: pip install 'spiking-bimt\["):
        checked(check)
