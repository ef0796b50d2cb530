"""The command line: the commands and their options; each calls one stage."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from spiking_bimt.cli.group import Group, call_stage


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="spiking-bimt", prog_name="spiking_bimt")
def main() -> None:
    """Train a recurrent network for locality, convert it to spikes, put it on a chip.

    A run is a folder. Each command reads what the commands before it left there:
    train, convert, place, simulate, export, verify, report.
    """


def _names(_context: Any, _parameter: Any, value: str | None) -> tuple[str, ...] | None:
    return None if value is None else tuple(part.strip() for part in value.split(","))


def _numbers(_context: Any, _parameter: Any, value: str | None) -> tuple[float, ...] | None:
    try:
        return None if value is None else tuple(float(part) for part in value.split(","))
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is not comma-separated numbers") from error


Decorator = Callable[[Callable[..., None]], Callable[..., None]]


def _run_argument() -> Decorator:
    return click.argument("run", type=click.Path(path_type=Path))


def _threads_option() -> Decorator:
    return click.option("--threads", type=int, help="Threads of the simulation; all by default.")


def _trials_option(default: int, what: str = "Trials a task.") -> Decorator:
    return click.option("--trials", default=default, show_default=True, help=what)


@main.command()
@click.option("--out", default="demo", show_default=True, help="Run folder to make.")
@_threads_option()
def demo(as_json: bool, **options: Any) -> None:
    """The whole way on a bundled network, report included."""
    call_stage("demo", as_json, **options)


@main.command()
def tasks(as_json: bool) -> None:
    """List the task batteries."""
    call_stage("tasks", as_json)


@main.command()
def chips(as_json: bool) -> None:
    """List the chip presets, their limits and where the figures come from."""
    call_stage("chips", as_json)


@main.command()
@_run_argument()
@click.option("--config", help="Preset or TOML file.  [default: cores with --chip, else chip]")
@click.option("--chip", help="Train against what this chip's packets cost: preset or TOML file.")
@click.option("--from", "start", type=click.Path(path_type=Path), help="Train on from this run.")
@click.option("--max-packets", type=float, help="Packets to other cores a spike to get down to.")
@click.option("--max-error", type=float, help="Error up to which packets are saved.")
@click.option("--reg", help="bimt, bimt-noswap, l1 or none.  [default: the preset's]")
@click.option("--l1-scale", type=float, help="Factor on the penalty's strength.")
@click.option("--packet-scale", type=float, help="Factor on the strength of packets' prices.")
@click.option("--battery", help="Task battery, see `spiking_bimt tasks`.")
@click.option("--tasks", callback=_names, help="Comma-separated subset of the battery.")
@click.option("--seed", type=int, help="Seed of weights, trials and noise.")
@click.option(
    "--resume", is_flag=True, help="Go on from the run's checkpoint, with its config.toml."
)
@click.option("--pictures", is_flag=True, help="Draw the sheet as it trains, and animate it.")
@click.option("--test-trials", default=200, show_default=True, help="Trials a task at the end.")
def train(run: Path, as_json: bool, **options: Any) -> None:
    """Tasks to rate.h5: train a rate network with BIMT.

    The whole configuration is printed at the start and kept in RUN/config.toml: edit a copy and
    give it as --config.
    """
    call_stage("train", as_json, run, announce=lambda text: click.echo(text, err=True), **options)


@main.command()
@click.argument("name", type=click.Choice(["growing-brains", "chip"]))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--quick", is_flag=True, help="One seed, the least that shows something.")
@click.option("--seeds", type=int, help="Seeds of each training.  [default: 3]")
@click.option("--config", help="growing-brains: preset or TOML file.  [default: paper]")
@click.option("--batteries", callback=_names, help="chip: of yang19,modcog.  [default: both]")
@click.option("--jobs", type=int, help="Trainings at a time.  [default: 2]")
@click.option("--scheduler", help="Address of a Dask scheduler, in place of --jobs.")
def study(
    name: str, out: Path, as_json: bool, config: str | None, batteries: tuple[str, ...] | None,
    seeds: int | None, jobs: int | None, **options: Any,
) -> None:  # fmt: skip
    """Train and compare many networks, in resumable jobs under OUT.

    growing-brains: none, L1 and BIMT, as in the paper of that name. chip: these and training
    against a chip's packets, each at its best placement; networks of a growing-brains study in the
    same OUT are used.
    """
    if options["quick"] and seeds is not None:
        raise click.UsageError("--quick has one seed: leave --seeds out")
    if options["scheduler"] is not None and jobs is not None:
        raise click.UsageError("--jobs does not go with --scheduler, whose workers set the number")
    options |= {"seeds": 3 if seeds is None else seeds, "jobs": 2 if jobs is None else jobs}
    if name == "chip":
        if config is not None:
            raise click.UsageError("--config goes with growing-brains")
        chosen = {} if batteries is None else {"batteries": batteries}
        call_stage("chip_study", as_json, out, **chosen, **options)
        return
    if batteries is not None:
        raise click.UsageError("--batteries goes with chip")
    call_stage("study", as_json, out, config=config or "paper", **options)


@main.command()
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path))
@click.option("--chip", default="loihi16", show_default=True, help="Preset or TOML file.")
@click.option("--seed", default=0, show_default=True, help="Seed of the placer.")
@click.option("--trials", type=int, help="Trials a task of the bundled networks.  [default: 20]")
@_threads_option()
def compare(runs: tuple[Path, ...], as_json: bool, **options: Any) -> None:
    """Converted runs, or the bundled networks, side by side on one chip."""
    call_stage("compare", as_json, *runs, **options)


@main.command()
@_run_argument()
@click.option(
    "--method", type=click.Choice(["one-to-one", "aware", "finetune", "kim2019"]),
    help="As it is; trained with the neurons' f-I curve, or in spikes; a baseline."
    "  [default: one-to-one]",
)  # fmt: skip
@click.option("--target", type=float, help="Accuracy to reach with the fewest spikes.")
@click.option("--diagnose", is_flag=True, help="Also what each unit lost: RUN/diagnosis.svg.")
@click.option("--bits", default=8, show_default=True, help="Width of the integer weights; 0: none.")
@click.option("--edge-bits", type=int, help="Width for input and readout.  [default: the same]")
@click.option(
    "--per", type=click.Choice(["neuron", "core", "network"]),
    help="A scale for each.  [default: neuron]",
)  # fmt: skip
@click.option(
    "--signs", type=click.Choice(["mixed", "split"]),
    help="The sign as a bit of each weight, or in lists of one sign.  [default: mixed]",
)  # fmt: skip
@click.option(
    "--cores", type=click.Path(path_type=Path),
    help="placement.h5 of an earlier conversion: for --per core and --tau-syn by core.",
)  # fmt: skip
@click.option(
    "--fit", type=click.Choice(["largest", "least-squares", "drive", "learned"]),
    help="By the largest weight, or the least error of weights or drives.  [default: largest]",
)  # fmt: skip
@click.option(
    "--power-of-two", is_flag=True, default=None, help="Scales a power of two apart, by exponents."
)
@click.option(
    "--from", "start", type=click.Path(path_type=Path), help="Train on from this run's network.h5."
)
@click.option(
    "--sources", type=click.Choice(["regular", "poisson"]),
    help="Input as the spikes of source neurons that fire so.",
)  # fmt: skip
@click.option("--output-neurons", is_flag=True, help="Readout by output neurons' spike counts.")
@click.option("--full-rate", type=float, help="Spike rate at full scale, Hz.  [default: 200]")
@click.option("--percentile", type=float, help="Of the drive that is full scale.  [default: 99.9]")
@click.option("--dt", type=float, help="Simulation step, ms.  [default: 1]")
@click.option("--tau-mem", type=float, help="Membrane time constant, ms.  [default: inf]")
@click.option(
    "--tau-syn", callback=_numbers,
    help="Synaptic time constant, ms; comma-separated: of each core.  [default: as trained]",
)  # fmt: skip
@click.option("--t-ref", type=float, help="Refractory time, ms.  [default: 0]")
@click.option("--reset", type=click.Choice(["subtract", "value"]), help="[default: subtract]")
@click.option("--delay", type=float, help="Synaptic delay, ms.  [default: half the trained step]")
@click.option("--floor", type=float, help="Least membrane potential, thresholds.  [default: 0]")
@click.option("--steps", type=int, help="Finetune: steps in spikes.  [default: 4000]")
@click.option("--aware-steps", type=int, help="Steps with the f-I curve before.  [default: 0]")
@click.option("--lr", type=float, help="Learning rate of fine-tuning.  [default: 1e-3]")
@click.option("--batch", type=int, help="Trials a step of fine-tuning.  [default: 64]")
@click.option(
    "--focus", type=float, help="Share of a batch drawn by tasks' losses.  [default: 0.5]"
)
@click.option(
    "--distil", type=float, help="Share of the rate network's answers in the targets.  [default: 0]"
)
@click.option(
    "--average", type=float, help="Decay a step of the mean weights kept.  [default: 0, the last]"
)
@click.option(
    "--noise", type=float, help="On drives, with the f-I curve; of full scale.  [default: 0.1]"
)
@click.option("--margin", type=float, help="Margin trained for on fixation.  [default: 2]")
@click.option(
    "--spike-cost", type=float, help="Of the mean rate in the loss, per Hz.  [default: 0]"
)
@click.option(
    "--rate-limit", type=float, help="Mean rate up to which spikes are free, Hz.  [default: 0]"
)
@_trials_option(200, "Test trials a task.")
@click.option("--seed", default=0, show_default=True, help="Seed of calibration and fine-tuning.")
@_threads_option()
def convert(run: Path, as_json: bool, bits: int, **options: Any) -> None:
    """rate.h5 to network.h5: one spiking neuron a unit."""
    given = {key: value for key, value in options.items() if value is not None}
    call_stage("convert", as_json, run, bits=bits or None, **given)


@main.command()
@_run_argument()
@click.option("--chip", default="grid16", show_default=True, help="Preset or TOML file.")
@click.option("--seed", default=0, show_default=True, help="Seed of the placer.")
@click.option(
    "--time", "time_limit", type=float, help="Seconds to stop after, with the best found."
)
@click.option("--starts", callback=_names, help="blocks,hilbert,sequential,overlap,km1,trained.")
@click.option("--keep", is_flag=True, help="Leave the neurons on the cores they were made for.")
@_threads_option()
def place(run: Path, as_json: bool, **options: Any) -> None:
    """network.h5 to placement.h5: neurons onto the chip's cores."""
    call_stage("place", as_json, run, **options)


@main.command()
@click.argument("run", type=click.Path(path_type=Path), required=False)
@_trials_option(10)
@click.option(
    "--weights", type=click.Choice(["auto", "float", "codes"]), default="auto", show_default=True,
    help="Integer or floating-point weights.",
)  # fmt: skip
@click.option("--from", "file", type=click.Path(path_type=Path), help="Tile file, with --device.")
@click.option("--device", help="Run the tiles on a memory device: preset or TOML file.")
@click.option("--seconds", type=float, help="With --device: age of the devices.  [default: a day]")
@click.option("--state-bits", type=int, help="Membranes and currents in fixed point, saturating.")
@click.option("--seed", default=0, show_default=True, help="Seed of potentials and devices.")
@_threads_option()
def simulate(
    run: Path | None, as_json: bool, file: Path | None, device: str | None,
    seconds: float | None, state_bits: int | None, weights: str, threads: int | None,
    **options: Any,
) -> None:  # fmt: skip
    """Trials through network.h5, spikes to spikes.h5 (SONATA); or through tiles on a device."""
    if device is None:
        if run is None or file is not None or seconds is not None:
            raise click.UsageError("name a RUN; --from and --seconds go with --device")
        if state_bits is not None:
            if threads is not None:
                raise click.UsageError("--threads does not go with --state-bits, which uses one")
            call_stage(
                "fixed_point", as_json, run, state_bits=state_bits, weights=weights, **options
            )
            return
        call_stage("simulate", as_json, run, weights=weights, threads=threads, **options)
        return
    if (run is None) == (file is None):
        raise click.UsageError("--device takes the tiles of a RUN or --from FILE")
    if weights != "auto" or threads is not None or state_bits is not None:
        raise click.UsageError("--weights, --threads and --state-bits do not go with --device")
    tiles = file if run is None else run / "tiles.h5"
    age = {} if seconds is None else {"seconds": seconds}
    call_stage("analog", as_json, tiles, device=device, **age, **options)


@main.command()
@_run_argument()
@click.option(
    "--format", "formats", default="tiles", show_default=True, callback=_names,
    help="Comma-separated formats: tiles, nir, sanafe, netx, sonata, c.",
)  # fmt: skip
@click.option("--lossy", is_flag=True, help="Write formats that cannot hold all of the network.")
@click.option("--device", help="Tiles: also conductance pairs of a device (preset or TOML file).")
@click.option("--selftest", default=0, help="Tiles: also golden spikes of so many trials a task.")
def export(run: Path, as_json: bool, **options: Any) -> None:
    """Write the placed, quantised network for other tools."""
    call_stage("export", as_json, run, **options)


@main.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@_run_argument()
@click.option("--bits", default=8, show_default=True, help="Width of the integer weights; 0: none.")
@click.option("--dt", type=float, help="Simulation step, ms.  [default: the file's, or 0.1]")
@click.option("--tau-mem", type=float, help="For npz: membrane time constant, ms.  [default: 20]")
@click.option("--tau-syn", type=float, help="For npz: synaptic time constant, ms.  [default: 5]")
@click.option("--t-ref", type=float, help="For npz: refractory time, ms.  [default: 0]")
@click.option("--bias", type=float, help="For npz: constant input, thresholds per ms.")
@click.option("--delay", type=int, help="For npz: synaptic delay, steps.  [default: 1]")
def import_(file: Path, run: Path, as_json: bool, bits: int, **options: Any) -> None:
    """A network of NIR, SONATA or scipy.sparse (npz) to network.h5."""
    given = {key: value for key, value in options.items() if value is not None}
    call_stage("import_network", as_json, file, run, bits=bits or None, **given)


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--against", type=click.Path(path_type=Path),
    help="network.h5 to compare with.  [default: the one beside FILE]",
)  # fmt: skip
@_trials_option(5)
@_threads_option()
def verify(file: Path, as_json: bool, **options: Any) -> None:
    """Rebuild the network from an exported FILE alone, or each in a run, and compare its spikes."""
    call_stage("verify", as_json, file, **options)


@main.command()
@_run_argument()
def report(run: Path, as_json: bool) -> None:
    """Everything about the run on one page: report.html."""
    call_stage("report", as_json, run)
