"""Files come back as they were written, and bad ones are refused in one line."""

import contextlib
import subprocess
import sys
from dataclasses import fields, replace
from importlib import resources
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pytest

from spiking_bimt.data import digest, store
from spiking_bimt.data import fields as hdf5_fields
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.errors import InputError, OldFileWarning


def f32(values: npt.ArrayLike) -> npt.NDArray[np.float32]:
    return np.asarray(values, np.float32)


def small_network(seed: int = 0) -> RateNetwork:
    rng = np.random.default_rng(seed)
    return RateNetwork(
        w_rec=f32(rng.normal(size=(6, 6))),
        w_in=f32(rng.normal(size=(6, 5))),
        b=f32(rng.normal(size=6)),
        w_out=f32(rng.normal(size=(3, 6))),
        b_out=f32(rng.normal(size=3)),
        positions=np.stack(np.divmod(np.arange(6), 3), axis=1),
        sheet=(2, 3),
        tau=100.0,
        dt=20.0,
        battery="yang19",
        tasks=("go", "anti"),
        measured={"accuracy": 0.5},
    )


def assert_equal(found: RateNetwork, wanted: RateNetwork) -> None:
    for field in fields(wanted):
        np.testing.assert_array_equal(getattr(found, field.name), getattr(wanted, field.name))


def seal(file: h5py.File) -> None:
    """Give a file that was changed the digest of what it holds now."""
    store.write_text(file, digest.NAME, digest.content_digest(file))


def test_a_record_comes_back_equal(tmp_path: Path) -> None:
    network = small_network()
    store.save(network, tmp_path / "rate.h5", settings={"a": 1})
    loaded = store.load(tmp_path / "rate.h5", RateNetwork)
    assert_equal(loaded, network)
    assert store.provenance(tmp_path / "rate.h5", "RateNetwork").settings == {"a": 1}


def test_what_is_very_large_is_kept_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = small_network()
    monkeypatch.setattr(hdf5_fields, "_COMPRESS_ABOVE", 10)
    monkeypatch.setattr(hdf5_fields, "_COMPRESS_UP_TO", 32)
    store.save(network, tmp_path / "rate.h5", settings={})
    with h5py.File(tmp_path / "rate.h5") as file:
        kinds = [file[name].compression for name in ("b", "w_in", "w_rec")]
    assert kinds == [None, "gzip", None]
    np.testing.assert_array_equal(
        store.load(tmp_path / "rate.h5", RateNetwork).w_rec, network.w_rec
    )


def test_damage_in_a_late_block_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest, "BLOCK", 8)
    monkeypatch.setattr(hdf5_fields, "_COMPRESS_ABOVE", 10**6)
    store.save(small_network(), tmp_path / "rate.h5", {})
    with h5py.File(tmp_path / "rate.h5") as file:
        at = file["b"].id.get_offset() + 5 * 4
    image = bytearray((tmp_path / "rate.h5").read_bytes())
    image[at] ^= 1
    (tmp_path / "rate.h5").write_bytes(image)
    with pytest.raises(InputError, match="it is damaged"):
        store.load(tmp_path / "rate.h5", RateNetwork)


def test_the_hash_that_is_kept_is_of_what_was_read(tmp_path: Path) -> None:
    """A file that is exchanged between reading it and writing what was made of it is told."""
    source, made = tmp_path / "rate.h5", tmp_path / "made.h5"
    store.save(small_network(), source, {})
    store.load(source, RateNetwork)
    store.save(small_network(), made, {}, {"rate.h5": source})
    store.save(small_network(1), source, {})
    with pytest.raises(InputError, match=r"rate\.h5 was changed after it was read: run the"):
        store.save(small_network(), tmp_path / "other.h5", {}, {"rate.h5": source})
    assert not (tmp_path / "other.h5").exists()
    store.load(source, RateNetwork)
    store.save(small_network(1), made, {}, {"rate.h5": source})


def test_provenance_names_the_inputs_by_their_hash(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("x")
    store.save(small_network(), tmp_path / "r.h5", {}, {"config.toml": tmp_path / "config.toml"})
    inputs = store.provenance(tmp_path / "r.h5", "RateNetwork").inputs
    expected = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
    assert inputs == {"config.toml": expected}


def test_equal_records_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a.h5", "b.h5"):
        store.save(small_network(), tmp_path / name, settings={})
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_truncation_at_any_length_is_refused(tmp_path: Path) -> None:
    store.save(small_network(), tmp_path / "rate.h5", settings={})
    whole = (tmp_path / "rate.h5").read_bytes()
    for length in range(0, len(whole), max(1, len(whole) // 60)):
        (tmp_path / "cut.h5").write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"cut\.h5 "):
            store.load(tmp_path / "cut.h5", RateNetwork)


def test_flipped_bytes_are_refused_or_change_nothing(tmp_path: Path) -> None:
    store.save(small_network(), tmp_path / "rate.h5", settings={})
    whole = (tmp_path / "rate.h5").read_bytes()
    rng = np.random.default_rng(0)
    for position in rng.integers(len(whole), size=100):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << int(rng.integers(8))
        (tmp_path / "bad.h5").write_bytes(damaged)
        # The flip may lie where nothing is read; any other exception than InputError fails.
        with contextlib.suppress(InputError):
            assert_equal(store.load(tmp_path / "bad.h5", RateNetwork), small_network())


def test_another_schema_and_a_newer_version_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "rate.h5"
    store.save(small_network(), path, settings={})
    with h5py.File(path, "r+") as file:
        store.write_text(file, "schema_version", "2.0")
    with pytest.raises(InputError, match=r"schema version 2\.0, this package reads 1\.x"):
        store.load(path, RateNetwork)
    with h5py.File(path, "r+") as file:
        store.write_text(file, "schema", "spiking_bimt/TileSet")
    with pytest.raises(InputError, match="expected 'spiking_bimt/RateNetwork'"):
        store.load(path, RateNetwork)


def test_a_missing_dataset_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rate.h5"
    store.save(small_network(), path, settings={})
    with h5py.File(path, "r+") as file:
        del file["w_out"]
    with pytest.raises(InputError, match=r"rate\.h5: w_out is missing"):
        store.load(path, RateNetwork)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"w_rec": np.full((6, 6), np.nan)}, r"w_rec\[0, 0\] is nan: it must be finite"),
        ({"b": np.array([0, 0, np.inf, 0, 0, 0])}, r"b\[2\] is inf"),
        ({"b": np.zeros(5)}, r"b has shape \(5,\), expected \(6\)"),
        ({"positions": np.zeros((6, 2), int)}, "distinct places on the 2 x 3 sheet"),
        ({"tau": -1.0}, "tau is -1.0: it must be a finite number above 0"),
        ({"activation": "tanh"}, "unknown activation 'tanh'; known: relu"),
    ],
)
def test_bad_values_are_named(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(small_network(), **change)  # type: ignore[arg-type]


def test_a_nan_in_a_file_is_named_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "rate.h5"
    store.save(small_network(), path, settings={})
    with h5py.File(path, "r+") as file:
        file["b"][3] = np.nan
        seal(file)
    with pytest.raises(InputError, match=r"rate\.h5: RateNetwork\.b\[3\] is nan"):
        store.load(path, RateNetwork)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot write .*: No such file or directory"):
        store.save(small_network(), tmp_path / "absent" / "rate.h5", settings={})


def test_a_full_disk_leaves_the_last_good_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "rate.h5"
    store.save(small_network(0), path, settings={})
    before = path.read_bytes()
    script = (
        "import resource, signal; from pathlib import Path\n"
        "from spiking_bimt.data import store; from tests.data.test_store import small_network\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        f"store.save(small_network(1), Path({str(path)!r}), settings={{}})\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-B", "-c", script], capture_output=True, text=True, cwd=root, check=False
    )
    assert "InputError: cannot write" in done.stderr
    assert "File too large" in done.stderr
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["rate.h5"]


def test_a_folder_takes_the_place_of_another_or_leaves_no_trace(tmp_path: Path) -> None:
    target = tmp_path / "out"
    for content in ("old", "new"):
        with store.replacing_folder(target) as folder:
            (folder / content).write_text(content)
    assert {path.name for path in target.iterdir()} == {"new", ".spiking_bimt.json"}

    def half_written() -> None:
        with store.replacing_folder(target) as folder:
            (folder / "half").write_text("")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half_written()
    assert {path.name for path in target.iterdir()} == {"new", ".spiking_bimt.json"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_is_not_written_over_a_file(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with (
        pytest.raises(InputError, match=r"cannot write .*out: it is a file; move it away"),
        store.replacing_folder(tmp_path / "out"),
    ):
        pass
    assert (tmp_path / "out").read_text() == "mine"


def test_a_file_without_its_digest_is_refused_and_an_older_one_read_with_a_note(
    tmp_path: Path,
) -> None:
    path = tmp_path / "rate.h5"
    store.save(small_network(), path, settings={})
    with h5py.File(path, "r+") as file:
        del file.attrs["digest"]
    with pytest.raises(InputError, match=r"rate\.h5 has no digest of its content"):
        store.load(path, RateNetwork)
    with h5py.File(path, "r+") as file:
        store.write_text(file, "schema_version", "1.0")
    with pytest.warns(OldFileWarning, match=r"rate\.h5 is of an earlier version"):
        assert_equal(store.load(path, RateNetwork), small_network())


def test_a_file_of_version_1_0_is_read() -> None:
    with pytest.warns(OldFileWarning, match="earlier version"):
        old = store.load(Path(__file__).parent / "archive" / "rate-1.0.h5", RateNetwork)
    bundled = resources.files("spiking_bimt.bundle") / "cores.h5"
    assert_equal(old, store.load(Path(str(bundled)), RateNetwork))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("positions", np.array([[2**32, 0]] + [[k // 3, k % 3] for k in range(1, 6)]),
         r"positions\[0, 0\] is 4294967296: no whole number that fits int32"),
        ("positions", np.array([[0, 0.5]] + [[k // 3, k % 3] for k in range(1, 6)]),
         r"positions\[0, 1\] is 0\.5: no whole number"),
        ("b", np.full(6, 1e300), r"b\[0\] is 1e\+300: too large for float32"),
    ],
)  # fmt: skip
def test_numbers_that_a_cast_would_change_are_refused(
    tmp_path: Path, name: str, value: np.ndarray[Any, Any], message: str
) -> None:
    path = tmp_path / "rate.h5"
    store.save(small_network(), path, settings={})
    with h5py.File(path, "r+") as file:
        del file[name]
        file[name] = value
        seal(file)
    with pytest.raises(InputError, match=message):
        store.load(path, RateNetwork)


def test_a_leaky_network_of_an_earlier_version_is_refused(tmp_path: Path) -> None:
    """It holds its curve under another name, with a rate in spikes per ms."""
    curve = f32([20.0, 2.0, 200.0, 0.1])
    leaky = replace(small_network(), activation="lif", lif_curve=curve)
    path = tmp_path / "rate.h5"
    store.save(leaky, path, settings={})
    np.testing.assert_array_equal(store.load(path, RateNetwork).lif_curve, curve)
    with h5py.File(path, "r+") as file:
        file.move("lif_curve", "curve")
        seal(file)
    with pytest.raises(InputError, match="lif_curve is missing"):
        store.load(path, RateNetwork)
