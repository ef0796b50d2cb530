"""A chip file says what the chip's neuron computes; its template reads back to the same record."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import spiking_bimt as sb
from spiking_bimt.chip import presets
from spiking_bimt.chip.chip_file import to_toml
from spiking_bimt.chip.presets import chip_from_profile, chip_names, load_chip, profile_of
from spiking_bimt.cli.commands import main
from spiking_bimt.data import store
from spiking_bimt.data.chip_neuron import DECAY_FIRST
from spiking_bimt.errors import InputError

GRID16 = (Path(presets.__file__).parent / "grid16.toml").read_text()
REQUIRED = ("description", "width", "height", "cores_per_tile", "neurons_per_core",
            "synapse_formula", "weight_bits", "crossbar_rows", "crossbar_cols", "routing",
            "local_packets", "packet_cost", "hop_cost_x", "hop_cost_y", "sources")  # fmt: skip


@pytest.mark.parametrize("name", chip_names())
def test_the_template_of_every_preset_reads_back_to_it(name: str, tmp_path: Path) -> None:
    chip = load_chip(name)
    path = tmp_path / "mine.toml"
    path.write_text(to_toml(chip))
    assert replace(load_chip(path), name=name) == chip
    assert chip_from_profile(name, profile_of(chip)) == chip
    assert "# Most neurons of a core.\nneurons_per_core = " in path.read_text()


def test_a_template_names_the_keys_that_a_chip_lacks() -> None:
    text = to_toml(replace(load_chip("loihi16"), neuron=None, synapse=None))
    for key in ("# destinations = ..", "# [neuron]", "# current = ..", "# levels_per_neuron = .."):
        assert key in text.splitlines()


def test_what_a_placement_holds_of_a_chip_is_the_whole_of_it(tmp_path: Path) -> None:
    """JSON has no tuples."""
    chip = load_chip("xylo-audio2")
    placement = sb.Placement(
        chip.name, 1, np.zeros(2, np.int32), np.arange(2, dtype=np.int32), profile_of(chip)
    )
    store.save(placement, tmp_path / "placement.h5", {})
    assert presets.chip_of(store.load(tmp_path / "placement.h5", sb.Placement)) == chip


def test_the_neurons_have_the_figures_of_their_sources() -> None:
    neuron: dict[str, Any] = {name: load_chip(name).neuron for name in chip_names()}
    synapse: dict[str, Any] = {name: load_chip(name).synapse for name in chip_names()}
    assert neuron["loihi16"] == neuron["loihi64"] == neuron["grid16"]
    assert (synapse["odin"].sign, synapse["odin"].magnitude_bits) == ("source", 3)
    assert synapse["odin"].inputs_are_neurons
    assert synapse["tinyodin"].inputs_are_neurons
    assert (synapse["truenorth"].levels_per_neuron, synapse["ranc"].levels_per_neuron) == (4, 4)
    assert neuron["xylo-audio2"].order == DECAY_FIRST
    assert (neuron["xylo-audio2"].reset, neuron["xylo-audio2"].no_leak) == (("subtract",), False)
    assert (neuron["loihi"].reset, neuron["loihi"].thresholds_per_core) == (("value",), 16)
    assert neuron["spinnaker"].delay == (1, 16)
    assert load_chip("dynapse2").core_xy()[-1].tolist() == [3, 0]


def test_all_keys_that_are_missing_or_unknown_are_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[neuron]\ncurent = 'none'\n")
    with pytest.raises(InputError, match=r"unknown key 'curent'; did you mean 'current'") as caught:
        load_chip(path)
    said = str(caught.value)
    for key in (*REQUIRED, "neuron.current", "neuron.leak", "neuron.reset"):
        assert f"'{key}'" in said
    path.write_text(GRID16.replace("width = 8", "widht = 8").replace("magnitude_bits", "bits"))
    with pytest.raises(InputError, match=r"'widht'; .*'bits'.* in \[synapse\].*'width' is missing"):
        load_chip(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('current = "exponential"', 'current = "exp"', r"neuron\.current 'exp'"),
        ('reset = ["value", "subtract"]', "reset = []", r"neuron\.reset is \[\]"),
        ("delay = [1, 1024]", "delay = [0, 5]", r"neuron\.delay is \[0, 5\]"),
        ("delay = [1, 1024]", "delay = [3]", r"delay is \[3\], expected a list of the right"),
        ("state_bits = 24", "state_bits = 40", r"neuron\.state_bits is 40: it can be 2 to 32"),
        ("magnitude_bits = 8", "magnitude_bits = 0", r"synapse\.magnitude_bits is 0"),
        ('"fire", "decay"]', '"decay", "fire"]', r"neuron\.order is arrive, integrate, decay"),
        ("[synapse]\n", "[sources]\n#", "sources"),
        ("[neuron]", 'second_hand = ["widht"]\n[neuron]', "names 'widht', which is no key"),
    ],
)
def test_a_wrong_neuron_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "mine.toml"
    assert old in GRID16
    path.write_text(GRID16.replace(old, new, 1))
    with pytest.raises(InputError, match=message) as caught:
        load_chip(path)
    assert "\n" not in str(caught.value)


def test_a_neuron_needs_its_synapse(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    head, tail = GRID16.split("[synapse]")
    path.write_text(head + "[sources]" + tail.split("[sources]")[1])
    with pytest.raises(InputError, match=r"neuron and synapse .* give both or neither"):
        load_chip(path)


def test_one_chip_is_shown_whole_with_what_is_second_hand(tmp_path: Path) -> None:
    run = CliRunner()
    shown = run.invoke(main, ["chips", "truenorth"]).stdout
    marked = [line for line in shown.splitlines() if "second-hand" in line]
    assert len(marked) == 4
    assert any("neuron: threshold bits" in line for line in marked)
    bare = tmp_path / "bare.toml"
    bare.write_text(GRID16.split("[neuron]")[0] + "[sources]" + GRID16.split("[sources]")[1])
    assert "declares no neuron" in run.invoke(main, ["chips", str(bare)]).stdout
    assert run.invoke(main, ["chips", "odin", "--toml"]).stdout == to_toml(load_chip("odin"))
    lines = run.invoke(main, ["chips"]).stdout.splitlines()
    assert len(lines) < 3 * len(chip_names())
    for command in (["chips", "odni"], ["chips", "--toml"]):
        result = run.invoke(main, command)
        assert result.exit_code == 2
        assert len(result.stderr.splitlines()) == 1
