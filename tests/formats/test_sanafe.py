"""SANA-FE loads and simulates what is written: same spikes, packets, hops and energy."""

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spiking_bimt.chip.energy import event_energies
from spiking_bimt.chip.presets import load_chip
from spiking_bimt.chip.start import slots
from spiking_bimt.chip.traffic import traffic
from spiking_bimt.data.chip import Chip, Placement
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.formats.sanafe_export import Replay, sanafe_losses, write_sanafe
from spiking_bimt.formats.sanafe_run import Counted, run_sanafe
from spiking_bimt.simulation.build import from_csr
from spiking_bimt.simulation.engine import simulate_network

Array = Any
STEPS = 1000


@pytest.fixture(autouse=True)
def _needs_sanafe() -> None:
    pytest.importorskip("sanafe")


def network_of(seed: int, n: int = 40, **options: Any) -> SpikingNetwork:
    """Every kind of neuron and delay that SANA-FE has: both resets, floors, leaky or not."""
    rng = np.random.default_rng(seed)
    there = rng.random((n, n)) < 0.2
    indices = np.nonzero(there)[1]
    fields: dict[str, Any] = {
        "dt": 1.0, "delays": rng.integers(1, 6, len(indices)),
        "tau_mem": np.where(rng.random(n) < 0.5, np.inf, rng.uniform(5, 30, n)),
        "tau_syn": rng.uniform(2, 20, n), "reset": "subtract" if seed % 2 else "value",
        "v_min": np.where(rng.random(n) < 0.5, -0.3, -np.inf), "v_th": rng.uniform(0.5, 1.5, n),
        "v_reset": rng.uniform(-0.2, 0.2, n), "v_leak": rng.uniform(-0.2, 0.2, n),
        "bias": rng.uniform(0, 0.1, n),
    }  # fmt: skip
    weights = 0.2 * rng.normal(size=len(indices))
    return from_csr(np.append(0, np.cumsum(there.sum(1))), indices, weights, **(fields | options))


def placed(network: SpikingNetwork, chip: Chip, cores: int, seed: int) -> Placement:
    core = np.random.default_rng(seed).integers(0, cores, network.n_neurons).astype(np.int32)
    return Placement(chip.name, chip.n_cores, core, slots(core))


def small_chip() -> Chip:
    return replace(load_chip("loihi"), width=3, height=2, cores_per_tile=2)


def start_of(network: SpikingNetwork, seed: int) -> Array:
    u = np.random.default_rng(seed).random(network.n_neurons)
    return network.v_reset + u * (network.v_th - network.v_reset)


def our_spikes(network: SpikingNetwork, start: Array) -> Array:
    activity = simulate_network(
        network, STEPS * network.dt, v_start=start, dtype=np.float64, mode="clock"
    )
    out = np.zeros((STEPS, network.n_neurons), bool)
    out[activity.steps, activity.neurons] = True
    return out


def assert_counts(
    found: Counted, network: SpikingNetwork, placement: Placement, chip: Chip, spikes: Array
) -> None:
    expected = traffic(network, placement, chip, spikes.sum(0), STEPS)
    assert found.packets == expected.packets
    assert found.hops == expected.unicast_hops
    assert found.synaptic_events == expected.synaptic_events
    assert expected.energy_pj is not None
    assert found.energy_pj == pytest.approx(sum(expected.energy_pj.values()), rel=1e-3)


@pytest.mark.parametrize("seed", range(6))
def test_dynamics_counts_and_energy_are_ours(tmp_path: Path, seed: int) -> None:
    """For these seeds: SANA-FE cuts v to 2^-24 of the threshold, so others part in the end."""
    network, chip = network_of(seed), small_chip()
    if seed == 5:  # synapses without filter, of some neurons
        network = replace(network, tau_syn=np.where(np.arange(40) % 2, 0.0, network.tau_syn))
    placement, start = placed(network, chip, 9, seed), start_of(network, seed)
    write_sanafe(tmp_path / "sanafe", network, placement, chip, start=start)
    spikes = our_spikes(network, start)
    found = run_sanafe(tmp_path / "sanafe", STEPS)
    assert spikes.sum() > 500
    np.testing.assert_array_equal(found.spikes, spikes)
    assert_counts(found, network, placement, chip, spikes)


def own_file(buffer: str) -> str:
    """SANA-FE's loihi.yaml, without the 1024 units per core that only replay spikes."""
    spec = importlib.util.find_spec("sanafe")
    assert spec is not None
    assert spec.origin is not None
    text = (Path(spec.origin).parent / "examples" / "loihi.yaml").read_text()
    return text.replace("loihi_inputs[0..1023]", "loihi_inputs[0..39]").replace(
        "buffer_position: soma\n            buffer_inside_unit: false", buffer
    )


def test_energy_by_sanafes_own_loihi_file(tmp_path: Path) -> None:
    """With the buffer before the dendrite: behind it, as shipped, delayed spikes are lost."""
    network, chip = network_of(0), load_chip("loihi")
    placement, start = placed(network, chip, 128, 0), start_of(network, 0)
    write_sanafe(tmp_path / "sanafe", network, placement, chip, start=start)
    text = own_file("buffer_position: dendrite\n            buffer_inside_unit: true")
    assert "buffer_position: dendrite" in text
    (tmp_path / "sanafe" / "arch.yaml").write_text(text)
    spikes = our_spikes(network, start)
    found = run_sanafe(tmp_path / "sanafe", STEPS)
    np.testing.assert_array_equal(found.spikes, spikes)
    assert_counts(found, network, placement, chip, spikes)


def test_other_networks_replay_given_spikes_at_the_same_cost(tmp_path: Path) -> None:
    network = network_of(1, delays=None, delay=10)
    chip = small_chip()
    placement = placed(network, chip, 12, 1)
    spikes = our_spikes(network, start_of(network, 1))
    steps, neurons = np.nonzero(spikes)
    write_sanafe(
        tmp_path / "sanafe", network, placement, chip, replay=Replay(steps, neurons, STEPS)
    )
    found = run_sanafe(tmp_path / "sanafe", STEPS)
    np.testing.assert_array_equal(found.spikes, spikes)
    assert_counts(found, network, placement, chip, spikes)


def test_what_sanafe_cannot_compute_is_named(tmp_path: Path) -> None:
    assert sanafe_losses(network_of(0)) == []
    slow = network_of(0, delays=None, delay=10)
    assert sanafe_losses(slow) == ["delays of 10 steps (SANA-FE has at most 5)"]
    chip = small_chip()
    with pytest.raises(InputError, match=r"cannot compute delays of 10 steps.*: replay spikes"):
        write_sanafe(tmp_path / "s", slow, placed(slow, chip, 9, 0), chip)
    assert not list(tmp_path.iterdir())


def test_a_multicast_chip_is_refused(tmp_path: Path) -> None:
    network, chip = network_of(0), load_chip("grid16")
    with pytest.raises(InputError, match="grid16 is multicast without local packets: place on"):
        write_sanafe(tmp_path / "s", network, placed(network, chip, 9, 0), chip)


def test_a_board_is_refused_unless_its_links_cost_what_a_chips_do(tmp_path: Path) -> None:
    network, chip = network_of(0), small_chip()
    board = replace(chip, chip_width=1, chip_height=chip.height, chip_hop_cost=40.0)
    placement = placed(network, board, 9, 0)
    with pytest.raises(InputError, match="board of chips whose links cost 40: place on a single"):
        write_sanafe(tmp_path / "s", network, placement, board)
    assert not list(tmp_path.iterdir())
    write_sanafe(tmp_path / "s", network, placement, replace(board, chip_hop_cost=chip.hop_cost_x))


def test_an_energy_that_sanafe_has_none_of_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, chip = network_of(0), small_chip()
    placement = placed(network, chip, 9, 0)
    known = event_energies(chip)
    assert known is not None
    monkeypatch.setattr(
        "spiking_bimt.formats.sanafe_export.event_energies", lambda _: known | {"exit": 40.0}
    )
    with pytest.raises(
        InputError, match=r"SANA-FE has no energy of exit, which .* gives: place on"
    ):
        write_sanafe(tmp_path / "s", network, placement, chip)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("arch.yaml", "tiles: 3", "SANA-FE refuses "),
        ("network.yaml", "{", "SANA-FE refuses "),
        ("network.yaml", None, "network.yaml does not exist"),
    ],
)
def test_damaged_files_are_refused(
    tmp_path: Path, name: str, content: str | None, line: str
) -> None:
    network, chip = network_of(0), small_chip()
    folder = tmp_path / "sanafe"
    write_sanafe(folder, network, placed(network, chip, 9, 0), chip)
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(content)
    with pytest.raises(InputError, match=line):
        run_sanafe(folder, 3)
