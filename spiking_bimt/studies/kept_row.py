"""What a study measured of one network, as a file with a digest of its content."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from spiking_bimt.data import atomic, digest, gate, store, validate
from spiking_bimt.errors import InputError, OldFileWarning


def write_row(path: Path, row: dict[str, Any]) -> None:
    """Write a row of JSON values, with its digest."""
    plain = json.loads(json.dumps(row))  # the keys of JSON are texts
    whole = {"written_by": atomic.MARK.decode(), digest.NAME: _digest(plain), "row": plain}
    store.write_bytes(path, json.dumps(whole).encode())


def read_row(path: Path) -> dict[str, Any]:
    """Read a row back; InputError for a damaged one, a note for one of an earlier version."""
    whole = validate.typed(str(path), "the file", gate.read_json(path), dict[str, Any])
    if "row" not in whole:
        if "name" not in whole:
            raise _damaged(path)
        warnings.warn(
            f"{path} is of an earlier version, without a digest: damage in it is not noticed",
            OldFileWarning,
            stacklevel=2,
        )
        return dict(whole)
    if whole.get(digest.NAME) != _digest(whole["row"]):
        raise _damaged(path)
    return validate.typed(str(path), "row", whole["row"], dict[str, Any])  # type: ignore[no-any-return]


def _digest(row: Any) -> str:
    text = json.dumps(row, sort_keys=True).encode()
    return digest.KIND + digest.array_digest(np.frombuffer(text, np.uint8)).hex()


def _damaged(path: Path) -> InputError:
    return InputError(f"{path} is damaged, by its digest: remove it, and the study measures anew")
