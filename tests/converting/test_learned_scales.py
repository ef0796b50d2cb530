"""Scales that are learned in fine-tuning: their gradient, and the codes that they give."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from spiking_bimt.converting import finetune_rates, inverse, learned_scales
from spiking_bimt.converting.finetune import finetune
from spiking_bimt.converting.finetune_config import FinetuneConfig
from spiking_bimt.converting.quantise import Rounding
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.training.parameters import PARAMETERS
from tests.converting.test_finetune import FEW_SPIKES, normalised_bundle


@pytest.fixture(scope="module")
def bundled() -> RateNetwork:
    return normalised_bundle()


def test_scales_have_the_gradient_of_what_is_out_of_range(bundled: RateNetwork) -> None:
    """Where every weight is clipped, sum(q) moves with the scales as it is said to."""
    rounding = Rounding(4, fit="learned")
    exact = finetune_rates.make_spiking(bundled, FEW_SPIKES, None)
    scale, in_scale, out_scale = rounding.scales(exact)

    def rounded(factor: float) -> tuple[SpikingNetwork, RateNetwork]:
        narrow = [np.float32(factor * 1e-6) * part for part in (scale, in_scale, out_scale)]
        made = rounding.apply(exact, (narrow[0], narrow[1], narrow[2])).quantised()
        return made, inverse.to_rate_network(bundled, FEW_SPIKES, made)

    ones = {name: np.ones_like(getattr(bundled, name)) for name in PARAMETERS}
    made, at = rounded(1.0)
    found = learned_scales.scale_gradient(bundled, at, made, rounding, FEW_SPIKES, ones)
    _, above = rounded(1.01)
    _, below = rounded(0.99)
    for name, weights in zip(learned_scales.NAMES, learned_scales.WEIGHTS, strict=True):
        moved = (getattr(above, weights) - getattr(below, weights)).sum(axis=1) / 0.02
        np.testing.assert_allclose(found[name], moved, rtol=1e-3, atol=1e-9)
        assert not found[weights][getattr(bundled, weights) != 0].any()


@pytest.mark.parametrize("per", ["neuron", "core", "network"])
def test_scales_have_the_gradient_of_a_straight_through_rounding(
    bundled: RateNetwork, per: str
) -> None:
    """PyTorch differentiates s clip(round(w / s)) with the rounding as a constant shift."""
    on_cores = replace(bundled, chip="some", core=np.arange(bundled.n_units, dtype=np.int32) % 5)
    rounding = Rounding(4, per=per, fit="learned")
    exact = finetune_rates.make_spiking(on_cores, FEW_SPIKES, None)
    # Half the scales of least squares, so that some weights are clipped.
    own = rounding.scales(exact)
    half = np.float32(0.5)
    halved = (half * own[0], half * own[1], half * own[2])
    made = rounding.apply(exact, halved).quantised()
    rates = inverse.to_rate_network(on_cores, FEW_SPIKES, made)
    rng = np.random.default_rng(0)
    found = {n: rng.normal(size=getattr(bundled, n).shape).astype(np.float32) for n in PARAMETERS}
    result = learned_scales.scale_gradient(on_cores, rates, made, rounding, FEW_SPIKES, found)
    groups = {"neuron": np.arange(bundled.n_units), "core": np.array(on_cores.core),
              "network": np.zeros(bundled.n_units, int)}  # fmt: skip
    for name, weights, scale in zip(
        learned_scales.NAMES, learned_scales.WEIGHTS, halved, strict=True
    ):
        group = np.arange(len(scale)) if name == "log_out_scale" else groups[per]
        w = torch.tensor(getattr(bundled, weights), dtype=torch.float64, requires_grad=True)
        q = torch.tensor(getattr(rates, weights), dtype=torch.float64)
        # The step of a row's codes, from what they became: code * step is the rounded weight.
        codes = {"w_rec": made.codes, "w_in": made.in_codes, "w_out": made.out_codes}[weights]
        assert codes is not None
        ratio = torch.tensor(scale / scale[0], dtype=torch.float64)
        step = float((q.abs().max(1).values / ratio).max() / 7)
        log_s = torch.zeros(group.max() + 1, dtype=torch.float64, requires_grad=True)
        s = (ratio * step * torch.exp(log_s)[group])[:, None]
        relative = w / s
        rounded = relative + (relative.round() - relative).detach()
        (s * rounded.clamp(-7, 7) * torch.tensor(found[weights])).sum().backward()  # type: ignore[no-untyped-call]
        assert log_s.grad is not None
        assert w.grad is not None
        np.testing.assert_allclose((s * rounded.clamp(-7, 7)).detach(), q, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(result[name], log_s.grad.numpy()[group], rtol=1e-3, atol=1e-3)
        used = getattr(bundled, weights) != 0
        np.testing.assert_allclose(result[weights][used], w.grad.numpy()[used], rtol=1e-4)
        assert (np.abs(codes) == 7).sum() >= 2


def test_learned_scales_are_those_of_the_codes(bundled: RateNetwork) -> None:
    rounding = Rounding(4, fit="learned")
    settings = FinetuneConfig(steps=3, batch=8)
    _, learned = finetune(bundled, FEW_SPIKES, settings, rounding)
    start = rounding.scales(finetune_rates.make_spiking(bundled, FEW_SPIKES, None))
    assert learned is not None
    for now, before in zip(learned, start, strict=True):
        assert (now != before).any()
        np.testing.assert_allclose(now, before, rtol=4 * settings.lr)
    _, none = finetune(bundled, FEW_SPIKES, settings, Rounding(4))
    assert none is None
