"""Rows of a study come back as they were, and a changed digit is told."""

import json
from pathlib import Path
from typing import Any

import pytest

from spiking_bimt.errors import InputError, OldFileWarning
from spiking_bimt.studies.kept_row import read_row, write_row

ROW = {"name": "bimt-0", "seed": 0, "accuracy": 0.1 + 0.2, "per": {3: 1, 20: None}}


def test_a_row_comes_back_as_json_has_it(tmp_path: Path) -> None:
    write_row(tmp_path / "result.json", ROW)
    assert read_row(tmp_path / "result.json") == ROW | {"per": {"3": 1, "20": None}}
    write_row(tmp_path / "result.json", ROW)


def test_every_byte_of_a_row_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    write_row(path, ROW)
    whole, found = path.read_bytes(), read_row(path)
    of_the_writer = whole.index(b'"digest"')  # its name, which nobody looks at
    for at in range(of_the_writer, len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        error, row = reading(path)
        if error is None:
            assert row == found  # a blank that became another one
        else:
            assert str(path) in error
            assert "\n" not in error


def reading(path: Path) -> tuple[str | None, Any]:
    try:
        return None, read_row(path)
    except InputError as error:
        return str(error), None


def test_a_row_of_an_earlier_version_is_read_with_a_note(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(json.dumps(ROW))
    with pytest.warns(OldFileWarning, match="without a digest"):
        assert read_row(tmp_path / "result.json")["seed"] == 0
