"""Arrays of a rate network by name: in .npz and .safetensors files, and in PyTorch objects."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data import atomic, gate
from spiking_bimt.data.arguments import shown
from spiking_bimt.data.rate_parts import WHAT_TO_DO
from spiking_bimt.errors import InputError

Array = npt.NDArray[Any]

SUFFIXES = (".npz", ".safetensors")

MARK = atomic.MARK.decode()
"""Name of an array that says that this package wrote the file: the version of its layout."""
_LAYOUT = 1

_OTHER_ACTIVATIONS = ("Tanh", "Sigmoid", "Softplus", "LeakyReLU", "ELU", "GELU", "SiLU")
"""Classes of torch.nn that are no rectifier."""
_WRAPPERS = ("state_dict", "model_state_dict", "model")
"""Names under which checkpoints hold a state dict."""


def read_arrays(path: Path) -> dict[str, Array]:
    """The arrays of a .npz or .safetensors file; nothing is unpickled.

    Raises InputError for a file that is missing, damaged, or of another kind.
    """
    if path.suffix.lower() == ".npz":
        arrays = _read_npz(path)
    elif path.suffix.lower() == ".safetensors":
        arrays = _read_safetensors(path)
    else:
        raise InputError(f"{path} is neither {' nor '.join(SUFFIXES)}")
    layout = arrays.pop(MARK, np.array(_LAYOUT))
    if layout.shape != () or layout > _LAYOUT:
        raise InputError(f"{path} has a layout that this release does not know: use a newer one")
    return arrays


def write_arrays(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write named arrays to a .npz or .safetensors file, atomically; equal arrays, equal bytes."""
    marked = {MARK: np.array(_LAYOUT), **arrays}
    if path.suffix.lower() == ".npz":
        content = _npz_bytes(marked)
    elif path.suffix.lower() == ".safetensors":
        content = _safetensors().save(marked)
    else:
        raise InputError(f"{path} has to end in {' or '.join(SUFFIXES)}")
    atomic.write_bytes(path, content)


def arrays_of(source: Any) -> dict[str, Array]:
    """The arrays of a `torch.nn.Module` or of a state dict (or a dictionary of arrays).

    A module with gates or another activation than ReLU is refused with the reason.
    """
    if hasattr(source, "state_dict") and hasattr(source, "modules"):
        _refuse_other_modules(source)
        source = source.state_dict()
    if not isinstance(source, Mapping):
        raise InputError(
            f"the network is {shown(source)}, expected a torch.nn.Module or state dict"
        )
    inner = [name for name in _WRAPPERS if isinstance(source.get(name), Mapping)]
    state = source[inner[0]] if inner else source
    return {str(key): _numbers(str(key), value) for key, value in state.items()}


def _refuse_other_modules(module: Any) -> None:
    for part in module.modules():
        kind = type(part).__name__.removesuffix("Cell")
        if kind in ("LSTM", "GRU"):
            raise InputError(f"the network has a {kind}: {WHAT_TO_DO[kind]}")
        if kind == "RNN" and getattr(part, "nonlinearity", "relu") == "tanh":
            raise InputError(f"the network has a {kind} of tanh units: {WHAT_TO_DO['tanh']}")
        if kind in _OTHER_ACTIVATIONS:
            raise InputError(f"the network has a {kind}, and its units must be ReLU: train it so")


def _numbers(key: str, value: Any) -> Array:
    """An array, number or tensor as an array."""
    if hasattr(value, "detach"):
        tensor = value.detach()
        try:
            small = tensor.is_floating_point() and tensor.element_size() < 4  # bfloat16 among them
            return np.asarray((tensor.float() if small else tensor).cpu().numpy())
        except (TypeError, RuntimeError, ValueError) as error:
            raise InputError(f"{key} is no dense array of numbers ({tensor.dtype})") from error
    found = np.asarray(value) if isinstance(value, np.ndarray | int | float) else None
    if found is None or found.dtype.kind not in "biuf":
        raise InputError(f"{key} is {shown(value)}, expected an array of numbers")
    return found


def _read_npz(path: Path) -> dict[str, Array]:
    with gate.opening_npz(path, "an .npz file of arrays") as file:
        arrays = {}
        with np.load(file, allow_pickle=False) as archive:
            for key in archive.files:
                try:
                    arrays[key] = archive[key]
                except ValueError as error:
                    if "allow_pickle" not in str(error):
                        raise
                    raise InputError(
                        f"{key} is an array of objects, which is never unpickled: save numbers"
                    ) from error
        return {key: _numbers(key, value) for key, value in arrays.items()}


def _npz_bytes(arrays: Mapping[str, Array]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, value in arrays.items():
            member = io.BytesIO()
            np.save(member, np.asarray(value), allow_pickle=False)
            # A date of its own would make equal networks unequal files.
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getvalue())
    return buffer.getvalue()


def _read_safetensors(path: Path) -> dict[str, Array]:
    gate.regular(path)
    library = _safetensors()
    with gate.parsing(path, "a .safetensors file"):
        return {key: _numbers(key, value) for key, value in library.load_file(path).items()}


def _safetensors() -> Any:
    try:
        import safetensors.numpy
    except ImportError as error:
        raise InputError(
            "safetensors is not installed: pip install 'spiking-bimt[safetensors]'"
        ) from error
    return safetensors.numpy
