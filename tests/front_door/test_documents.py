"""The docstrings of the front door say what fields are, what is refused, and name what is there."""

import dataclasses
import inspect
import re
from types import FunctionType

import pytest

import spiking_bimt as sb

RECORDS = [
    name
    for name in sb.__all__
    if dataclasses.is_dataclass(getattr(sb, name)) and isinstance(getattr(sb, name), type)
]
FUNCTIONS = [name for name in sb.__all__ if isinstance(getattr(sb, name), FunctionType)]


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_lists_its_fields(name: str) -> None:
    record = getattr(sb, name)
    text = inspect.getdoc(record) or ""
    listed = re.findall(r"^    (\w+): \S", text.partition("\nFields:\n")[2], re.MULTILINE)
    assert listed == [field.name for field in dataclasses.fields(record) if field.init]
    assert max(map(len, text.splitlines())) <= 100


def test_fields_have_their_shapes_and_units() -> None:
    text = sb.SpikingNetwork.__doc__ or ""
    assert "    weights: (nnz,) w: total change of the postsynaptic v by one spike" in text
    assert "    tau_mem: Membrane time constant; inf for a non-leaky membrane. Unit: ms.\n" in text
    assert sb.Recording.__doc__ is not None
    assert "    steps: (n_spikes,) simulation step within the trial" in sb.Recording.__doc__
    assert "object at 0x" not in str(inspect.signature(sb.SpikingNetwork))
    assert "<function" not in str(inspect.signature(sb.SpikingNetwork))


@pytest.mark.parametrize("name", [*RECORDS, *FUNCTIONS])
def test_names_in_docstrings_can_be_reached(name: str) -> None:
    """What stands between backquotes and looks like a class or a module of this package."""
    for word in re.findall(r"`([\w.]+)`", getattr(sb, name).__doc__ or ""):
        first = word.split(".")[0]
        if first[0].isupper():
            assert first in sb.__all__ or first in dir(getattr(sb, name)), word
        assert first != "spiking_bimt", word


@pytest.mark.parametrize(
    "name", ["from_csr", "from_coo", "from_sparse", "random_sheet", "draw_trials", "write_tiles",
             "simulate_network", "simulate_trials", "place_network", "traffic", "timeline",
             "cut_tiles", "read_tiles", "read_nir", "read_sonata"],
)  # fmt: skip
def test_a_function_says_what_it_refuses(name: str) -> None:
    assert "InputError" in (getattr(sb, name).__doc__ or "")
