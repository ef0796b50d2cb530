"""Every field of every format, changed by one value: `verify` finds it, or it has no effect."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from spiking_bimt.chip.presets import load_chip
from spiking_bimt.chip.start import slots
from spiking_bimt.converting.quantise import quantise
from spiking_bimt.data import digest, store
from spiking_bimt.data.atomic import MANIFEST
from spiking_bimt.data.chip import Placement
from spiking_bimt.errors import CheckError, InputError
from spiking_bimt.formats import nir_file, registry, tile_layout
from spiking_bimt.stages.export import export
from spiking_bimt.stages.verify import verify
from tests.kernels.networks import random_network

Edit = Callable[[Path], None]

WITHOUT_EFFECT = {
    "netx": {f"/@{digest.NAME}", "/@written_by"},  # made anew here; the release
    "xylo": {f"/@{digest.NAME}", "/@written_by"},
    "nir": {"version"},  # the release of nir
    "tiles": {
        "/@package_version", "/@settings", "/@inputs", "/@schema", "/@schema_version",  # provenance
        "/@digest", "tiles/sha256",  # made anew by `sign_anew`
        "hardware@name", "neurons/positions",  # a label, and places that no core knows
        "network@delay",  # every synapse of this network has its own
        "tiles/input_scale",  # its first value is of a neuron that no input reaches
    },
}  # fmt: skip


def made(folder: Path, name: str) -> Path:
    """A run of a small network that the format holds, exported; returns its file or folder."""
    if name == "xylo":
        from tests.formats.test_xylo import network as of_xylo

        store.save(of_xylo(0, 12, 3), folder / "network.h5", {})
        export(folder, (name,), lossy=True)
        return folder / registry.load(name).path
    given: dict[str, Any] = {"tasks": (), "battery": "", "longest_delay": 4, "delay": 1}
    if name == "sanafe":
        given |= {"refractory": False, "in_indptr": [0], "in_indices": [], "in_weights": []}
    if name == "netx":
        given |= {field: np.full(12, 20.0) for field in ("tau_mem", "tau_syn")}
    network = random_network(4, 12, **given)
    store.save(quantise(network, 8), folder / "network.h5", {})
    core = (np.arange(12) // 4).astype(np.int32)
    chip = load_chip("loihi16")
    store.save(Placement(chip.name, chip.n_cores, core, slots(core)), folder / "placement.h5", {})
    export(folder, (name,), lossy=True)
    return folder / registry.load(name).path


def changed(value: Any) -> Any:
    """Another value of the same kind."""
    array = np.array(value)
    if array.dtype.kind == "S":
        return np.bytes_(b"x" + bytes(value))
    if array.dtype.kind == "O":
        text = value if isinstance(value, bytes | str) else array.ravel()[0]
        new = "x" + (text.decode() if isinstance(text, bytes) else text)
        if not array.ndim:
            return new
        array.ravel()[0] = new
        return array
    flat = array.reshape(-1)
    if array.dtype.kind == "b":
        flat[0] = not flat[0]
    elif array.dtype.kind == "f" and not np.isfinite(flat[0]):
        flat[0] = -1.0
    else:
        flat[0] = flat[0] + 1 if flat[0] < 100 else flat[0] - 1
    return array


def hdf5_edits(path: Path) -> Iterator[tuple[str, Edit]]:
    """Each dataset and attribute of a file."""
    with h5py.File(path) as file:
        items: dict[str, Any] = {"/": file}
        file.visititems(items.__setitem__)
        names = [(name, None) for name, item in items.items()
                 if isinstance(item, h5py.Dataset) and item.size]  # fmt: skip
        names += [(name, key) for name, item in items.items() for key in item.attrs]
    for name, key in names:

        def edit(path: Path, name: str = name, key: str | None = key) -> None:
            with h5py.File(path, "r+") as file:
                if key is not None:
                    file[name].attrs[key] = changed(file[name].attrs[key])
                else:
                    value, kept = changed(file[name][()]), dict(file[name].attrs)
                    kind = file[name].dtype if np.asarray(value).dtype.kind in "OU" else None
                    del file[name]
                    file.create_dataset(name, data=value, dtype=kind).attrs.update(kept)

        yield name if key is None else f"{name}@{key}", edit


def json_edits(path: Path) -> Iterator[tuple[str, Edit]]:
    """Each value of a file, of long lists the first and the last; once a key gone or too many."""

    def walk(value: Any, where: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
        if isinstance(value, dict):
            for key in value:
                yield from walk(value[key], (*where, key))
        elif isinstance(value, list) and value:
            for k in sorted({0, len(value) - 1}):
                yield from walk(value[k], (*where, k))
        else:
            yield where

    leaves = list(walk(json.loads(path.read_text()), ()))
    for where in leaves:
        for how in ("value", "gone", "more") if where == leaves[0] else ("value",):

            def edit(path: Path, where: tuple[Any, ...] = where, how: str = how) -> None:
                whole = json.loads(path.read_text())
                parent = whole
                for step in where[:-1]:
                    parent = parent[step]
                value = parent[where[-1]]
                if how == "gone":
                    del parent[where[-1]]
                elif how == "more" and isinstance(parent, dict):
                    parent["more"] = 1
                elif how == "more":
                    parent.append(1)
                elif isinstance(value, bool):
                    parent[where[-1]] = not value
                elif isinstance(value, int | float):
                    parent[where[-1]] = value + 1
                else:
                    parent[where[-1]] = f"{value}x"
                path.write_text(json.dumps(whole))

            yield f"{'.'.join(map(str, where))} {how}", edit


def binary_edits(path: Path) -> Iterator[tuple[str, Edit]]:
    """A byte of the first value of each section of network.bin."""
    sections = json.loads((path.parent / "network.json").read_text())["sections"]
    for name, part in sections.items():
        if not np.prod(part["shape"]):
            continue

        def edit(path: Path, at: int = part["offset"]) -> None:
            image = bytearray(path.read_bytes())
            image[at] ^= 1
            path.write_bytes(image)

        yield name, edit


def line_edits(path: Path) -> Iterator[tuple[str, Edit]]:
    """Each line of a text, with a character more."""
    for k in range(len(path.read_text().splitlines())):

        def edit(path: Path, k: int = k) -> None:
            lines = path.read_text().splitlines()
            lines[k] += "x"
            path.write_text("\n".join(lines) + "\n")

        yield f"line {k + 1}", edit


KINDS = {".h5": hdf5_edits, ".nir": hdf5_edits, ".json": json_edits, ".yaml": json_edits,
         ".bin": binary_edits}  # fmt: skip


def edits(path: Path) -> Iterator[tuple[str, str, Edit]]:
    """Relative name, field and edit of every field of a file or folder."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    for file in files:
        if not file.name.startswith("."):
            for field, edit in KINDS.get(file.suffix, line_edits)(file):
                yield file.name if path.is_dir() else "", field, edit


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::spiking_bimt.errors.ReadWarning")  # without its writer
@pytest.mark.parametrize("name", registry.written())
def test_every_changed_field_is_found_or_without_effect(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in {"nir": ["nir"], "sanafe": ["sanafe"], "xylo": ["xylosim"]}.get(name, []):
        pytest.importorskip(package)
    monkeypatch.setattr(nir_file, "_survive", lambda _path: None)  # a process for each
    path = made(tmp_path, name)
    assert verify(path, trials=1)["spikes"] >= 12
    if path.is_dir():
        (path / MANIFEST).unlink()  # whose digests would find any change
    whole = tmp_path / f"whole{path.suffix}"
    copy = shutil.copytree if path.is_dir() else shutil.copy2
    copy(path, whole)
    unseen: set[str] = set()
    lines: list[str] = []
    for file, field, edit in edits(whole):
        if path.is_dir():
            shutil.rmtree(path)
        copy(whole, path)
        edit(path / file)
        if name == "tiles":
            sign_anew(path)
        elif name in ("netx", "xylo"):
            with h5py.File(path, "r+") as open_file:
                store.write_text(open_file, digest.NAME, digest.content_digest(open_file))
        try:
            verify(path, trials=1)
            unseen.add(f"{file}: {field}" if file else field)
        except (CheckError, InputError) as error:
            lines.append(str(error))
    assert unseen == WITHOUT_EFFECT.get(name, set())
    assert len(lines) >= 14
    assert not any("\n" in line for line in lines)


def sign_anew(path: Path) -> None:
    """Give a tile file the checksums of what it holds, so that its meaning alone is judged."""
    with h5py.File(path, "r+") as file:
        try:
            from spiking_bimt.formats import tile_parse

            sums = tile_layout.sums(tile_parse._tile_fields(file))
            del file["tiles/sha256"]
            file["tiles/sha256"] = sums
            store.write_text(file, "digest", tile_layout.digest_of(file))
        except (InputError, KeyError, ValueError, IndexError):
            return  # it cannot be read at all


def test_a_tile_file_whose_checksums_are_of_another_content_is_refused(tmp_path: Path) -> None:
    path = made(tmp_path, "tiles")
    whole = path.read_bytes()
    for field, edit in hdf5_edits(path):
        edit(path)
        with pytest.raises((CheckError, InputError)):
            verify(path, trials=1)
        path.write_bytes(whole)
        assert field
