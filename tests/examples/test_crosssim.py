"""CrossSim's cores, built from a tile file, compute our products; its converter is ours.

CrossSim is not on the package index: these run where a clone of it is on PYTHONPATH.
"""

import runpy
from dataclasses import replace
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

pytest.importorskip("simulator.cores.analog_core", reason="no clone of CrossSim on PYTHONPATH")

LOADER = Path(__file__).parents[2] / "examples" / "crosssim_tiles.py"


def products(path: Path, parameters: Any, kind: str) -> tuple[Any, Any]:
    """CrossSim's products of random levels, and those of the dense float64 matrix."""
    content = case(4, n=25, inputs=4, density=0.4, bits=8)
    network = content.network.quantised()
    write_tiles(path, content, {}, {})
    example = runpy.run_path(str(LOADER))
    cores = example["load"](str(path), parameters, kind)
    source, target = synapses(network)
    dense: Any = np.zeros((29, 25))
    dense[source, target] = np.append(network.weights, network.in_weights)
    dense = dense[:25] if kind == "neurons" else dense[25:]
    levels = np.random.default_rng(0).random((40, len(dense)))
    return example["product"](cores, levels, 25), levels @ dense


@pytest.mark.parametrize("style", ["BALANCED", "OFFSET", "BITSLICED"])
@pytest.mark.parametrize("kind", ["neurons", "inputs"])
def test_perfect_cores_give_the_products(tmp_path: Path, kind: str, style: str) -> None:
    from simulator import CrossSimParameters

    parameters = CrossSimParameters()
    parameters.core.style = style
    parameters.core.bit_sliced.num_slices = 7 if style == "BITSLICED" else 1
    found, expected = products(tmp_path / "t.h5", parameters, kind)
    np.testing.assert_allclose(found, expected, atol=1e-6 * np.abs(expected).max())


def test_the_converter_is_crosssims() -> None:
    """One full tile, 8 bits over 8 crosspoints at the largest code, by both."""
    from simulator import AnalogCore, CrossSimParameters

    tiles = one_code(1, 40)
    rng = np.random.default_rng(1)
    tiles = replace(tiles, codes=rng.choice(np.delete(np.arange(-127, 128), 127), 40**2))
    device = replace(with_effects(load_device("pcm"), ()), adc_bits=8, adc_range=8.0)
    ours = program(tiles, device, rng, 0.0)
    parameters = CrossSimParameters()
    parameters.core.mapping.weights.percentile = None
    parameters.core.mapping.weights.min, parameters.core.mapping.weights.max = -127.0, 127.0
    parameters.xbar.adc.mvm.model, parameters.xbar.adc.mvm.bits = "SignMagnitudeADC", 8
    parameters.xbar.adc.mvm.calibrated_range = [-8.0, 8.0]
    parameters.xbar.device.infinite_on_off_ratio = True
    core = AnalogCore(tiles.dense(0).T.astype(float), parameters)
    levels = 4 * rng.random((40, 30))
    mine = ours.convert((levels.T @ ours.value[0])[None])[0]
    assert len(np.unique(mine)) > 100
    np.testing.assert_allclose((core @ levels).T, mine, atol=1e-9)
