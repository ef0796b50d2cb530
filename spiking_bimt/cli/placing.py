"""Commands that run a network and put it on a chip: place, simulate, export, verify."""

from pathlib import Path
from typing import Any

import click

from spiking_bimt.cli import complete
from spiking_bimt.cli.group import call_stage, communicator
from spiking_bimt.cli.options import (
    DEVICE_HELP,
    PATH,
    chip_option,
    command,
    force_option,
    names,
    option,
    run_argument,
    stimulus_options,
    threads_option,
    traffic_only_option,
    trust_option,
    under,
)
from spiking_bimt.formats import registry


@command(
    examples="""
    spiking_bimt place RUN --chip loihi16
    spiking_bimt place RUN --chip my-chip.toml --time 60
    spiking_bimt place RUN --poisson-hz 20
    """
)
@run_argument()
@chip_option("grid16")
@option("--seed", default=0, show_default=True, help="Seed of the search.")
@option(
    "--time",
    "time_limit",
    type=float,
    metavar="S",
    help="Stop the search after so many seconds and keep the best placement.  [default: no limit]",
)
@option(
    "--starts",
    callback=names,
    metavar="NAME,NAME,..",
    help="Start placements to try, of blocks, hilbert, sequential, overlap, km1, levels and "
    "trained.  [default: all that apply]",
)
@option(
    "--keep",
    is_flag=True,
    help="Leave each neuron on the core that the network was converted for (convert --cores).",
)
@traffic_only_option()
@threads_option()
@stimulus_options(
    option(
        "--neuron-rates", type=PATH, metavar="FILE",
        help="Mean rates to place for: npz of rates_hz, one per neuron.",
    )
)  # fmt: skip
@force_option()
@trust_option()
def place(run: Path, as_json: bool, **options: Any) -> None:
    """Put the neurons on the cores of a chip. Reads RUN/network.h5, writes RUN/placement.h5.

    Every limit of the chip holds. Traffic and energy are measured on test trials, beside those of
    simple placements and a lower bound.
    """
    call_stage("place", as_json, run, **options)


@command(
    examples="""
    spiking_bimt simulate RUN --trials 50
    spiking_bimt simulate RUN --spikes input.npz --ms 2000
    spiking_bimt simulate RUN --state-bits 20
    spiking_bimt simulate RUN --chip grid16
    spiking_bimt simulate RUN --device pcm --seconds 3600
    """
)
@click.argument("run", type=PATH, required=False)
@option("--trials", type=int, help="Test trials of each task.  [default: 10]")
@option(
    "--seed",
    default=0,
    show_default=True,
    help="Seed of start potentials, random input and devices.",
)
@threads_option()
@stimulus_options()
@under(
    "Numbers",
    option(
        "--weights",
        type=click.Choice(["auto", "float", "codes"]),
        default="auto",
        show_default=True,
        help="codes: integer weights; float: floating point; auto: integer where there are any.",
    ),
    option(
        "--state-bits",
        type=int,
        help="Also simulate with membranes and currents in fixed point of this many bits, which"
        " saturate.  [default: floating point alone]",
    ),
    option(
        "--chip",
        metavar="NAME|FILE",
        help="Simulate in the integers of a chip, beside floating point: a name that"
        " `spiking_bimt chips` lists, or a TOML file.",
    ),
)
@under(
    "Memory devices",
    option(
        "--device", metavar="NAME|FILE", shell_complete=complete.devices,
        help=f"Run the tiles on a device: {DEVICE_HELP}",
    ),
    option(
        "--seconds", type=float, metavar="S",
        help="Time since the devices were programmed, s.  [default: 86400, a day]",
    ),
    option(
        "--from", "file", type=PATH, metavar="FILE",
        help="Tile file to run in place of RUN/tiles.h5.",
    ),
)  # fmt: skip
@force_option()
@trust_option()
def simulate(run: Path | None, as_json: bool, **options: Any) -> None:
    """Simulate the network. Reads RUN/network.h5, writes RUN/spikes.h5 (SONATA).

    It runs on test trials of its tasks, or under a stimulus. A network without tasks runs by
    itself where it fires so, and else under random currents.

    With --device, simulate the tiles (RUN/tiles.h5) on a memory device, with each of its effects
    alone and with all of them.

    Under mpiexec the processes run one network together, each with neurons of its own.
    """
    call_stage("simulate", as_json, run, comm=communicator(), **options)


@command(
    examples="""
    spiking_bimt export RUN
    spiking_bimt export RUN --format tiles,nir,sonata --selftest 2
    """
)
@run_argument()
@option(
    "--format",
    "formats",
    default="tiles",
    show_default=True,
    callback=names,
    shell_complete=complete.formats,
    metavar="NAME,NAME,..",
    help=f"Formats to write, of {', '.join(registry.written())}.",
)
@option("--lossy", is_flag=True, help="Also write a format that cannot hold all of the network.")
@traffic_only_option()
@under(
    "Tiles",
    option(
        "--device", metavar="NAME|FILE", shell_complete=complete.devices,
        help=f"Also write the weights as conductance pairs of a memory device: {DEVICE_HELP}",
    ),
    option(
        "--selftest", default=0, show_default=True,
        help="Also write this many trials of each task with the spikes that are expected.",
    ),
    option(
        "--integers", is_flag=True,
        help="Also hold the network in the integers of its chip, and what these answer.",
    ),
    option(
        "--currents", type=PATH, metavar="FILE",
        help="Drive these trials by levels of the input channels: npz of dt (ms) and currents.",
    ),
)  # fmt: skip
@force_option()
@trust_option()
def export(run: Path, as_json: bool, **options: Any) -> None:
    """Write the placed network for chips and other tools.

    Reads RUN/network.h5, and RUN/placement.h5 for formats that hold cores. What each format holds
    is in docs/reference/formats.md.
    """
    call_stage("export", as_json, run, **options)


@command(
    examples="""
    spiking_bimt verify RUN
    spiking_bimt verify tiles.h5 --against RUN/network.h5
    spiking_bimt verify RUN --recorded spikes.csv
    """
)
@click.argument("file", type=PATH)
@option(
    "--against",
    type=PATH,
    metavar="FILE",
    help="network.h5 to compare with.  [default: the one beside FILE]",
)
@option(
    "--recorded",
    type=PATH,
    metavar="SPIKES",
    help="Compare these spikes, which silicon or a simulator of hardware recorded, with the golden"
    " ones of the tiles: CSV or npz of step and neuron (and trial), or SONATA."
    "  [default: compare FILE with network.h5]",
)
@option("--trials", type=int, help="Test trials of each task.  [default: 5]")
@threads_option()  # fmt: skip
@force_option()
@trust_option()
def verify(file: Path, as_json: bool, **options: Any) -> None:
    """Compare an exported file with the network.

    The network is rebuilt from the file alone, and its spikes are compared with network.h5's.
    FILE is an exported file, or a run folder, of which every exported file is checked. The exit
    code is 1 where a spike or a weight differs.
    """
    call_stage("verify", as_json, file, **options)
