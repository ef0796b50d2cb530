"""One stretch of a training, as a record read from TOML."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

from spiking_bimt.data.arguments import check_fields
from spiking_bimt.data.documented import documented
from spiking_bimt.errors import InputError

PENALTIES = ("l1", "distance", "packet", "unlike")
"""Strengths of the penalties, which a training without penalties sets to 0."""


@documented
@dataclass(frozen=True)
class Phase:
    """One stretch of training with settings of its own; Adam starts afresh in each.

    l1, distance and the swaps are BIMT: Liu et al. 2023. The rest: docs/background/model.md.
    """

    name: str
    """Name of the phase, distinct within a configuration."""
    steps: int
    """Optimiser steps."""
    dt: float = 100.0
    """Time step of the network and its tasks, ms."""
    batch: int = 64
    """Trials per step."""
    lr: float = 1e-3
    """Adam's learning rate."""
    lr_decay: float = 0.0
    """Last share of the phase over which the learning rate falls linearly to lr * lr_final."""
    lr_final: float = 0.02
    """Learning rate at the end of the phase, relative to lr."""
    l1: float = 0.0
    """lambda: strength of the L1 penalty on all weights but the biases."""
    l1_ramp: float = 0.0
    """First share of the phase over which lambda goes linearly from that of the phase before
    (0 before the first) to l1; 0 for a jump."""
    l1_ends: float = 1.0
    """Strength on input and readout weights, relative to l1."""
    distance: float = 0.0
    """A: wiring penalty per grid spacing, relative to l1; recurrent weights only."""
    packet: float = 0.0
    """Strength of the penalty on axons between cores of the chip; see `training.cores`."""
    packet_ramp: float = 0.0
    """First share of the phase over which the strength goes linearly from that of the phase before
    to `packet`; 0 for a jump."""
    unlike: float = 0.0
    """B: price of recurrent weights between units of different functional clusters, relative to l1;
    see `training.function`. It moves weights alone."""
    clusters: int = 7
    """Functional clusters that `unlike` tells apart, or as many as there are units."""
    attract: float = 0.0
    """mu: attraction of units of like function where places or cores are exchanged, as if they were
    connected, relative to the sum of all recurrent weights. It moves places alone."""
    function_every: int = 500
    """Steps between measurements of what units do, where `unlike` or `attract` needs it."""
    swap_every: int = 100
    """Steps between swaps of places, and between moves to other cores; 0 for none."""
    max_swaps: int = 20
    """Most exchanges at a time."""
    noise: float = 0.0
    """Standard deviation of Gaussian noise on the drive, per step of 20 ms; scales as dt^-1/2."""
    margin: float = 0.0
    """Margin of the fixation output of a task before the go signal, or of the right class of a data
    set (logits)."""
    activity: float = 0.0
    """Weight of the mean squared rate in the loss: keeps rates from growing without need."""
    spikes: float = 0.0
    """Weight in the loss of the mean rate relative to each unit's peak: of the spikes it sends."""
    prune: float = 0.0
    """Weights below this are set to zero at the start of the phase, and stay zero if above 0."""
    prune_cost: float = 0.0
    """In place of `prune`: the error on validation trials that pruning may cost before the phase
    makes up for it; the thresholds, of weights and of axons between cores, are found."""
    rung: bool = False
    """Whether the phase is repeated with a rising `packet` until the configuration's `max_packets`
    or `max_error` is reached; without either it runs once as it is."""
    stop_error: float = 0.0
    """The phase ends at the first measurement whose validation error is at most this; 0: never."""

    def __post_init__(self) -> None:
        check_fields(self)
        for field in ("steps", "batch", "function_every", "clusters"):
            if getattr(self, field) < 1:
                raise InputError(f"phase {self.name!r}: {field} is {getattr(self, field)}, least 1")
        for field in ("dt", "lr"):
            if not (math.isfinite(getattr(self, field)) and getattr(self, field) > 0):
                raise InputError(f"phase {self.name!r}: {field} must be a finite number above 0")
        if self.prune and self.prune_cost:
            raise InputError(f"phase {self.name!r}: give prune or prune_cost, not both")
        if self.unlike and not self.l1:
            raise InputError(f"phase {self.name!r}: unlike is relative to l1, which is 0: give l1")
        if self.attract and not self.swap_every:
            raise InputError(
                f"phase {self.name!r}: attract acts where units are exchanged: give swap_every"
            )
        if max(self.l1_ramp, self.packet_ramp, self.lr_decay) > 1:
            raise InputError(
                f"phase {self.name!r}: l1_ramp, packet_ramp and lr_decay are shares, at most 1"
            )
        for name in (one.name for one in fields(self) if one.type in (int, float)):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise InputError(f"phase {self.name!r}: {name} must be a finite number, least 0")

    @property
    def needs_function(self) -> bool:
        """Whether what units do is measured in this phase."""
        return bool(self.unlike or self.attract)

    def l1_at(self, step: int, before: float) -> float:
        """lambda of a step of this phase, after one that ended at `before`."""
        return _ramp(step, before, self.l1, self.l1_ramp * self.steps)

    def packet_at(self, step: int, before: float) -> float:
        """`packet` of a step of this phase, after one that ended at `before`."""
        return _ramp(step, before, self.packet, self.packet_ramp * self.steps)

    def lr_at(self, step: int) -> float:
        """Learning rate of a step of this phase."""
        return falling_rate(self.lr, self.lr_decay, self.lr_final, step, self.steps)


def check_function(phases: Sequence[Phase], n_tasks: int) -> None:
    """InputError where a phase compares what units do, and there is one task alone."""
    by_function = [phase.name for phase in phases if phase.needs_function]
    if by_function and n_tasks < 2:
        raise InputError(
            f"phase {by_function[0]!r}: unlike and attract compare what units do in different "
            "tasks, of which this training has one: leave them out"
        )


def falling_rate(lr: float, decay: float, final: float, step: int, steps: int) -> float:
    """Learning rate of a step: lr, and over the last share `decay` of the steps to lr * final."""
    falling = max(1.0, decay * steps)
    done = max(0.0, (step - (steps - falling)) / falling)
    return lr * (1 - (1 - final) * done) if decay else lr


def _ramp(step: int, before: float, after: float, rising: float) -> float:
    return before + (after - before) * min(1.0, step / rising) if rising else after
