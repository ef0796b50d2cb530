"""What all commands share: one call of a stage, errors as one line and an exit code."""

import importlib
import io
import json
import math
import sys
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from spiking_bimt.errors import CheckError, InputError


class _Interrupted(Exception):
    """Ctrl-C; click would print a line of its own for KeyboardInterrupt."""


class Group(click.Group):
    """Lists commands as declared; turns an error into one line and the exit code of its kind."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of their declaration."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an interrupt becomes an error of this module."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise _Interrupted("interrupted: what was finished is kept") from error

    def main(self, args: Sequence[str] | None = None, *rest: Any, **kwargs: Any) -> Any:
        """Run the command line and exit."""
        for stream in (sys.stdout, sys.stderr):
            # A path may hold bytes that are not text, and a terminal may only know ASCII.
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        given = (sys.argv[1:] if args is None else list(args)) or ["--help"]
        try:
            super().main(given, *rest, **{**kwargs, "standalone_mode": False})
        except click.ClickException as error:
            _fail(error, error.format_message(), 2, given)
        except tuple(_EXIT_CODES) as error:
            _fail(error, str(error), _EXIT_CODES[type(error)], given)
        except RuntimeError as error:
            if "no locator available" not in str(error):  # Numba's words
                raise
            where = "set NUMBA_CACHE_DIR to a folder that can be written"
            _fail(error, f"compiled kernels cannot be kept: {where}", 2, given)
        sys.exit(0)


_EXIT_CODES: dict[type[Exception], int] = {_Interrupted: 130, CheckError: 1, InputError: 2}


def _fail(error: Exception, message: str, code: int, given: list[str]) -> NoReturn:
    if "--debug" in given:
        traceback.print_exception(error)
    click.echo(f"spiking_bimt: {' '.join(message.split())}", err=True)
    sys.exit(code)


def call_stage(name: str, as_json: bool, *args: Any, **options: Any) -> None:
    """Call a stage and print its result; its module loads here, to keep --help fast."""
    import numpy as np

    room = "studies" if name == "study" else "stages"
    stage = getattr(importlib.import_module(f"spiking_bimt.{room}.{name}"), name)
    try:
        # NumPy's warnings would say the same again: a record with an infinity is refused.
        with np.errstate(over="ignore", invalid="ignore"):
            result = stage(*args, **options)
        _print(name, as_json, result)
    except CheckError as error:
        if error.result is not None:
            _print(name, as_json, error.result)
        raise


def _print(name: str, as_json: bool, result: dict[str, Any]) -> None:
    if as_json:
        click.echo(json.dumps(_finite(result)))
    else:
        tables = importlib.import_module("spiking_bimt.cli.tables")
        tables.show(name, result)


def _finite(value: Any) -> Any:
    """The value with null in place of infinities and NaN, for which JSON has no number."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
