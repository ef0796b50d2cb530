"""The command that brings networks of other tools in: import."""

from pathlib import Path
from typing import Any

import click

from spiking_bimt.cli import complete
from spiking_bimt.cli.group import call_stage
from spiking_bimt.cli.options import (
    PATH,
    command,
    force_option,
    names,
    option,
    pairs,
    read_option,
    run_argument,
    under,
)  # fmt: skip
from spiking_bimt.formats import registry


@command(
    "import",
    help=f"""Read a network of another tool. Writes RUN/network.h5.

    FILE is one of: {", ".join(registry.read())}. With --kind rate it is a trained network of leaky
    ReLU units, and RUN/rate.h5 is written: a PyTorch state dict (.pt, .pth, .ckpt), .safetensors or
    .npz (docs/how-to/own-networks.md).
    """,
    examples="""
    spiking_bimt import network.nir RUN
    spiking_bimt import snntorch_model.pt RUN --dt 1
    spiking_bimt import weights.npz RUN --dt 1 --tau-mem 10 --delay 1
    spiking_bimt import model.pt RUN --kind rate --alpha 0.2 --dt 20 --battery own --tasks my:task
    """,
)
@click.argument("file", type=PATH)
@run_argument()
@force_option()
@option(
    "--bits",
    default=8,
    show_default=True,
    help="Bits of a weight, its sign included; 0: no integer weights, and so no tiles.",
)
@option(
    "--dt",
    type=float,
    metavar="MS",
    help="Simulation step (a step of snnTorch's, of its state dict), or with --kind rate the step"
    " that the network was trained at, ms.  [default: the file's, or 0.1, of a state dict 1;"
    " --kind rate: the file's]",
)
@option(
    "--step",
    type=click.Choice(["euler", "exponential"]),
    help="How FILE's own reader steps. NIR: euler for snnTorch's and Norse's, in steps of --dt"
    " (0.1 ms). With --kind rate and --tau: euler: alpha is dt / tau; exponential:"
    " 1 - exp(-dt / tau).  [default: exponential; --kind rate: --alpha]",
)
@under(
    "Rate networks",
    option(
        "--kind",
        type=click.Choice(["spiking", "rate"]),
        default="spiking",
        show_default=True,
        help="What FILE holds.",
    ),
    option(
        "--alpha",
        type=float,
        help="Share of the new rate in a step; 1: units without leak."
        "  [default: 1 for torch.nn.RNN]",
    ),
    option(
        "--tau",
        type=float,
        metavar="MS",
        help="In place of --alpha: time constant of the units, ms, with --step."
        "  [default: --alpha]",
    ),
    option(
        "--map",
        "names",
        callback=pairs,
        multiple=True,
        metavar="PART=KEY",
        help="Key of w_rec, w_in, w_out, b or b_out in FILE, KEY.T for its transpose; may be given"
        " again.  [default: the usual names]",
    ),
    option(
        "--activation",
        metavar="NAME",
        help="What the units are; others than relu are refused.  [default: relu]",
    ),
    option(
        "--battery",
        shell_complete=complete.battery,
        metavar="NAME",
        help="Battery of the tasks that it was trained on, to score it.  [default: no tasks]",
    ),
    option(
        "--tasks",
        shell_complete=complete.tasks,
        callback=names,
        metavar="NAME,NAME",
        help="These tasks of the battery, in the order of their channels.  [default: all]",
    ),
    option(
        "--data",
        metavar="FILE|NAME",
        help="In place of a battery: the data set that it was trained on, as in train."
        "  [default: none]",
    ),
    read_option(),
    option(
        "--standardise",
        default="none",
        show_default=True,
        metavar="NAME",
        help="What of the data has mean 0 and standard deviation 1: each channel, all alike, or"
        " none.",
    ),
)  # fmt: skip
@under(
    f"Neurons of {' and '.join(registry.leave_parameters())} files, which hold weights alone",
    option("--tau-mem", type=float, metavar="MS",
           help="Membrane time constant, ms.  [default: 20]"),
    option("--tau-syn", type=float, metavar="MS", help="Synaptic time constant, ms.  [default: 5]"),
    option("--t-ref", type=float, metavar="MS", help="Refractory time, ms.  [default: 0]"),
    option("--bias", type=float, help="Constant input, thresholds per ms.  [default: 0]"),
    option("--delay", type=int, help="Synaptic delay, steps of --dt.  [default: 1]"),
)  # fmt: skip
def import_(  # noqa: D103  (its text, with the names of the formats, is given to click above)
    file: Path, run: Path, as_json: bool, bits: int, **options: Any
) -> None:
    given = {key: value for key, value in options.items() if value is not None}
    call_stage("import_network", as_json, file, run, bits=bits or None, **given)
