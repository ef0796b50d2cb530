"""A network for bare metal: one flat little-endian binary, its layout as JSON, and a C program.

    network.bin     the sections that network.json lists, without gaps
    network.json    offset, type and shape of every section, and the header's names
    simulate.c      reads both binaries and prints the spikes, in about 100 lines
    inputs.bin      int32 trials; for each: int32 task steps, float32 v (N,), float32 (steps, C)

Parameters are the exact propagators of one step. Weights are int8 or int16 codes times the scale
of their target where the network is quantised, float32 otherwise. The kernel adds in the order of
`sim_trials`, so the spikes are the same bits.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data import gate, store, validate
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.kernels.sim_trials import Step
from spiking_bimt.simulation import propagators

Array = npt.NDArray[Any]

MAGIC = 0x544D4942
VERSION = 2
"""Version 2 counts the rows of propagators, of which there may be more than in version 1."""
HEADER = ("magic", "version", "neurons", "channels", "outputs", "synapses", "input_synapses",
          "steps_per_input", "longest_delay", "own_delays", "code_bytes", "step_rows")  # fmt: skip
_ROWS_OF_VERSION_1 = 9
PROGRAM = Path(__file__).parent / "simulate.c"


def write_flat(folder: Path, network: SpikingNetwork) -> None:
    """Write network.bin, network.json and simulate.c into a new folder in the place of `folder`."""
    sections = _sections(network)
    names: dict[str, Any] = {}
    offset = 0
    for name, array in sections.items():
        names[name] = {"offset": offset, "type": array.dtype.str, "shape": list(array.shape)}
        offset += array.nbytes
    layout = {
        "format": "spiking_bimt/flat", "version": VERSION, "bytes": offset, "byte_order": "little",
        "header": list(HEADER), "sections": names, "dt_ms": network.dt,
        "task_dt_ms": network.task_dt, "tau_out_ms": network.tau_out, "tasks": list(network.tasks),
        "battery": network.battery,
    }  # fmt: skip
    with store.replacing_folder(folder) as new:
        with (new / "network.bin").open("wb") as file:
            for array in sections.values():
                file.write(array.tobytes())
        (new / "network.json").write_text(json.dumps(layout, indent=1))
        (new / "simulate.c").write_text(PROGRAM.read_text())


def read_flat(folder: Path) -> dict[str, Array]:
    """The sections of a folder's network.bin by name.

    Raises InputError for files that are missing, truncated, foreign or do not fit together.
    """
    layout, path = gate.read_json(folder / "network.json"), folder / "network.bin"
    if not isinstance(layout, dict) or layout.get("format") != "spiking_bimt/flat":
        raise InputError(f"{folder / 'network.json'} is no layout of spiking_bimt/flat")
    if layout.get("version") not in (1, VERSION):
        raise InputError(f"{folder} has version {layout.get('version')}, this package {VERSION}")
    gate.regular(path)
    size = path.stat().st_size
    if size != layout.get("bytes"):
        raise InputError(
            f"{path} has {size} bytes, network.json says {layout.get('bytes')}: truncated, or of "
            "another network"
        )
    image = gate.read_bytes(path, size)
    try:
        out = {
            name: np.frombuffer(
                image, np.dtype(part["type"]), int(np.prod(part["shape"])), part["offset"]
            ).reshape(part["shape"])
            for name, part in layout["sections"].items()
        }
        _check(dict(zip(layout["header"], out["header"].tolist(), strict=True)), out)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise InputError(
            f"{folder / 'network.json'} does not describe network.bin ({type(error).__name__})"
        ) from error
    return out


def _check(head: dict[str, int], sections: dict[str, Array]) -> None:
    """Raise unless the sections fit the header, as simulate.c takes for granted."""
    if head["magic"] != MAGIC:
        raise InputError("it does not start with this format's number")
    n = head["neurons"]
    rows, counted = [name for name in Step._fields if name in sections], head.get("step_rows")
    if len(rows) != (_ROWS_OF_VERSION_1 if counted is None else counted):
        raise InputError(f"the header counts {counted} rows of propagators, there are {len(rows)}")
    sizes = {name: n for name in (*rows, "scale", "in_scale", "hold")} | {
        "indptr": n + 1, "indices": head["synapses"], "codes": head["synapses"],
        "delays": head["synapses"] if head["own_delays"] else 0,
        "in_indptr": head["channels"] + 1, "in_indices": head["input_synapses"],
        "in_codes": head["input_synapses"],
    }  # fmt: skip
    for name, size in sizes.items():
        if sections[name].shape != (size,):
            raise InputError(f"{name} has shape {sections[name].shape}, the header says {size}")
    validate.csr("network", sections["indptr"], sections["indices"], n)
    validate.csr(
        "network", sections["in_indptr"], sections["in_indices"], n, ("in_indptr", "in_indices")
    )
    longest, delays = head["longest_delay"], sections["delays"]
    if longest < 0 or delays.min(initial=0) < 0 or delays.max(initial=0) > longest:
        raise InputError(f"delays must lie in 0..{longest}")
    if head["steps_per_input"] < 1 or sections["codes"].itemsize != head["code_bytes"]:
        raise InputError("the header's steps_per_input or code_bytes is wrong")


def of_this_version(sections: dict[str, Array]) -> dict[str, Array]:
    """Sections of either version as simulate.c takes them: version 1 does not count its rows."""
    header = sections["header"]
    if header[HEADER.index("version")] == VERSION:
        return sections
    newer = np.append(header, _ROWS_OF_VERSION_1).astype(header.dtype)
    newer[HEADER.index("version")] = VERSION
    return sections | {"header": newer}


def write_sections(path: Path, sections: dict[str, Array]) -> None:
    """Write network.bin alone; sections: all of a network's, in the order of `read_flat`."""
    store.write_bytes(path, b"".join(array.tobytes() for array in sections.values()))


def write_inputs(path: Path, levels: list[Array], starts: Array) -> None:
    """Write inputs.bin: for each trial its start (N,) and its channels' levels (task steps, C)."""
    parts = [np.array([len(levels)], "<i4").tobytes()]
    for rows, start in zip(levels, starts, strict=True):
        parts += [np.array([len(rows)], "<i4").tobytes(), start.astype("<f4").tobytes()]
        parts.append(np.ascontiguousarray(rows, "<f4").tobytes())
    store.write_bytes(path, b"".join(parts))


def _rows(network: SpikingNetwork) -> dict[str, Array]:
    """The propagators of one step by name; an optional one that the network lacks is empty."""
    network.refuse_optional("the C program", propagators.TRIALS_HAVE)
    rows = propagators.step_of(network, np.float32)._asdict()
    return {name: row.astype("<f4") for name, row in rows.items()}


def _sections(network: SpikingNetwork) -> dict[str, Array]:
    n, coded = network.n_neurons, network.codes is not None
    for name in ("indices", "in_indices"):
        if len(getattr(network, name)) >= 2**31:
            raise InputError(f"{len(getattr(network, name))} synapses: the format counts 32 bits")
    own = network.delays
    width = 4 if not coded else (1 if (network.bits or 16) <= 8 else 2)
    kind = {1: "<i1", 2: "<i2", 4: "<f4"}[width]
    codes, in_codes, out_codes = (
        getattr(network, field)
        for field in (("codes", "in_codes", "out_codes") if coded else
                      ("weights", "in_weights", "w_out"))
    )  # fmt: skip
    one = np.ones(n, np.float32)
    step = {name: row for name, row in _rows(network).items() if row.size}
    header = [
        MAGIC, VERSION, n, network.n_inputs, len(network.b_out), len(network.indices),
        len(network.in_indices), network.steps_per_task_step,
        network.delay if own is None else int(own.max(initial=0)), int(own is not None), width,
        len(step),
    ]  # fmt: skip
    sections: dict[str, Array] = {"header": np.array(header, "<i4")}
    sections |= step
    sections["scale"] = (one if network.scale is None else network.scale).astype("<f4")
    sections["in_scale"] = (one if network.in_scale is None else network.in_scale).astype("<f4")
    sections["hold"] = propagators.refractory_steps(network)[:n].astype("<i4")
    sections["indptr"] = network.indptr.astype("<i4")
    sections["indices"] = network.indices.astype("<i4")
    sections["delays"] = np.zeros(0, "<i4") if own is None else own.astype("<i4")
    sections["codes"] = codes.astype(kind)
    sections["in_indptr"] = network.in_indptr.astype("<i4")
    sections["in_indices"] = network.in_indices.astype("<i4")
    sections["in_codes"] = in_codes.astype(kind)
    sections["out_codes"] = out_codes.astype(kind)
    outputs = np.ones(len(network.b_out))
    sections["out_scale"] = (
        outputs if network.out_scale is None else network.out_scale
    ).astype("<f4")  # fmt: skip
    sections["b_out"] = network.b_out.astype("<f4")
    return sections
