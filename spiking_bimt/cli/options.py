"""How commands and options are declared: headings and examples in the help, options of several."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from spiking_bimt.cli import complete

Decorator = Callable[[Callable[..., None]], Callable[..., None]]

PATH = click.Path(path_type=Path)


class Option(click.Option):
    """An option that stands under a heading of the help."""

    heading = "Options"


class Command(click.Command):
    """A command with the options that all share; its help has a section a heading."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += [
            click.Option(
                ["--json", "as_json"], is_flag=True,
                help="Print one JSON document in place of tables.",
            ),
            click.Option(
                ["--debug"], is_flag=True, expose_value=False,
                help="Print the traceback of an error.",
            ),
        ]  # fmt: skip

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one section for each heading, in the order of declaration."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if isinstance(parameter, click.Option) and record is not None:
                heading = getattr(parameter, "heading", Option.heading)
                sections.setdefault(heading, []).append(record)
        for heading, records in sections.items():
            with formatter.section(heading):
                formatter.write_dl(records)


def command(
    name: str | None = None, *, examples: str, help: str | None = None
) -> Callable[..., click.Command]:
    """Declare a command.

    examples: command lines, one a line, printed at the end of its help. help: in the place of the
    function's docstring.
    """
    lines = "\n".join(f"  {line.strip()}" for line in examples.strip().splitlines())
    return click.command(name, cls=Command, help=help, epilog=f"\b\nExamples:\n{lines}")


def option(*names: str, **attributes: Any) -> Decorator:
    """Declare an option, to stand under a heading (`under`) or under "Options"."""
    return click.option(*names, cls=Option, **attributes)


def under(heading: str, *options: Decorator) -> Decorator:
    """Declare options that stand under one heading, in this order."""

    def declare(function: Callable[..., None]) -> Callable[..., None]:
        for each in reversed(options):
            function = each(function)
        declared: list[Option] = function.__click_params__  # type: ignore[attr-defined]
        for parameter in declared[-len(options) :]:
            parameter.heading = heading
        return function

    return declare


def _force(context: click.Context, _parameter: Any, given: bool) -> None:
    from spiking_bimt.run_folder import taking_changed

    if given:
        context.with_resource(taking_changed())


def _trust(context: click.Context, _parameter: Any, given: bool) -> None:
    from spiking_bimt.battery.environments import trusting

    if given:
        context.with_resource(trusting())


def force_option() -> Decorator:
    """The option --force."""
    return option(
        "--force", "taking_changed", is_flag=True, expose_value=False, callback=_force,
        help="Take files although what they were made from has changed since.",
    )  # fmt: skip


def trust_option() -> Decorator:
    """The option --trust."""
    return option(
        "--trust", "trusting", is_flag=True, expose_value=False, callback=_trust,
        help="Run the Python code of own tasks (module:function) that a file names.",
    )  # fmt: skip


def run_argument() -> Decorator:
    """RUN, the folder that a command reads and writes."""
    return click.argument("run", type=PATH)


def traffic_only_option() -> Decorator:
    """The option --traffic-only."""
    return option(
        "--traffic-only", is_flag=True,
        help="Go on where the chip cannot compute the network, and mark results as traffic alone.",
    )  # fmt: skip


def threads_option() -> Decorator:
    """The option --threads."""
    return option("--threads", type=int, help="Threads of the simulation.  [default: one per core]")


def stimulus_options(*more: Decorator) -> Decorator:
    """The options of a stimulus in the place of trials, and more of a command's own."""
    return under(
        "Stimulus, in the place of test trials (docs/how-to/stimuli.md)",
        option(
            "--spikes", type=PATH, metavar="FILE",
            help="Spikes from outside: SONATA, or npz of times (ms) and neurons or channels.",
        ),
        option(
            "--currents", type=PATH, metavar="FILE",
            help="Currents: npz of dt (ms) and currents, rows of the channels or the neurons.",
        ),
        option(
            "--poisson-hz", type=float, metavar="HZ",
            help="Poisson spikes of this rate into each input channel, or each neuron.",
        ),
        option(
            "--weight", type=float,
            help="Change of v by a spike from outside; into a channel, its level for a step."
            "  [default: from reset to threshold; 1]",
        ),
        option(
            "--ms", type=float, metavar="MS",
            help="Length of the run, ms.  [default: 1000; to 50 ms after the last of --spikes]",
        ),
        *more,
    )  # fmt: skip


def data_options(*more: Decorator) -> Decorator:
    """The options of a data set in the place of tasks, and more of a command's own."""
    return under(
        "Own data (docs/how-to/own-data.md)",
        option(
            "--data", metavar="FILE|NAME",
            help="Data set in place of tasks: an .npz, .h5 or NAME_TRAIN.ts file, event data (.h5),"
            " aeon:NAME or sklearn:digits.  [default: none]",
        ),
        option(
            "--dt", type=float, metavar="MS",
            help="Time that a step of the data lasts, ms.  [default: what the data say, else 20]",
        ),
        read_option(),
        option(
            "--standardise", metavar="NAME",
            help="What gets mean 0 and standard deviation 1: each channel, all alike, or none."
            "  [default: channel; all for events and images]",
        ),
        option(
            "--encode", metavar="NAME",
            help="Make spikes of the inputs: rate, latency, or delta.  [default: analogue inputs]",
        ),
        option(
            "--channels", type=int,
            help="Channels that neighbouring units of event data share.  [default: one per unit]",
        ),
        *more,
    )  # fmt: skip


def read_option() -> Decorator:
    """--read, which outputs tell the class of a sequence of data."""
    return option(
        "--read",
        default="mean",
        show_default=True,
        metavar="NAME",
        help="Outputs that tell the class of a sequence: their mean over its steps, or the last.",
    )


def chip_option(default: str) -> Decorator:
    """The option --chip."""
    return option(
        "--chip", default=default, show_default=True, metavar="NAME|FILE", help=CHIP_HELP,
        shell_complete=complete.chips,
    )  # fmt: skip


CHIP_HELP = "Chip: a name that `spiking_bimt chips` lists, or a TOML file."
DEVICE_HELP = "a name that `spiking_bimt devices` lists, or a TOML file."


def names(_context: Any, _parameter: Any, value: str | None) -> tuple[str, ...] | None:
    """Comma-separated names."""
    return None if value is None else tuple(part.strip() for part in value.split(","))


def numbers(_context: Any, _parameter: Any, value: str | None) -> tuple[float, ...] | None:
    """Comma-separated numbers."""
    try:
        return None if value is None else tuple(float(part) for part in value.split(","))
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is not comma-separated numbers") from error


def pairs(_context: Any, _parameter: Any, values: tuple[str, ...]) -> dict[str, str] | None:
    """NAME=VALUE, given any number of times; each name once."""
    found: dict[str, str] = {}
    for text in values:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise click.BadParameter(f"{text!r} is not NAME=VALUE")
        if name in found:
            raise click.BadParameter(f"{name} is given twice")
        found[name] = value
    return found or None
