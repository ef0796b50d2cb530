"""Files of others: within budgets or refused in one line that names the file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spiking_bimt.data import gate
from spiking_bimt.errors import InputError

Reader = Callable[[Path], Any]


@pytest.mark.parametrize(
    ("reader", "content", "message"),
    [
        (gate.read_json, b"[" * 100_000, "nested too deep"),
        (gate.read_json, b"[" + b"0," * 2**20 + b"0]", "more than 1,048,576 values"),
        (gate.read_json, b" " * (2**23 + 1), "more than 8,388,608 bytes"),
        (gate.read_json, b'{"a": 1, "a": 2}', "key 'a' stands twice"),
        (gate.read_json, b'{"a": ' + b"9" * 5000 + b"}", "not valid JSON"),
        (gate.read_json, b"\xff", r"not text in UTF-8 \(byte 0\)"),
        (gate.read_toml, b"a = " + b"[" * 50_000, "valid TOML"),
        (gate.read_toml, b"a" + b".a" * 2**18, "more than 262,144 bytes"),
        (gate.read_toml, b"a =", "is not valid TOML"),
        (gate.read_json_lines, b'{"a": 1}\n[1]\n', "line 2: it is no object"),
        (gate.read_json_lines, b'{"a": 1}\n{"a"\n', "not valid JSON"),
        (gate.read_csv, b"a,b\n1\n", "row 1 has not as many cells"),
        (gate.read_csv, b"a,b\n1,2,3\n", "row 1 has not as many cells"),
        (gate.read_csv, b'a,b\n1,"' + b"x" * 200_000, "is not a table"),
    ],
)
def test_what_is_no_such_file_is_refused_in_one_line(
    tmp_path: Path, reader: Reader, content: bytes, message: str
) -> None:
    path = tmp_path / "given"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        reader(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_good_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "given"
    path.write_bytes(b'\xef\xbb\xbf{"a": [1, 2.5, null]}\n')
    assert gate.read_json(path) == {"a": [1, 2.5, None]}
    assert gate.read_json_lines(path) == [{"a": [1, 2.5, None]}]
    path.write_text("a b\n1 2\n")
    assert gate.read_csv(path, " ") == [{"a": "1", "b": "2"}]
    path.write_text("a = 1\n")
    assert gate.read_toml(path)[1] == {"a": 1}
