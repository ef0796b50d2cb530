import pytest

from spiking_bimt.battery.draw import select_tasks
from spiking_bimt.chip.presets import load_chip, load_device
from spiking_bimt.errors import InputError, unknown_name
from spiking_bimt.training.config import read_config

KNOWN = ["grid16", "grid64", "loihi16", "pcm"]


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("loihi17", "did you mean 'loihi16'?"),
        ("LOIHI16", "did you mean 'loihi16'?"),
        ("grid", "did you mean 'grid64' or 'grid16'?"),
        ("zebra", "known: grid16, grid64, loihi16, pcm"),
        ("", "known: grid16, grid64, loihi16, pcm"),
        (None, "known: grid16, grid64, loihi16, pcm"),
    ],
)
def test_near_names_are_offered_and_else_all_are_listed(given: object, hint: str) -> None:
    assert str(unknown_name("chip", given, KNOWN)) == f"unknown chip {given!r}; {hint}"


def test_what_else_is_allowed_ends_the_list() -> None:
    error = unknown_name("chip", "zebra", ["a", "b"], "or a .toml file")
    assert str(error) == "unknown chip 'zebra'; known: a, b, or a .toml file"


def test_names_may_come_from_an_iterator() -> None:
    assert "did you mean 'pcm'" in str(unknown_name("device", "pmc", iter(KNOWN)))


def test_each_reader_of_names_offers_the_nearest() -> None:
    for read, given, near in (
        (load_chip, "lohi16", "loihi16"),
        (load_device, "pcn", "pcm"),
        (read_config, "quik", "quick"),
        (select_tasks, "yang-19", "yang19"),
    ):
        with pytest.raises(InputError, match=f"unknown .*{given}.*did you mean .*'{near}'"):
            read(given)
