"""`python -m spiking_bimt`."""

from spiking_bimt.cli import main

main()
