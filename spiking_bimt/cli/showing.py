"""Commands beside the way of a run: demo, compare, report, lists of what is known by name, warm."""

from pathlib import Path
from typing import Any

import click

from spiking_bimt.cli.group import call_stage
from spiking_bimt.cli.options import (
    PATH,
    chip_option,
    command,
    force_option,
    option,
    run_argument,
    stimulus_options,
    threads_option,
    traffic_only_option,
    trust_option,
)


@command(
    examples="""
    spiking_bimt demo
    spiking_bimt demo --out somewhere
    """
)
@option("--out", default="demo", show_default=True, metavar="RUN", help="Run folder to make.")
@threads_option()
def demo(as_json: bool, **options: Any) -> None:
    """Run all commands on a network of the package.

    These are convert, place, simulate, export, verify and report: open RUN/report.html at the end.
    """
    call_stage("demo", as_json, **options)


@command(
    examples="""
    spiking_bimt compare
    spiking_bimt compare RUN-1 RUN-2 --chip loihi64
    """
)
@click.argument("runs", nargs=-1, type=PATH)
@chip_option("loihi16")
@option("--seed", default=0, show_default=True, help="Seed of the placements.")
@option(
    "--trials",
    type=int,
    help="Test trials of each task, for the networks of the package.  [default: 20]",
)
@traffic_only_option()
@threads_option()
@stimulus_options()
@force_option()
@trust_option()
def compare(runs: tuple[Path, ...], as_json: bool, **options: Any) -> None:
    """Compare networks, each at its best placement on one chip.

    RUNS are converted or imported. Without RUNS, the four networks that come with the package are
    compared.
    """
    call_stage("compare", as_json, *runs, **options)


@command(examples="spiking_bimt report RUN")
@run_argument()
@force_option()
@trust_option()
def report(run: Path, as_json: bool) -> None:
    """Show all results of a run on one page. Writes RUN/report.html."""
    call_stage("report", as_json, run)


@command(examples="spiking_bimt tasks")
def tasks(as_json: bool) -> None:
    """List the tasks of each battery, for --battery and --tasks.

    The battery "own" has the tasks that you name: ids of neurogym environments (GoNogo-v0), or
    module:function for an environment that you wrote, in a module of the working folder or an
    installed one. docs/how-to/own-tasks.md shows how to write one.
    """
    call_stage("tasks", as_json)


@command(examples="spiking_bimt configs")
def configs(as_json: bool) -> None:
    """List the configurations of training, for --config."""
    call_stage("configs", as_json)


@command(
    examples="""
    spiking_bimt chips
    spiking_bimt chips odin
    spiking_bimt chips odin --toml
    """
)
@click.argument("chip", metavar="[NAME|FILE]", required=False)
@option("--toml", is_flag=True, help="Print the chip's file with what each key means, to edit.")
def chips(chip: str | None, toml: bool, as_json: bool) -> None:
    """List the chips for --chip, or show one whole.

    Of one it shows the limits, the neuron that it computes, and where each figure is from.
    """
    if toml and not as_json:  # a file's text, as it is
        from spiking_bimt.stages.chips import chips as stage

        click.echo(stage(chip, toml=True)["toml"], nl=False)
    else:
        call_stage("chips", as_json, chip, toml=toml)


@command(examples="spiking_bimt devices")
def devices(as_json: bool) -> None:
    """List the memory devices and their sources, for --device."""
    call_stage("devices", as_json)


@command(examples="spiking_bimt warm")
@threads_option()
def warm(as_json: bool, **options: Any) -> None:
    """Compile all kernels now, for later runs.

    Otherwise each is compiled when it is first used, which takes seconds. What is compiled is kept
    beside the package, or in the folder that NUMBA_CACHE_DIR names, and serves every process on
    the same kind of processor: run it when you build an image, or before the jobs of a cluster.
    """
    call_stage("warm", as_json, **options)
