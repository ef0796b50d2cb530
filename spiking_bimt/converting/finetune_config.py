"""Settings of fine-tuning."""

import math
from dataclasses import dataclass

from spiking_bimt.errors import InputError
from spiking_bimt.training.phase import falling_rate


@dataclass(frozen=True)
class FinetuneConfig:
    """Training of the weights that are there, in spikes or with the spiking neurons' rates."""

    aware_steps: int = 0
    """Steps in rates before those in spikes: conversion-aware training with the neurons' own f-I
    curve, four times as fast as spikes."""
    steps: int = 4000
    """Steps in spikes; 0 for conversion-aware training alone."""
    lr: float = 1e-3
    """Adam's learning rate; it falls linearly to lr_final * lr over the last lr_decay of a part."""
    lr_decay: float = 0.7
    lr_final: float = 0.02
    batch: int = 64
    """Trials per step."""
    focus: float = 0.5
    """Share of a batch that is drawn in proportion to the tasks' losses, the rest evenly: more
    for the tasks that spikes cost most."""
    distil: float = 0.0
    """Share of the rate network's own answers in the targets; the rest are the right answers."""
    average: float = 0.0
    """Decay by a step of the running mean of the weights that is kept; 0 keeps the last ones."""
    margin: float = 2.0
    """Margin of the fixation output of a task before the go signal, or of the right class of a data
    set (logits); a regression has none."""
    spike_cost: float = 0.0
    """Weight of the mean spike rate in the loss, per Hz of the mean over neurons."""
    rate_limit: float = 0.0
    """Mean rate, Hz, all tasks alike, below which spikes cost nothing in training."""
    noise: float = 0.1
    """Standard deviation of the noise on the drive in the steps in rates, shares of full scale."""
    softness: float = 0.1
    """Softness of the leaky f-I curve's threshold, relative to the input that reaches it: it
    bounds the slope that the gradient is taken from."""
    seed: int = 0
    """Seed of the trials and of the noise."""

    def __post_init__(self) -> None:
        for field in ("aware_steps", "steps", "seed"):
            if getattr(self, field) < 0:
                raise InputError(f"{field} is {getattr(self, field)}: it must not be negative")
        if self.steps + self.aware_steps < 1:
            raise InputError("fine-tuning of 0 steps: ask for steps or aware_steps")
        for field in ("batch", "lr", "softness"):
            if not (math.isfinite(getattr(self, field)) and getattr(self, field) > 0):
                raise InputError(f"{field} is {getattr(self, field)}: it must be above 0")
        for field in ("margin", "spike_cost", "rate_limit", "noise", "lr_final"):
            if not (math.isfinite(getattr(self, field)) and getattr(self, field) >= 0):
                raise InputError(f"{field} is {getattr(self, field)}: it must not be negative")
        if self.rate_limit and not self.spike_cost:
            raise InputError("rate_limit would do nothing: give a spike_cost, paid above it")
        if not 0 <= self.focus < 1:
            raise InputError(f"focus is {self.focus}: it must lie in [0, 1)")
        if not 0 <= self.distil <= 1:
            raise InputError(f"distil is {self.distil}: it is a share, 0 to 1")
        if not 0 <= self.average < 1:
            raise InputError(f"average is {self.average}: it must lie in [0, 1)")
        if not 0 <= self.lr_decay <= 1:
            raise InputError(f"lr_decay is {self.lr_decay}: it is a share, 0 to 1")

    def lr_at(self, step: int, steps: int) -> float:
        """Learning rate of a step of a part of so many steps."""
        return falling_rate(self.lr, self.lr_decay, self.lr_final, step, steps)
