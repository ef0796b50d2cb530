"""Conversions without training: the published baseline, and bits rounded afterwards."""

from pathlib import Path
from typing import Any

from common.rows import Row

from spiking_bimt.battery.draw import draw_trials
from spiking_bimt.converting.finetune_config import FinetuneConfig
from spiking_bimt.converting.one_to_one import ConversionConfig
from spiking_bimt.converting.quantise import Rounding
from spiking_bimt.converting.recipe import Recipe, follow
from spiking_bimt.converting.target_search import score_conversion
from spiking_bimt.data import store
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.rate import RateNetwork

Measured = dict[str, Any]

FULL_RATES = (50.0, 100.0, 200.0, 400.0)
BITS = (8, 6, 4, 3, 2)


class Scorer:
    """Conversions without training, scored on the same test trials."""

    def __init__(self, source: Path, trials: int = 200) -> None:
        """source: a rate.h5; trials: test trials of each task."""
        self._rate = store.load(source, RateNetwork)
        rate = self._rate
        self._trials = draw_trials(rate.battery, rate.tasks, trials, rate.dt, stream="test")

    def score(
        self, method: str, rounding: Rounding | None = None, **config: Any
    ) -> dict[str, float]:
        """Accuracy (of the integer weights, where there are) and mean rate."""
        recipe = Recipe(method, ConversionConfig(**config), FinetuneConfig(), rounding)
        return score_conversion(follow(recipe, self._rate, 0), self._trials, 1)


def kim_rows(keep: Path, name: str, scorer: Scorer) -> list[Row]:
    """At each full scale the baseline against the best of ours with as many spikes or fewer."""
    ours = [
        scorer.score("one-to-one", full_rate=full) | {"full_rate": full}
        for full in (25.0, *FULL_RATES)
    ]
    tuned = keep / f"{name}-few-spikes" / "network.h5"
    if tuned.is_file():
        found = store.load(tuned, SpikingNetwork).measured or {}
        ours.append({"accuracy": found["accuracy"]["quantised"], "full_rate": 0.0,
                     "mean_rate_hz": found["quantised_mean_rate_hz"]})  # fmt: skip
    rows = []
    for full in FULL_RATES:
        theirs = scorer.score("kim2019", full_rate=full)
        limit, accuracy = theirs["mean_rate_hz"], theirs["accuracy"]
        fewer = [point for point in ours if point["mean_rate_hz"] <= limit]
        best = max(fewer, key=lambda point: point["accuracy"], default=None)
        mine = None if best is None else best["accuracy"]
        note = f"theirs {limit:.1f} Hz"
        if best is not None:
            how = f"one-to-one, {best['full_rate']:g} Hz" if best["full_rate"] else "few-spikes"
            note += f"; ours {best['mean_rate_hz']:.1f} Hz ({how})"
        rows.append(Row(f"{name}: accuracy against kim2019 at {full:g} Hz full scale", mine,
                        accuracy, None if mine is None else mine / max(accuracy, 1e-9), 1.0,
                        mine is not None and mine > accuracy, "", note))  # fmt: skip
    return rows


def bits_rows(name: str, scorer: Scorer) -> list[Row]:
    """Rounding after training, by width and kind of scale, against the unquantised network."""
    exact = scorer.score("one-to-one", full_rate=200.0)["accuracy"]
    kinds: dict[str, Measured] = {
        "largest per neuron": {},
        "least squares per neuron": {"fit": "least-squares"},
        "for the drives per neuron": {"fit": "drive"},
        "least squares per network": {"fit": "least-squares", "per": "network"},
        "exponents": {"fit": "least-squares", "power_of_two": True},
    }
    rows = []
    for bits in BITS:
        for kind, settings in kinds.items():
            found = scorer.score("one-to-one", Rounding(bits, **settings), full_rate=200.0)
            rows.append(Row(f"{name}: {bits} bits{' (ternary)' if bits == 2 else ''}, {kind}",
                            found["accuracy"], exact, found["accuracy"] / exact, None, None, "",
                            "after training"))  # fmt: skip
    return rows


def four_bit_row(name: str, recipe: str, scorer: Scorer, tuned: Measured) -> Row:
    """Fine-tuned 4-bit weights against the unquantised spiking network of the same full scale."""
    mine, theirs = (
        tuned["accuracy"]["quantised"], scorer.score("one-to-one", full_rate=200.0)["accuracy"]
    )  # fmt: skip
    return Row(f"{name}, {recipe}: over the unquantised network", mine, theirs,
               mine / theirs, 0.98, mine >= 0.98 * theirs, "", "200 Hz full scale")  # fmt: skip
