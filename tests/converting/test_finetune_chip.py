"""Fine-tuning in a chip's own neuron: its integers forward, the gradient of rates behind them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import spiking_bimt.bundle
from spiking_bimt.battery.accuracy import score
from spiking_bimt.battery.draw import draw_trials
from spiking_bimt.chip.on_chip import filtered_on_chip, run_on_chip
from spiking_bimt.chip.presets import load_chip
from spiking_bimt.converting.finetune import finetune
from spiking_bimt.converting.finetune_config import FinetuneConfig
from spiking_bimt.converting.finetune_rates import make_spiking
from spiking_bimt.converting.for_chip import fit_to_chip
from spiking_bimt.converting.one_to_one import ConversionConfig
from spiking_bimt.converting.quantise import Rounding
from spiking_bimt.converting.recipe import Recipe, follow
from spiking_bimt.data import store
from spiking_bimt.data.chip import Chip
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.simulation.filtered import filtered_spikes
from tests.converting.test_finetune import normalised_bundle

JUMP = 0.05


def bundled() -> RateNetwork:
    return store.load(Path(spiking_bimt.bundle.__file__).parent / "bimt.h5", RateNetwork)


def recipe(chip: Chip, method: str = "one-to-one") -> Recipe:
    """What `convert --chip` follows."""
    tuning = FinetuneConfig(steps=2, batch=8)
    plain = Recipe(method, ConversionConfig(), tuning, Rounding(), threads=1)
    return fit_to_chip(plain, bundled(), chip, set())


@pytest.mark.parametrize("name", ["loihi", "grid16"])
def test_filtered_spikes_of_a_chip_give_its_outputs(name: str) -> None:
    chip = load_chip(name)
    made = follow(recipe(chip), bundled(), 0).network.quantised()
    trials = draw_trials(made.battery, made.tasks, 1, made.task_dt, stream="validate")
    found = filtered_on_chip(made, chip, trials, JUMP, seed=3)
    ours = run_on_chip(made, chip, trials, seed=3)
    assert ours.recording.n_spikes > 1000
    np.testing.assert_allclose(
        found @ (made.w_out.T / np.float32(JUMP)) + made.b_out, ours.recording.outputs,
        rtol=1e-3, atol=1e-3,
    )  # fmt: skip
    # No neuron of the chip drives a source: floating point has the same spikes of it.
    sources = np.setdiff1d(np.arange(made.n_neurons), ours.network.neurons)
    assert (len(sources) > 0) == (name == "loihi")
    alone = follow(replace(recipe(chip), config=ConversionConfig(reset=made.reset)), bundled(), 0)
    expected, counts = filtered_spikes(alone.network.quantised(), trials, JUMP, seed=3)
    assert not len(sources) or counts[:, sources].sum() > 1000
    assert np.abs(found[:, sources] - expected[:, sources]).mean(axis=0).max(initial=0) < JUMP


def accuracy(network: SpikingNetwork, chip: Chip) -> float:
    trials = draw_trials(network.battery, network.tasks, 10, network.task_dt, stream="validate")
    return score(run_on_chip(network, chip, trials).recording.outputs, trials).accuracy


def test_a_few_steps_repair_what_integers_lose() -> None:
    chip, start = load_chip("grid16"), normalised_bundle()
    config, rounding = ConversionConfig(full_rate=60.0), Rounding()
    before = accuracy(make_spiking(start, config, rounding), chip)
    settings = FinetuneConfig(steps=40, batch=16, lr=3e-3)
    tuned, _ = finetune(start, config, settings, rounding, chip=chip)
    after = accuracy(make_spiking(tuned, config, rounding), chip)
    assert after > before + 0.1
    for name in ("w_rec", "w_in", "w_out"):
        np.testing.assert_array_equal(getattr(tuned, name)[getattr(start, name) == 0], 0)


def test_a_recipe_for_a_chip_trains_in_its_integers() -> None:
    fitted = recipe(load_chip("grid16"), "finetune")
    made, floats = (follow(each, bundled(), 0) for each in (fitted, replace(fitted, chip=None)))
    assert made.network.codes is not None
    assert floats.network.codes is not None
    assert (made.network.codes != floats.network.codes).any()


def test_trained_neurons_leak_where_no_floor_forgets_inhibition() -> None:
    chip = load_chip("spinnaker")
    assert recipe(chip, "finetune").config.tau_mem == 20.0
    assert recipe(chip).config.tau_mem > 1e4
