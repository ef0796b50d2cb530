"""The command line: parse, call one stage, print what it returns."""

import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from spiking_bimt.errors import CheckError, InputError

RUN = click.argument("run", type=click.Path(path_type=Path))


class _Commands(click.Group):
    """Turns every error into one line and the exit code of its kind."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        debug = "--debug" in sys.argv
        try:
            return super().main(*args, standalone_mode=False, **kwargs)
        except click.exceptions.Exit as stop:
            sys.exit(stop.exit_code)
        except click.Abort:
            code, message = 130, "interrupted: what was finished is kept"
        except KeyboardInterrupt:
            code, message = 130, "interrupted: what was finished is kept"
        except click.ClickException as error:
            code, message = 2, error.format_message()
        except CheckError as error:
            code, message = 1, str(error)
        except InputError as error:
            code, message = 2, str(error)
        if debug:
            traceback.print_exc()
        one_line = " ".join(message.split())
        click.echo(f"spiking_bimt: {one_line}", err=True)
        sys.exit(code)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="spiking-bimt", prog_name="spiking_bimt")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of tables.")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def cli(context: click.Context, as_json: bool, debug: bool) -> None:
    """Train a recurrent network for locality, convert it to spikes, put it on a chip.

    A run is a folder. Each command reads what the commands before it left there:
    train, convert, place, simulate, export, verify, report.
    """
    context.obj = as_json


def _show(result: dict[str, Any], render: Callable[[dict[str, Any]], None]) -> None:
    if click.get_current_context().obj:
        click.echo(json.dumps(result))
    else:
        render(result)


def main() -> None:
    """Entry point of the `spiking_bimt` command."""
    cli()


def _tasks(_context: Any, _parameter: Any, value: str | None) -> tuple[str, ...] | None:
    return None if value is None else tuple(part.strip() for part in value.split(","))


@cli.command()
@RUN
@click.option("--config", default="chip", show_default=True, help="Preset or TOML file.")
@click.option("--reg", type=click.Choice(["bimt", "l1", "none"]), help="Overrides the preset.")
@click.option("--battery", help="Task battery, see `spiking_bimt tasks`.")
@click.option("--tasks", callback=_tasks, help="Comma-separated subset of the battery.")
@click.option("--seed", type=int, help="Seed of weights, trials and noise.")
@click.option("--resume", is_flag=True, help="Go on from the run's checkpoint.")
@click.option("--test-trials", default=200, show_default=True, help="Trials a task at the end.")
def train(run: Path, **options: Any) -> None:
    """Train a rate network: writes rate.h5."""
    from spiking_bimt.stages.tables import show_rate
    from spiking_bimt.stages.train import train as stage

    _show(stage(run, **options), show_rate)
