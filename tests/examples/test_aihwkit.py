"""aihwkit's tiles, built from a tile file, compute our products; its device model is ours."""

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spiking_bimt.chip.analog import program, with_effects
from spiking_bimt.chip.presets import load_device
from spiking_bimt.chip.tiling import synapses
from spiking_bimt.formats.tiles import write_tiles
from tests.chip.test_analog import one_code
from tests.formats.test_tiles import case

pytest.importorskip("aihwkit")

LOADER = Path(__file__).parents[2] / "examples" / "aihwkit_tiles.py"
PCM = load_device("pcm")


def products(tmp_path: Path, kind: str, noise: float | None) -> tuple[Any, Any]:
    """aihwkit's products of random levels, and those of the dense float64 matrix."""
    from aihwkit.simulator.configs import TorchInferenceRPUConfig

    content = case(4, n=25, inputs=4, density=0.4, bits=8)
    network = content.network.quantised()
    write_tiles(tmp_path / "t.h5", content, {}, {})
    config = TorchInferenceRPUConfig()
    config.forward.is_perfect = noise is None
    config.forward.out_noise = noise or 0.0
    # The crossbars of the file are the tiles; aihwkit is not to split them again.
    config.mapping.max_input_size = config.mapping.max_output_size = 0
    example = runpy.run_path(str(LOADER))
    tiles = example["load"](str(tmp_path / "t.h5"), config, kind)
    source, target = synapses(network)
    dense: Any = np.zeros((29, 25))
    dense[source, target] = np.append(network.weights, network.in_weights)
    dense = dense[:25] if kind == "neurons" else dense[25:]
    levels = np.random.default_rng(0).random((40, len(dense)))
    return example["product"](tiles, levels, 25), levels @ dense


@pytest.mark.parametrize("kind", ["neurons", "inputs"])
def test_perfect_tiles_give_the_products(tmp_path: Path, kind: str) -> None:
    found, expected = products(tmp_path, kind, None)
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize(("noise", "bound"), [(0.0, 0.05), (0.06, 0.25)])
def test_converters_and_output_noise_cost_so_much(
    tmp_path: Path, noise: float, bound: float
) -> None:
    """aihwkit's default converters (7 bits in, 9 out) alone, and with its default noise."""
    found, expected = products(tmp_path, "neurons", noise)
    error = np.sqrt(np.mean((found - expected) ** 2) / np.mean(expected**2))
    assert 1e-4 < error < bound


@pytest.mark.parametrize("g", [0.1, 0.5, 1.0])
def test_programming_noise_and_drift_are_those_of_aihwkit(g: float) -> None:
    import torch
    from aihwkit.inference.noise.pcm import PCMLikeNoiseModel

    model, code = PCMLikeNoiseModel(g_max=25.0), round(127 * g)
    written = torch.full((40_000,), 25.0 * code / 127)
    theirs = model.apply_programming_noise_to_conductance(written).numpy()
    noisy = with_effects(PCM, ("programming noise",))
    ours = program(one_code(code), noisy, np.random.default_rng(0), 0.0)
    # Ours is G+ - G-; G- is at 0, where the noise below 0 is cut.
    cut = 0.26348 * np.sqrt(0.5 - 1 / (2 * np.pi))
    spread = np.sqrt(np.var(ours.value * 25 / 127) - cut**2)
    assert spread == pytest.approx(np.std(theirs), rel=0.03)
    nu = model.generate_drift_coefficients(written).numpy()
    drifting = with_effects(PCM, ("drift",))
    later = program(one_code(code), drifting, np.random.default_rng(0), 86400.0).value / code
    exponent = -np.log(later) / np.log(86400.0 / 20.0)
    assert np.mean(exponent) == pytest.approx(np.mean(nu), rel=0.02)
    assert np.std(exponent) == pytest.approx(np.std(nu), rel=0.05)
