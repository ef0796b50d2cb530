"""The JSON schema and the validator accept and refuse the same layouts."""

import dataclasses
import io
import json
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from spiking_bimt.chip.analog import conductance_pairs
from spiking_bimt.chip.presets import load_device
from spiking_bimt.data.chip_neuron import ChipNeuron
from spiking_bimt.data.selftest import ChipTest
from spiking_bimt.errors import InputError
from spiking_bimt.formats import tile_layout
from spiking_bimt.formats.tile_schema import schema
from spiking_bimt.formats.tiles import write_content
from spiking_bimt.simulation.golden import make_selftest
from tests.formats.test_tiles import case, trials
from tests.simulation.test_chip_trials import random_chip_network

jsonschema = pytest.importorskip("jsonschema")

ROOT = Path(__file__).parents[2]
DESCRIBE = runpy.run_path(str(ROOT / "examples" / "describe_tiles.py"))["describe"]
VALIDATOR = jsonschema.Draft202012Validator(schema())
Change = Callable[[h5py.File], object]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a file with every element of the format."""
    content = case(7, n=12, inputs=2, density=0.4, bits=8, delays=False)
    pairs = conductance_pairs(content.tiles.codes, 8, load_device("pcm"))
    network = content.network.quantised()
    path = tmp_path_factory.mktemp("schema") / "t.h5"
    golden = make_selftest(network, trials(network.n_inputs, 0))
    neuron = ChipNeuron(current="exponential", leak="none", reset=("value", "subtract"))
    made = random_chip_network(np.random.default_rng(0), neuron)
    made = dataclasses.replace(made, delays=np.ones(len(made.indices), np.int32))
    none, zero = np.zeros(0, np.int32), np.zeros(3, np.int64)
    test = ChipTest(zero, none, none, zero, none, none)
    write_content(path, content, {}, {}, device=pairs, selftest=golden, integers=(made, test))
    return path.read_bytes()


def verdicts(
    image: bytes, change: Change, group: str = "", before: dict[str, Any] | None = None
) -> tuple[bool, bool]:
    """Whether the validator and the schema accept the file after a change.

    group: the one that changes, where the description of the file before the change is given.
    """
    with h5py.File(io.BytesIO(image), "r+") as file:
        change(file)
        if group and before:
            made = before | {"members": before["members"] | {group: DESCRIBE(file[group])}}
        else:
            made = DESCRIBE(file)
        description = json.loads(json.dumps(made))
        try:
            tile_layout.check_layout(file)
        except InputError:
            return False, VALIDATOR.is_valid(description)
    return True, VALIDATOR.is_valid(description)


def set_attribute(group: str, name: str, value: Any) -> Change:
    return lambda file: file[group].attrs.__setitem__(name, value)


def replace(path: str, value: Any) -> Change:
    def change(file: h5py.File) -> None:
        del file[path]
        file[path] = value

    return change


def drop_attribute(group: str, name: str) -> Change:
    return lambda file: file[group].attrs.__delitem__(name)


def drop(path: str) -> Change:
    return lambda file: file.__delitem__(path)


def all_changes(image: bytes) -> Iterator[tuple[str, str, Change]]:
    """Every attribute and dataset of a file removed, or of another kind, shape or value.

    Name, group that changes ("" for the file), and change.
    """
    values = (
        np.bytes_(b"other"), np.bytes_(b"1.9"), np.bytes_(b"2.0"), np.bytes_(b"10.0"), "text",
        0, -65, 17, 1, 0.5, 2.0, np.ones(2, int), True,
    )  # fmt: skip
    with h5py.File(io.BytesIO(image)) as file:
        groups = list(tile_layout.ELEMENTS)
        attributes = [(group, name) for group in ("", *groups) for name in file[f"/{group}"].attrs]
        datasets = [(group, f"/{group}/{name}") for group in groups for name in file[group]]
    for group, name in attributes:
        yield f"without /{group}@{name}", group, drop_attribute(f"/{group}", name)
        for value in values:
            yield f"/{group}@{name} = {value!r}", group, set_attribute(f"/{group}", name, value)
    for group, path in [("", f"/{group}") for group in groups] + datasets:
        yield f"without {path}", group, drop(path)
        for data in (1, 0.5, np.zeros(2), np.zeros((2, 2), int), np.zeros(2, bool), np.bytes_(b"")):
            yield f"{path} = {data!r}", group, replace(path, data)
    for name in ("tiles/more", "more"):
        yield f"with {name}", "", replace_none(name)


def replace_none(path: str) -> Change:
    return lambda file: file.__setitem__(path, 1)


def test_the_schema_of_the_docs_is_that_of_the_format() -> None:
    kept = json.loads((ROOT / "docs" / "reference" / "tile-format.schema.json").read_text())
    assert kept == schema()
    VALIDATOR.check_schema(kept)


@pytest.mark.slow
def test_both_accept_and_refuse_the_same(image: bytes) -> None:
    assert verdicts(image, lambda file: None) == (True, True)
    with h5py.File(io.BytesIO(image)) as file:
        before = DESCRIBE(file)
    found = {
        name: verdicts(image, change, group, before) for name, group, change in all_changes(image)
    }
    assert [name for name, (one, two) in found.items() if one != two] == []
    accepted = sum(one for one, _ in found.values())
    assert accepted > 100
    assert len(found) - accepted > 500


@pytest.mark.parametrize(
    ("change", "accepted"),
    [
        (set_attribute("tiles", "encoding-version", np.bytes_(b"1.9")), True),
        (set_attribute("tiles", "encoding-version", np.bytes_(b"2.0")), False),
        (set_attribute("tiles", "bits", 1), False),
        (set_attribute("tiles", "bits", 8.0), False),
        (set_attribute("network", "dt", 1), True),
        (set_attribute("network", "reset", np.bytes_(b"none")), False),
        (set_attribute("/", "digest", "of variable length"), False),
        (drop("selftest"), True),
        (drop("routing"), False),
        (drop("neurons/positions"), True),
        (drop("neurons/bias"), False),
        (replace("tiles/code", np.zeros(3)), False),
        (replace("device", 1), False),
    ],
)
def test_the_specification_case_by_case(image: bytes, change: Change, accepted: bool) -> None:
    assert verdicts(image, change) == (accepted, accepted)
