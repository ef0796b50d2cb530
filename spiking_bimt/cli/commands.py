"""The command line: all commands, in the order of their use."""

import click

from spiking_bimt.cli import converting, importing, placing, showing, training
from spiking_bimt.cli.group import Group


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="spiking-bimt", prog_name="spiking_bimt")
def main() -> None:
    """Train a recurrent network for locality, convert it to spikes, put it on a chip.

    A run is a folder. Each command reads what the commands before it left there:
    train, convert, place, simulate, export, verify, report.
    """


for _command in (
    showing.demo, training.train, converting.convert, placing.place, placing.simulate,
    placing.export, placing.verify, showing.report, showing.compare, training.study,
    importing.import_, showing.tasks, showing.configs, showing.chips, showing.devices,
    showing.warm,
):  # fmt: skip
    main.add_command(_command)
