"""Every argument of every function and record of the front door is checked."""

import inspect
import re
import typing
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import spiking_bimt as sb
from tests.front_door.cases import BAD, GOOD, WITHOUT_ARGUMENTS, network

FUNCTIONS = sorted(
    name
    for name in sb.__all__
    if callable(getattr(sb, name)) and not isinstance(getattr(sb, name), type)
)
RECORDS = ("Chip", "ChipNeuron", "ChipSynapse", "Device", "HeldCurrents", "Phase",
           "PlacedNetwork", "Placement",
           "PoissonSources", "RateNetwork", "Recording", "Simulation", "SpikeTrains",
           "SpikingNetwork", "TileFile", "TileSet", "Timeline", "TrainConfig", "Traffic",
           "Trials")  # fmt: skip

NAMED = ("duration_ms", "pre", "post", "n", "delay", "delays", "in_codes", "per_task",
         "starts", "w_rec", "seed", "effort", "rates_hz", "steps", "neurons", "n_cores", "side",
         "spike_counts", "first_step", "positions", "dt")  # fmt: skip
"""Arguments whose name stands in the message for a value that cannot be, too."""


class Wrong:
    """Of no type that any argument has."""

    def __repr__(self) -> str:
        return "Wrong()"


def arguments(name: str) -> list[str]:
    """Every argument of a function, those of a typed dictionary of settings among them."""
    found = []
    for parameter in inspect.signature(getattr(sb, name)).parameters.values():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            hints = typing.get_type_hints(getattr(sb, name))
            settings = typing.get_args(hints[parameter.name])[0]
            found += list(typing.get_type_hints(settings))
        elif parameter.kind is not inspect.Parameter.VAR_POSITIONAL:
            found.append(parameter.name)
    return [argument for argument in found if not argument.startswith("_")]


def refused(name: str, given: dict[str, Any]) -> str:
    """The message of the one-line error that a call raises."""
    with pytest.raises((sb.InputError, TypeError)) as caught:
        getattr(sb, name)(**given)
    message = str(caught.value)
    assert "\n" not in message
    assert "Wrong object" not in message
    return message


def test_the_tables_name_every_function_and_record() -> None:
    assert set(GOOD) | WITHOUT_ARGUMENTS == {*FUNCTIONS, *RECORDS}


@pytest.mark.parametrize("name", sorted(GOOD))
def test_every_argument_of_a_wrong_type_is_named(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert arguments(name)
    for argument in arguments(name):
        message = refused(name, GOOD[name]() | {argument: Wrong()})
        assert re.search(rf"\b{argument}\b", message), message
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", [n for n in sorted(GOOD) if n in FUNCTIONS])
def test_an_unknown_or_missing_argument_is_named(name: str) -> None:
    assert "unknown argument 'wing'" in refused(name, GOOD[name]() | {"wing": 1})
    for argument in GOOD[name]():
        given = {key: value for key, value in GOOD[name]().items() if key != argument}
        if inspect.signature(getattr(sb, name)).parameters[argument].default is not (
            inspect.Parameter.empty
        ):
            continue
        assert argument in refused(name, given)


@pytest.mark.parametrize(("name", "argument"), [(n, a) for n, own in BAD.items() for a in own])
def test_values_that_cannot_be_are_refused(
    name: str, argument: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for value in BAD[name][argument]:
        message = refused(name, GOOD[name]() | {argument: value})
        word = argument.removesuffix("s")
        assert argument not in NAMED or re.search(rf"\b{word}s?\b", message), message
    assert not list(tmp_path.iterdir())


def test_near_names_are_offered() -> None:
    for name, given, near in (
        ("load_chip", {"chip": "lohi16"}, "loihi16"),
        ("load_device", {"device": "pmc"}, "pcm"),
        ("simulate_network", {"mode": "clok"}, "clock"),
        ("from_csr", {"reset": "substract"}, "subtract"),
        ("convert", {"method": "finetun"}, "finetune"),
        ("study", {"name": "chp"}, "chip"),
        ("place_network", {"starts": ["hilbret"]}, "hilbert"),
        ("simulate_network", {"duration": 3}, "duration_ms"),
    ):
        assert f"did you mean '{near}'" in refused(name, GOOD[name]() | given)


def test_a_large_whole_number_or_a_fraction_is_a_number() -> None:
    for dt in (Fraction(1, 2), 2):
        assert sb.from_csr(**GOOD["from_csr"]() | {"dt": dt}).dt == dt
    assert sb.Chip(**GOOD["Chip"]() | {"packet_cost": 2**70}).packet_cost == 2**70


def test_a_path_may_be_text(tmp_path: Path) -> None:
    for kind in (str, Path):
        for name, argument in (("train", "chip"), ("train", "config"), ("load_chip", "chip"),
                               ("load_device", "device"), ("read_tiles", "path")):  # fmt: skip
            given = GOOD[name]() | {argument: kind(tmp_path / "none.toml")}
            assert "none.toml" in refused(name, given)
            assert not list(tmp_path.iterdir())


def test_trusted_names_are_a_list() -> None:
    for names in ("a:b", 3, [3]):
        with pytest.raises(sb.InputError, match="trusting: names"), sb.trusting(names):  # type: ignore[arg-type]
            pass


def test_a_network_given_to_the_command_is_named() -> None:
    with pytest.raises((sb.InputError, TypeError), match="place: run is a SpikingNetwork"):
        sb.place(network(), "loihi", np.ones(30))  # type: ignore[arg-type, call-arg]
