"""A training of seconds, and a call of the command line."""

from click.testing import CliRunner

from spiking_bimt.cli.commands import main

TINY = """
sheet = [6, 6]
tasks = ["go", "anti"]
pool = 40
checkpoint_every = 10
validation_trials = 2
[[phases]]
name = "grow"
steps = {steps}
l1 = 1e-4
distance = 0.3
[[phases]]
name = "chip"
dt = 20.0
steps = 10
prune = 1e-2
"""


def call(*args: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, [str(arg) for arg in args])
    return result.exit_code, result.stdout, result.stderr
