"""The command line: commands, their options, and the tables they print."""

from spiking_bimt.cli.commands import main as main
