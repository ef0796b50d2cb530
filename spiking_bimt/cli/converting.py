"""The command that makes a spiking network of a rate network: convert."""

from pathlib import Path
from typing import Any

import click

from spiking_bimt.cli.group import call_stage
from spiking_bimt.cli.options import (
    PATH,
    command,
    force_option,
    numbers,
    option,
    run_argument,
    threads_option,
    trust_option,
    under,
)


@command(
    examples="""
    spiking_bimt convert RUN
    spiking_bimt convert RUN --bits 4 --method finetune --fit learned --steps 10000
    spiking_bimt convert RUN --target 0.96 --diagnose
    spiking_bimt convert RUN --chip loihi
    """
)
@run_argument()
@under(
    "Method",
    option(
        "--method",
        type=click.Choice(["one-to-one", "aware", "finetune", "kim2019"]),
        help="one-to-one: keep the weights and scale each neuron; aware: train rates with the"
        " spiking neurons' f-I curve; finetune: train in spikes; kim2019: one scale for all, a"
        " baseline.  [default: one-to-one]",
    ),
    option(
        "--target",
        type=float,
        help="In place of --method: try one-to-one and finetune, and keep the network that reaches"
        " this accuracy with the fewest spikes.",
    ),
    option(
        "--from",
        "start",
        type=PATH,
        metavar="RUN",
        help="Start training from the network.h5 of this run.",
    ),
    option(
        "--sources",
        type=click.Choice(["regular", "poisson"]),
        help="Bring the input as spikes of source neurons, at regular intervals or random."
        "  [default: input as currents]",
    ),
    option(
        "--output-neurons",
        is_flag=True,
        help="Answer by the spike counts of output neurons.  [default: by a weighted sum of rates]",
    ),
    option(
        "--chip",
        metavar="NAME|FILE",
        help="Make a network that this chip computes, of what is left open, and score it in the"
        " chip's integers: a name that `spiking_bimt chips` lists, or a TOML file.",
    ),
    option(
        "--diagnose",
        is_flag=True,
        help="Also draw what each unit, task and output lost: RUN/diagnosis.svg.",
    ),
)
@under(
    "Spiking neurons",
    option("--dt", type=float, metavar="MS", help="Simulation step, ms.  [default: 1]"),
    option(
        "--full-rate",
        type=float,
        metavar="HZ",
        help="Spike rate of a neuron at its full scale, Hz.  [default: 200]",
    ),
    option(
        "--percentile",
        type=float,
        help="Percentile of a unit's drive that is its full scale.  [default: 99.9]",
    ),
    option(
        "--tau-mem",
        type=float,
        metavar="MS",
        help="Membrane time constant, ms; inf: no leak.  [default: inf]",
    ),
    option(
        "--tau-syn",
        callback=numbers,
        metavar="MS,MS,..",
        help="Synaptic time constant, ms: one number, or one for each core of --cores."
        "  [default: as trained]",
    ),
    option("--t-ref", type=float, metavar="MS", help="Refractory time, ms.  [default: 0]"),
    option(
        "--reset",
        type=click.Choice(["subtract", "value"]),
        help="After a spike: subtract the threshold from the membrane potential, or set it to 0."
        "  [default: subtract]",
    ),
    option(
        "--delay",
        type=float,
        metavar="MS",
        help="Synaptic delay, ms.  [default: half the task step of the training]",
    ),
    option(
        "--floor",
        type=float,
        help="Lowest membrane potential, in thresholds, 0 or below; -inf: none."
        "  [default: 0; none for a network that was trained with leaky units]",
    ),
)
@under(
    "Integer weights",
    option(
        "--bits",
        default=8,
        show_default=True,
        help="Bits of a recurrent weight, its sign included; 0: no integer weights.",
    ),
    option(
        "--edge-bits",
        type=int,
        help="Bits of input and readout weights.  [default: as --bits]",
    ),
    option(
        "--per",
        type=click.Choice(["neuron", "core", "network"]),
        help="What has a scale of its own: each postsynaptic neuron, each core, or the network."
        "  [default: neuron]",
    ),
    option(
        "--signs",
        type=click.Choice(["mixed", "split"]),
        help="mixed: one bit of each weight is its sign; split: excitatory and inhibitory synapses"
        " are stored apart and the sign takes no bit.  [default: mixed]",
    ),
    option(
        "--fit",
        type=click.Choice(["largest", "least-squares", "drive", "learned"]),
        help="Scale that makes the largest weight the largest integer; with the least squared error"
        " of weights; the same, with integers chosen for the least error of drives; or learned in"
        " finetune.  [default: largest]",
    ),
    option(
        "--power-of-two",
        is_flag=True,
        default=None,
        help="Let scales differ by powers of two only, as on chips with weight exponents.",
    ),
    option(
        "--cores",
        type=PATH,
        metavar="FILE",
        help="placement.h5 of an earlier conversion, for --per core and one --tau-syn a core.",
    ),
)
@under(
    "Training, with --method aware or finetune",
    option("--steps", type=int, help="Training steps in spikes (finetune).  [default: 4000]"),
    option(
        "--aware-steps",
        type=int,
        help="Training steps in rates, before those in spikes.  [default: 0]",
    ),
    option("--lr", type=float, help="Learning rate of Adam.  [default: 0.001]"),
    option("--batch", type=int, help="Trials in a training step.  [default: 64]"),
    option(
        "--focus",
        type=float,
        help="Share of a batch that is drawn in proportion to the tasks' losses; the rest comes"
        " from all tasks alike.  [default: 0.5]",
    ),
    option(
        "--distil",
        type=float,
        help="Share of the rate network's answers in the targets; the rest are the right answers."
        "  [default: 0]",
    ),
    option(
        "--average",
        type=float,
        help="Keep a running mean of the weights with this decay a step; 0: keep the last weights."
        "  [default: 0]",
    ),
    option(
        "--noise",
        type=float,
        help="Standard deviation of noise on the drives in --aware-steps, as a share of full scale."
        "  [default: 0.1]",
    ),
    option(
        "--margin",
        type=float,
        help="Margin of the fixation output that the loss asks for, in logits.  [default: 2]",
    ),
    option(
        "--spike-cost",
        type=float,
        help="Weight of the mean spike rate in the loss, per Hz.  [default: 0]",
    ),
    option(
        "--rate-limit",
        type=float,
        metavar="HZ",
        help="Mean spike rate up to which --spike-cost is not paid, Hz.  [default: 0]",
    ),
)
@under(
    "Test and calibration",
    option(
        "--trials", type=int,
        help="Test trials of each task.  [default: 200, and all of a data set]",
    ),
    option(
        "--seed", default=0, show_default=True,
        help="Seed of the calibration trials and of training.",
    ),
    threads_option(),
)  # fmt: skip
@force_option()
@trust_option()
def convert(run: Path, as_json: bool, bits: int, **options: Any) -> None:
    """Convert the rate network to spiking neurons. Reads RUN/rate.h5, writes RUN/network.h5.

    Every unit becomes one neuron. RUN may be the name of a bundled network, which is then copied to
    a folder of that name. The same test trials score the rate network, the spiking network
    and the one with integer weights.
    """
    given = {key: value for key, value in options.items() if value is not None}
    call_stage("convert", as_json, run, bits=bits or None, **given)
