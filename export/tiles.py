"""Crossbar tiles in HDF5: what the chip holds, and checksums (docs/reference/tile-format.md)."""

import contextlib
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from spiking_bimt.chip.analog import conductance_pairs
from spiking_bimt.chip.presets import load_device
from spiking_bimt.chip.tiling import rebuild
from spiking_bimt.data import store
from spiking_bimt.data.arguments import checked
from spiking_bimt.data.chip import Chip
from spiking_bimt.data.chip_network import ChipNetwork
from spiking_bimt.data.device import Conductances, Device
from spiking_bimt.data.network import NO_CODES, SpikingNetwork
from spiking_bimt.data.placed import TileFile
from spiking_bimt.data.selftest import ChipTest, SelfTest
from spiking_bimt.data.tiles import TileSet
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import CodesError, InputError
from spiking_bimt.formats import tile_integers, tile_layout
from spiking_bimt.formats.tile_parse import parse, routing
from spiking_bimt.simulation.golden import make_selftest

SCHEMA = "tiles"

_SCALARS = ("dt", "task_dt", "tau_out")


@checked
def write_tiles(
    path: str | Path,
    content: TileFile,
    settings: dict[str, Any] | None = None,
    inputs: dict[str, str | Path] | None = None,
    *,
    device: str | Path | Device | None = None,
    selftest: Trials | None = None,
    integers: bool = False,
) -> None:
    """Write the tiles of a placed network (`cut_tiles`), and all else that it takes to rebuild it.

    content: what `cut_tiles` gives. settings, inputs: provenance, what the file was made with (JSON
    values) and the files that it was made from, by name. device: a preset's name, a TOML file or
    the record; the file then holds the codes as conductance pairs too. selftest: trials that it
    then holds with the spikes that a chip should give. integers: also hold the network in the
    chip's own integers, with the spikes that these give on the trials. The network's own synapses
    are not looked at.

    Raises InputError where the network has no codes, the trials are not of it, or the file cannot
    be written.
    """
    made_from = {name: Path(source) for name, source in (inputs or {}).items()}
    tiles, memory = content.tiles, None if device is None else load_device(device)
    pairs = None if memory is None else conductance_pairs(tiles.codes, tiles.bits, memory)
    golden = None if selftest is None else make_selftest(rebuild(content), selftest)
    made = tile_integers.integers_of(content) if integers else None
    answers = (
        None if made is None or selftest is None
        else tile_integers.make_chip_test(content, made, selftest)
    )  # fmt: skip
    write_content(
        Path(path), content, settings or {}, made_from, device=pairs, selftest=golden,
        integers=None if made is None else (made, answers),
    )  # fmt: skip


def write_content(
    path: Path,
    content: TileFile,
    settings: dict[str, Any],
    inputs: dict[str, Path],
    *,
    device: Conductances | None = None,
    selftest: SelfTest | None = None,
    integers: tuple[ChipNetwork, ChipTest | None] | None = None,
) -> None:
    """What `write_tiles` does, with the records that the file holds as they are."""
    network, placement = content.network, content.placement
    if network.out_codes is None or network.out_scale is None:
        raise CodesError(NO_CODES)
    with store.writing(path, SCHEMA, settings, inputs) as file:
        store.write_text(file, "encoding-type", tile_layout.ROOT)
        store.write_text(file, "encoding-version", tile_layout.VERSION)
        groups = {
            name: tile_layout.encode(file, name, element.encoding)
            for name, element in tile_layout.ELEMENTS.items()
            if element.required
        }
        _write_hardware(groups["hardware"], content.chip)
        _write_network(groups["network"], network)
        _write_tiles(groups["tiles"], content.tiles)
        for field, value in network.parameters().items():
            if value is not None:
                flag = value.dtype == np.bool_
                store.write_packed(groups["neurons"], field, value.astype("u1") if flag else value)
        for field in ("core", "slot"):
            store.write_packed(groups["neurons"], field, getattr(placement, field))
        store.write_array(groups["neurons"], "positions", network.positions)
        indptr, cores = routing(content.tiles)
        store.write_packed(groups["routing"], "indptr", indptr)
        store.write_packed(groups["routing"], "core", cores)
        store.write_array(groups["readout"], "code", network.out_codes)
        store.write_array(groups["readout"], "scale", network.out_scale)
        store.write_array(groups["readout"], "bias", network.b_out)
        for name, record in (("device", device), ("selftest", selftest)):
            if record is not None:
                group = tile_layout.encode(file, name, tile_layout.ELEMENTS[name].encoding)
                store.write_fields(group, record)
        if integers is not None:
            tile_integers.write_integers(file, *integers)
        store.write_text(file, "digest", tile_layout.digest_of(file))


@checked
def read_tiles(path: str | Path) -> TileFile:
    """The content of a tile file, after every check of the format held.

    Raises InputError for anything but a whole, valid, unchanged file; it names the first bad tile.
    """
    with _checked(Path(path)) as (_, content):
        return content


def read_device(path: Path) -> Conductances | None:
    """The conductance pairs of a tile file, or None where it has none; checked as `read_tiles`."""
    with _checked(path) as (file, content):
        if "device" not in file:
            return None
        device = store.read_fields(file["device"], Conductances)
        if not np.array_equal(device.codes(), content.tiles.codes):
            raise InputError("the conductance pairs do not give the codes")
        return device


def read_selftest(path: Path) -> SelfTest | None:
    """The trials of a tile file, or None where it has none; checked as `read_tiles`."""
    with _checked(path) as (file, content):
        if "selftest" not in file:
            return None
        test = store.read_fields(file["selftest"], SelfTest)
        network = content.network
        shapes = (test.inputs.shape[1], test.v_start.shape[1], test.outputs.shape[1])
        if shapes != (network.n_inputs, network.n_neurons, len(network.b_out)):
            raise InputError(f"the self-test is of another network: {shapes} channels, neurons, "
                             "outputs")  # fmt: skip
        return test


def read_integers(path: Path) -> tuple[ChipNetwork, ChipTest | None] | None:
    """The integers of a tile file with their golden trials, or None; checked as `read_tiles`.

    Raises InputError where they are not what the chip makes of the tiles.
    """
    with _checked(path) as (file, content):
        return tile_integers.read_integers(file, content)


@contextlib.contextmanager
def _checked(path: Path) -> Iterator[tuple[h5py.File, TileFile]]:
    """A tile file and its content, after every check."""
    with store.opening(path) as file:
        try:
            content = parse(file)
        except (ValueError, OverflowError, MemoryError, AttributeError, AssertionError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                f"the file is damaged ({type(error).__name__}): make it again"
            ) from error
        yield file, content


def _write_hardware(group: h5py.Group, chip: Chip) -> None:
    for field in ("width", "height", "cores_per_tile", "weight_bits", "neurons_per_core"):
        group.attrs[field] = getattr(chip, field)
    group.attrs["rows"], group.attrs["columns"] = chip.crossbar_rows, chip.crossbar_cols
    store.write_text(group, "name", chip.name)
    store.write_text(group, "profile", json.dumps(dataclasses.asdict(chip), sort_keys=True))


def _write_network(group: h5py.Group, network: SpikingNetwork) -> None:
    for field in _SCALARS:
        group.attrs[field] = getattr(network, field)
    for field in ("reset", "battery"):
        store.write_text(group, field, getattr(network, field))
    for field in ("tasks", "sheet"):
        store.write_text(group, field, json.dumps(getattr(network, field)))
    if network.populations:
        store.write_text(group, "populations", json.dumps(network.populations))
    group.attrs["neurons"], group.attrs["inputs"] = network.n_neurons, network.n_inputs
    group.attrs["delay"] = network.delay


def _write_tiles(group: h5py.Group, tiles: TileSet) -> None:
    group.attrs["bits"], group.attrs["zero_point"], group.attrs["exponent"] = tiles.bits, 0, 0
    low, high = int(tiles.codes.min(initial=0)), int(tiles.codes.max(initial=0))
    mode = "excitatory" if low == 0 < high else "inhibitory" if low < 0 == high else "mixed"
    mode = "split" if tiles.split_signs else mode
    store.write_text(group, "sign_mode", mode)
    for field in ("core", "row_indptr", "row_source", "col_indptr", "col_target", "indptr"):
        store.write_packed(group, field, getattr(tiles, field))
    for field, name in (("scale", "scale"), ("in_scale", "input_scale")):
        axis, value = _coarsest(getattr(tiles, field), tiles)
        store.write_array(group, name, value)
        store.write_text(group, f"{name}_axis", axis)
    step = np.diff(tiles.position, prepend=-1)
    step[tiles.indptr[:-1]] = tiles.position[tiles.indptr[:-1]] + 1
    store.write_packed(group, "step", step.astype(np.uint32))
    store.write_packed(group, "code", tiles.codes.astype(np.int8 if tiles.bits <= 8 else np.int16))
    if tiles.delays is not None:
        store.write_packed(group, "delay", tiles.delays)
    store.write_array(group, "sha256", tile_layout.sums(vars(tiles)))


def _coarsest(
    scale: npt.NDArray[np.float32], tiles: TileSet
) -> tuple[str, npt.NDArray[np.float32]]:
    """The scale by network, tile, neuron or column: the first of them that loses nothing."""
    indptr = tiles.col_indptr
    first = scale[indptr[:-1]] if len(scale) else scale
    if not len(scale) or (scale == scale[0]).all():
        return "network", np.array(scale[0] if len(scale) else 1, np.float32)
    if (np.repeat(first, np.diff(indptr)) == scale).all():
        return "tile", first
    of_neuron = np.ones(tiles.n_neurons, np.float32)
    of_neuron[tiles.col_target] = scale
    if len(of_neuron) < len(scale) and (of_neuron[tiles.col_target] == scale).all():
        return "neuron", of_neuron
    return "column", scale
