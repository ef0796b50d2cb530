"""The exported C program, compiled by the system's compiler, gives the kernel's spikes."""

import itertools
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spiking_bimt.converting.quantise import quantise
from spiking_bimt.data import store
from spiking_bimt.data.atomic import MANIFEST
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import InputError
from spiking_bimt.formats.flat import read_flat, write_flat, write_inputs, write_sections
from spiking_bimt.formats.flat_run import run_flat
from spiking_bimt.simulation.run import simulate_trials
from spiking_bimt.stages.verify import verify
from tests.kernels.networks import random_network, random_trials, start_of

Array = Any


def run_both(folder: Path, network: SpikingNetwork, trials: Trials) -> int:
    """Compare the program's spikes with the kernel's; returns their number."""
    recording = simulate_trials(network, trials, seed=3)
    levels = [trials.inputs[a:b] for a, b in itertools.pairwise(trials.offsets)]
    starts = np.stack([start_of(network, 3, k) for k in range(trials.n_trials)])
    for k, (steps, neurons) in enumerate(run_flat(folder, levels, starts)):
        np.testing.assert_array_equal(steps, recording.trial(k)[0])
        np.testing.assert_array_equal(neurons, recording.trial(k)[1])
    return len(recording.neurons)


@pytest.mark.parametrize("bits", [None, 8, 12])
@pytest.mark.parametrize("longest", [None, 7])
@pytest.mark.parametrize("reset", ["subtract", "value"])
def test_the_program_gives_the_kernels_spikes(
    tmp_path: Path, bits: int | None, longest: int | None, reset: str
) -> None:
    network = random_network(
        5, 70, longest_delay=longest, reset=reset, delay=4 if bits else 0, unfiltered=bits == 12
    )
    if bits is not None:
        network = quantise(network, bits).quantised()
    write_flat(tmp_path / "c", network)
    assert run_both(tmp_path / "c", network, random_trials(network, 5, (80, 3, 40))) > 1000


def test_the_program_is_short_and_compiles_without_warnings(tmp_path: Path) -> None:
    write_flat(tmp_path / "c", random_network(1))
    source = tmp_path / "c" / "simulate.c"
    assert len(source.read_text().splitlines()) <= 110
    subprocess.run(
        ["cc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-O2", "-o", tmp_path / "s", source],
        check=True,
    )


def test_eight_bits_take_a_byte(tmp_path: Path) -> None:
    network = quantise(random_network(2, 60), 8).quantised()
    write_flat(tmp_path / "c", network)
    sections = read_flat(tmp_path / "c")
    assert sections["codes"].dtype == np.int8
    np.testing.assert_array_equal(sections["codes"], network.codes)
    size = (tmp_path / "c" / "network.bin").stat().st_size
    assert size == sum(array.nbytes for array in sections.values())


def test_the_program_refuses_truncated_and_foreign_files(tmp_path: Path) -> None:
    network = random_network(1)
    write_flat(tmp_path / "c", network)
    write_inputs(tmp_path / "in.bin", [np.zeros((3, 4))], np.zeros((1, network.n_neurons)))
    program = tmp_path / "simulate"
    subprocess.run(["cc", "-o", program, tmp_path / "c" / "simulate.c"], check=True)
    whole = (tmp_path / "c" / "network.bin").read_bytes()
    for content, line in (
        (whole[:-900], "truncated"), (b"", "truncated"), (b"x" * len(whole), "of version 2"),
    ):  # fmt: skip
        (tmp_path / "bad.bin").write_bytes(content)
        done = subprocess.run(
            [program, tmp_path / "bad.bin", tmp_path / "in.bin"], capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 2
        assert line in done.stderr
        assert done.stdout == ""


def edit_json(**changes: Any) -> Any:
    def edit(folder: Path) -> None:
        layout = json.loads((folder / "network.json").read_text())
        (folder / "network.json").write_text(json.dumps(layout | changes))

    return edit


def make_version_1(folder: Path) -> None:
    """Write the files as version 1 had them: the header did not count the rows of propagators."""
    layout = json.loads((folder / "network.json").read_text())
    image = (folder / "network.bin").read_bytes()
    header = np.frombuffer(image, "<i4", len(layout["header"]))[:-1].copy()
    header[1] = 1
    (folder / "network.bin").write_bytes(header.tobytes() + image[4 + header.nbytes :])
    for name, part in layout["sections"].items():
        part["offset"] -= 4 if name != "header" else 0
    layout["sections"]["header"]["shape"] = [len(header)]
    layout |= {"version": 1, "bytes": layout["bytes"] - 4, "header": layout["header"][:-1]}
    (folder / "network.json").write_text(json.dumps(layout))


def test_version_1_is_still_read(tmp_path: Path) -> None:
    write_flat(tmp_path / "c", random_network(1))
    sections = read_flat(tmp_path / "c")
    make_version_1(tmp_path / "c")
    old = read_flat(tmp_path / "c")
    assert list(old) == list(sections)
    for name in set(sections) - {"header"}:
        np.testing.assert_array_equal(old[name], sections[name])


def miscount(folder: Path) -> None:
    image = bytearray((folder / "network.bin").read_bytes())
    image[44:48] = np.array([5], "<i4").tobytes()
    (folder / "network.bin").write_bytes(image)


def nested(folder: Path) -> None:
    (folder / "network.json").write_text("[" * 100_000)


def piped(folder: Path) -> None:
    (folder / "network.bin").unlink()
    os.mkfifo(folder / "network.bin")


def cut(folder: Path) -> None:
    whole = (folder / "network.bin").read_bytes()
    (folder / "network.bin").write_bytes(whole[:100])


def test_files_of_version_1_still_run_and_pass_their_check(tmp_path: Path) -> None:
    """Version 1 has one header field less: the number of rows, which was 9."""
    network = random_network(5, 40, longest_delay=3, tasks=(), battery="")
    store.save(network, tmp_path / "network.h5", {})
    folder = tmp_path / "c"
    write_flat(folder, network)
    (folder / MANIFEST).unlink(missing_ok=True)  # which no earlier version wrote
    sections = read_flat(folder)
    layout = json.loads((folder / "network.json").read_text())
    header = sections["header"][:-1].copy()
    header[1] = 1
    (folder / "network.bin").unlink()
    write_sections(folder / "network.bin", sections | {"header": header})
    for name, part in layout["sections"].items():
        part["offset"] -= 0 if name == "header" else 4
    layout["sections"]["header"]["shape"] = [len(header)]
    layout |= {"version": 1, "header": layout["header"][:-1], "bytes": layout["bytes"] - 4}
    (folder / "network.json").write_text(json.dumps(layout))
    assert run_both(folder, network, random_trials(network, 5, (80,))) > 200
    assert verify(folder, trials=1)["spikes"] > 200


@pytest.mark.parametrize(
    ("edit", "line"),
    [
        (cut, r"network\.bin has 100 bytes, network\.json says .*: truncated"),
        (miscount, "the header counts 5 rows of propagators, there are 9"),
        (edit_json(format="x"), "no layout of spiking_bimt/flat"),
        (edit_json(version=3), "has version 3, this package 2"),
        (lambda folder: (folder / "network.bin").unlink(), r"network\.bin does not exist"),
        (nested, r"network\.json is not valid JSON: nested too deep"),
        (piped, r"network\.bin is not a regular file, but a device or pipe"),
        (lambda folder: (folder / "network.json").write_text("{"), "not valid JSON"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, edit: Any, line: str) -> None:
    write_flat(tmp_path / "c", random_network(1))
    edit(tmp_path / "c")
    with pytest.raises(InputError, match=line):
        read_flat(tmp_path / "c")


def test_flipped_bytes_are_refused_or_stay_in_bounds(tmp_path: Path) -> None:
    """Either file: the C program is never started on indices outside its arrays."""
    write_flat(tmp_path / "c", random_network(1, 12, longest_delay=3))
    rng, lines = np.random.default_rng(0), []
    for name in ("network.json", "network.bin"):
        path = tmp_path / "c" / name
        whole = path.read_bytes()
        for _ in range(200):
            image = bytearray(whole)
            image[rng.integers(len(image))] ^= int(rng.integers(1, 256))
            path.write_bytes(image)
            try:
                sections = read_flat(tmp_path / "c")
            except InputError as error:
                lines.append(str(error))
            else:
                assert sections["indices"].max(initial=0) < 12
                assert sections["indptr"][-1] == len(sections["indices"])
        path.write_bytes(whole)
    assert len(lines) > 50
    assert all("\n" not in line for line in lines)
