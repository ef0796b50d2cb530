"""`python -m spiking_bimt`."""

from spiking_bimt.cli.commands import main

main()
