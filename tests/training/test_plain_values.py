"""Configurations and devices of a user: what is wrong is named with its file."""

from pathlib import Path

import pytest

from spiking_bimt.chip.presets import load_device
from spiking_bimt.errors import InputError
from spiking_bimt.training.config import presets, read_config

CONFIG = """
sheet = [4, 5]
tasks = ["go"]
{more}
[[phases]]
name = "grow"
steps = 2
{phase}
"""


@pytest.mark.parametrize(
    ("more", "phase", "message"),
    [
        ("", "lr = nan", r"own\.toml, phase 1: lr is nan, expected a number"),
        ("", "dt = inf", r"own\.toml, phase 1: phase 'grow': dt must be a finite number"),
        ("pool = -1", "", r"own\.toml: pool is -1, least 1"),
        ("reg = 'x'", "", r"own\.toml: unknown reg 'x'"),
        (
            "packet_scale = 2.0",
            "",
            r"packet_scale is 2\.0, which has no effect without a chip",
        ),
        ("packet_groups = false", "", r"packet_groups is False, which has no effect without a"),
        ("lif_t_ref = 3.0", "", r"lif_t_ref is 3\.0, which has no effect without `activation` lif"),
    ],
)
def test_a_wrong_setting_is_named_with_its_file(
    tmp_path: Path, more: str, phase: str, message: str
) -> None:
    path = tmp_path / "own.toml"
    path.write_text(CONFIG.format(more=more, phase=phase))
    with pytest.raises(InputError, match=message) as caught:
        read_config(path)
    assert str(caught.value).startswith(str(path))


def test_a_setting_in_place_of_the_files_is_not_said_to_be_the_files(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(CONFIG.format(more="", phase=""))
    with pytest.raises(InputError, match=r"^unknown reg 'x'"):
        read_config(path, reg="x")


def test_every_preset_is_read() -> None:
    folder = Path(__file__).parents[2] / "spiking_bimt" / "training"
    for name in presets():
        priced = "\npacket = " in (folder / f"{name}.toml").read_text()
        assert read_config(name, chip="grid16" if priced else None).phases


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("adc_bits = 2000", r"adc_bits is 2000, it must lie in 2\.\.32"),
        ("stuck_min = nan", "stuck_min is nan, expected a number"),
        ("adc_range = -1.0", r"adc_range is -1\.0: it must be a finite number above 0"),
        ("program_noise = [nan, 0.0, 0.0]", r"program_noise is \[nan, 0\.0, 0\.0\], expected"),
    ],
)
def test_a_wrong_value_of_a_device_is_named_with_its_file(
    tmp_path: Path, line: str, message: str
) -> None:
    own = tmp_path / "own.toml"
    name = line.split(" = ")[0]
    root = Path(__file__).parents[2] / "spiking_bimt" / "chip" / "pcm.device.toml"
    lines = [row for row in root.read_text().splitlines() if not row.startswith(f"{name} =")]
    own.write_text("\n".join([line, *lines]))
    with pytest.raises(InputError, match=rf"^device .*own\.toml: {message}"):
        load_device(own)
