"""Commands that train networks: train, study."""

from pathlib import Path
from typing import Any

import click

from spiking_bimt.cli import complete
from spiking_bimt.cli.group import call_stage
from spiking_bimt.cli.options import (
    CHIP_HELP,
    PATH,
    command,
    data_options,
    force_option,
    names,
    option,
    run_argument,
    trust_option,
    under,
)


@command(
    examples="""
    spiking_bimt train RUN
    spiking_bimt train RUN --config quick --tasks go,anti,dlygo
    spiking_bimt train RUN --chip loihi16 --max-packets 0.2
    spiking_bimt train RUN --data FILE.npz
    spiking_bimt train RUN --data aeon:JapaneseVowels
    spiking_bimt train RUN --resume
    """
)
@run_argument()
@under(
    "What is trained",
    option(
        "--config",
        shell_complete=complete.configurations,
        metavar="NAME|FILE",
        help="Configuration: a name that `spiking_bimt configs` lists, or a TOML file."
        "  [default: cores with --chip, chip without; data-cores and data with --data]",
    ),
    option(
        "--battery",
        shell_complete=complete.battery,
        metavar="NAME",
        help="Battery of tasks: a name that `spiking_bimt tasks` lists, or own for tasks of your"
        " own.  [default: the configuration's]",
    ),
    option(
        "--tasks",
        shell_complete=complete.tasks,
        callback=names,
        metavar="NAME,NAME,..",
        help="Tasks of the battery.  [default: the configuration's, else all]",
    ),
    option(
        "--seed",
        type=int,
        help="Seed of weights, trials and noise.  [default: the configuration's]",
    ),
)
@data_options(
    option(
        "--input-noise",
        type=float,
        help="Noise that training adds to the standardised channels of data, standard deviations."
        "  [default: the configuration's]",
    ),
)
@under(
    "Penalty on wiring",
    option(
        "--reg",
        metavar="NAME",
        help="bimt: weight times distance on the sheet, and swaps of units; bimt-noswap: without"
        " swaps; l1: weights alone; none.  [default: the configuration's]",
    ),
    option(
        "--l1-scale",
        type=float,
        help="Factor on the strength of the penalty.  [default: the configuration's]",
    ),
)
@under(
    "Training against a chip",
    option(
        "--chip",
        metavar="NAME|FILE",
        shell_complete=complete.chips,
        help=f"{CHIP_HELP} Its price of packets is the penalty.",
    ),
    option(
        "--max-packets",
        type=float,
        help="Raise the price until a spike costs at most this many packets to other cores.",
    ),
    option(
        "--max-error",
        type=float,
        help="Raise the price while the error on validation trials stays at or below this share.",
    ),
    option(
        "--packet-scale",
        type=float,
        help="Factor on the price of packets.  [default: the configuration's]",
    ),
)
@under(
    "Continue a training",
    option("--resume", is_flag=True, help="Continue from the run's checkpoint after an interrupt."),
    option(
        "--from",
        "start",
        type=PATH,
        metavar="RUN",
        help="Start with the network of this run, or the bundled one of this name.",
    ),
)
@under(
    "Results",
    option("--pictures", is_flag=True, help="Draw the sheet during training, and animate it."),
    option(
        "--test-trials", type=int,
        help="Trials of each task in the test at the end.  [default: 200, and all of a data set]",
    ),
)  # fmt: skip
@force_option()
@trust_option()
def train(run: Path, as_json: bool, **options: Any) -> None:
    """Train a rate network on tasks, or on a data set. Writes RUN/rate.h5.

    The whole configuration is printed at the start and kept in RUN/config.toml. To change a
    setting that has no option, edit a copy of that file and give it as --config.
    """
    call_stage("train", as_json, run, announce=lambda text: click.echo(text, err=True), **options)


@command(
    examples="""
    spiking_bimt study growing-brains OUT --quick
    spiking_bimt study chip OUT --batteries yang19 --seeds 3
    spiking_bimt study growing-brains OUT --data aeon:JapaneseVowels
    """
)
@click.argument("name", type=click.Choice(["growing-brains", "chip"]))
@click.argument("out", type=PATH)
@under(
    "What is compared",
    option("--quick", is_flag=True, help="One seed and the fewest trainings that show a result."),
    option("--seeds", type=int, help="Number of seeds of each training.  [default: 3]"),
    option(
        "--config",
        shell_complete=complete.configurations,
        metavar="NAME|FILE",
        help="For growing-brains: a name that `spiking_bimt configs` lists, or a TOML file."
        "  [default: paper; data with --data]",
    ),
    option(
        "--batteries",
        shell_complete=complete.batteries,
        callback=names,
        metavar="NAME,NAME",
        help="For chip: batteries of tasks.  [default: yang19,modcog]",
    ),
)
@data_options()
@under(
    "Where it runs",
    option("--jobs", type=int, help="Trainings at the same time.  [default: 2]"),
    option("--scheduler", metavar="ADDRESS", help="Dask scheduler to use in place of --jobs."),
)  # fmt: skip
@trust_option()
def study(name: str, out: Path, as_json: bool, config: str | None, **options: Any) -> None:
    """Train and compare many networks.

    growing-brains: no penalty, L1 and BIMT, as in the paper of that name. chip: these and training
    against the packets of a chip, each network at its best placement. A chip study uses the
    networks of a growing-brains study in the same folder OUT. After an interrupt, the same command
    continues.
    """
    call_stage("study", as_json, name, out, configs=config and (config,), **options)
