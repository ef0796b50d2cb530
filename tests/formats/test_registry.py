"""The table of formats says what their records say, and loads no library before its use."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from spiking_bimt.errors import InputError
from spiking_bimt.formats import registry

EXTRAS = {"nir": "nir", "sanafe": "sanafe"}
"""Formats whose package is an extra, and that package."""


def test_the_table_says_what_the_records_say() -> None:
    for name, line in registry._LINES.items():
        record = registry._record(name)
        assert line.written == (record.write is not None) == (record.verify is not None), name
        assert bool(line.read) == (record.read is not None), name
        assert bool(record.path) == line.written, name
        assert line.read or not line.open, name


def test_names_and_help_load_no_library() -> None:
    code = (
        "import sys; from spiking_bimt.formats import registry; "
        "registry.written(), registry.read(), registry.leave_parameters(); "
        "import spiking_bimt.cli.commands; "
        "print([m for m in ('numpy', 'h5py', 'numba', 'nir', 'sanafe') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_records_load_without_the_extras(monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "import sys; sys.modules |= dict.fromkeys(('nir', 'sanafe')); "
        "from spiking_bimt.formats import registry; "
        "print([registry.load(name).path for name in registry.written()])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "network.nir" in done.stdout


def test_every_format_is_found_by_its_path_in_a_run(tmp_path: Path) -> None:
    for name in registry.written():
        record = registry.load(name)
        path = tmp_path / record.path
        if record.mark:
            path.mkdir()
            (path / record.mark).write_text("")
        assert registry.of_written(path) == name
    assert registry.of_written(tmp_path) is None
    assert registry.of_written(tmp_path / "other.net") == "netx"
    assert registry.of_written(tmp_path / "renamed.h5") == "tiles"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("nirr", "unknown format 'nirr'; did you mean 'nir'?"),
        ("matlab", "unknown format 'matlab'; known: tiles, nir"),
        ("", "unknown format ''; known: tiles"),
    ],
)
def test_unknown_formats_get_the_nearest_name(name: str, line: str) -> None:
    with pytest.raises(InputError) as error:
        registry.load(name)
    assert str(error.value).startswith(line)


def test_imported_kinds_are_found_by_suffix_or_mark(tmp_path: Path) -> None:
    (tmp_path / "circuit_config.json").write_text("{}")
    found: dict[str, Any] = {
        "a.NIR": "nir", "a.npz": "npz", "a.json": "sonata", ".": "sonata", "a.csv": None,
    }  # fmt: skip
    for path, name in found.items():
        kind = registry.of_foreign(tmp_path / path)
        assert (kind and kind[0]) == name, path
