"""Chips come from TOML files, and a wrong one is refused in one line."""

from pathlib import Path

import numpy as np
import pytest

from spiking_bimt.chip import presets
from spiking_bimt.chip.presets import chip_names, load_chip
from spiking_bimt.errors import InputError

GRID16 = (Path(presets.__file__).parent / "grid16.toml").read_text()


def test_every_preset_loads_and_gives_its_sources() -> None:
    assert {"grid16", "grid64", "grid256", "board64", "loihi", "loihi-davies2018", "truenorth",
            "spinnaker", "dynapse2", "odin"} <= set(chip_names())  # fmt: skip
    for name in chip_names():
        chip = load_chip(name)
        assert chip.name == name
        assert chip.sources


def test_loihi_has_the_figures_of_its_sources() -> None:
    chip = load_chip("loihi")
    assert chip.n_cores == 128
    assert (chip.neurons_per_core, chip.input_axons, chip.output_axons) == (1024, 4096, 4096)
    assert chip.synapse_bits == 16384 * 64
    assert (chip.packet_cost, chip.hop_cost_x, chip.hop_cost_y) == (111.0, 3.0, 4.2)
    assert chip.energy == pytest.approx({"soma": 51.2 + 21.6, "spike": 69.3, "synapse": 33.6})
    # Tiles go down the columns: core 4 is in the tile below (y + 1) core 0's.
    np.testing.assert_array_equal(chip.core_xy()[[0, 3, 4, 16]], [[0, 0], [0, 0], [0, 1], [1, 0]])


def test_a_users_file_works_like_a_preset(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GRID16.replace("width = 8", "width = 3"))
    chip = load_chip(str(path))
    assert (chip.name, chip.width, chip.energy) == (str(path), 3, None)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("width = 8", "widht = 8", "unknown key 'widht'; did you mean 'width'"),
        ("width = 8", "colour = 8", "unknown key 'colour'; known: description, width"),
        ("width = 8", "", "key 'width' is missing"),
        ("width = 8", 'width = "8"', "width is '8', expected a whole number"),
        ("width = 8", "width = 8.0", "width is 8.0, expected a whole number"),
        ("width = 8", "width = true", "width is True, expected a whole number"),
        ("width = 8", "width = 0", r"width is 0, least 1 \(line 5\)"),
        ("[sources]", "[energy]\nspike = true\n[sources]", r"expected a number \(line 43\)"),
        (
            "[sources]",
            "[latency]\nsoma = 1.0\n[sources]",
            "latency gives soma; it needs soma, spike",
        ),
        ("[neuron]", "destinations = 0\n[neuron]", "destinations is 0, least 1; leave it out"),
        ("input_axons = 256", "input_axons = 0", "input_axons is 0, least 1; leave it out"),
        ("local_packets = false", "local_packets = 0", "expected true or false"),
        ("packet_cost = 1.0", 'packet_cost = "dear"', "expected a number"),
        (
            "packet_cost = 1.0",
            "packet_cost = nan",
            r"mine\.toml: packet_cost is nan, .* \(line 18\)",
        ),
        ('routing = "multicast"', 'routing = "flood"', "unknown routing 'flood'; known: unicast"),
        (
            'synapse_formula = "flat"',
            'synapse_formula = "x"',
            "unknown synapse_formula 'x'; known: flat",
        ),
        ("[sources]", "[energy]\nspike = 1.0\n[sources]", "energy gives spike; it needs soma"),
        ("[sources]", "[energy]\nspike = true\n[sources]", "energy.spike is True, expected a num"),
        ("[neuron]", "energy = 3\n[neuron]", "energy is 3, expected a table"),
        ("width = 8", "width = = 8", "is not valid TOML: Invalid value .at line 5"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "mine.toml"
    assert old in GRID16
    path.write_text(GRID16.replace(old, new))
    with pytest.raises(InputError, match=message) as caught:
        load_chip(str(path))
    assert "\n" not in str(caught.value)


def test_an_unknown_chip_and_an_absent_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"unknown chip 'cerebras'; known: board64, dynapse2, grid16"
    ):
        load_chip("cerebras")
    with pytest.raises(InputError, match=r"absent.toml does not exist"):
        load_chip(str(tmp_path / "absent.toml"))
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="is not text in UTF-8"):
        load_chip(str(tmp_path / "bytes.toml"))


def test_energies_must_not_be_negative(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    energy = "[energy]\nsoma = 1\nspike = -1\nsynapse = 1\n[sources]"
    path.write_text(GRID16.replace("[sources]", energy))
    with pytest.raises(InputError, match=r"energy of spike is -1\.0 pJ, least 0"):
        load_chip(str(path))
