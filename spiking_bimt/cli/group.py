"""What all commands share: one call of a stage, errors as one line and an exit code."""

import contextlib
import importlib
import io
import json
import math
import os
import re
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import click

from spiking_bimt.cli import INTERRUPTED, leave
from spiking_bimt.errors import CheckError, InputError, ReadWarning
from spiking_bimt.extras import named
from spiking_bimt.platforms import require_supported
from spiking_bimt.progress import listening
from spiking_bimt.simulation.ranks.world import launched, stop_all, world


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
            with warnings.catch_warnings():
                warnings.showwarning = _show_warning(warnings.showwarning)
                return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise _Interrupted(INTERRUPTED) from error

    def main(self, args: Sequence[str] | None = None, *rest: Any, **kwargs: Any) -> Any:
        """Run the command line and exit."""
        for stream in (sys.stdout, sys.stderr):
            # A path may hold bytes that are not text, and a terminal may only know ASCII.
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        given = (sys.argv[1:] if args is None else list(args)) or ["--help"]
        early = signal.getsignal(signal.SIGINT) is leave
        try:
            if early:
                signal.signal(signal.SIGINT, signal.default_int_handler)
            require_supported()
            _among_ranks(given[0])
            super().main(given, *rest, **{**kwargs, "standalone_mode": False})
        except click.ClickException as error:
            _fail(error, error.format_message(), 2, given)
        except tuple(_EXIT_CODES) as error:
            _fail(error, self.with_options(str(error), given[0]), _EXIT_CODES[type(error)], given)
        except KeyboardInterrupt:
            _fail(_Interrupted(), INTERRUPTED, 130, given)
        except BrokenPipeError:
            # Whoever read the output has gone; Python would say so once more at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        except MemoryError as error:
            _fail(
                error,
                "there is not enough memory: take a smaller network or fewer trials",
                2,
                given,
            )
        except Exception as error:
            if "no locator available" in str(error):  # Numba's words
                where = "set NUMBA_CACHE_DIR to a folder that can be written"
                _fail(error, f"compiled kernels cannot be kept: {where}", 2, given)
            _fail(error, _kept_traceback(error), UNEXPECTED, given)
        finally:
            if early:
                signal.signal(signal.SIGINT, leave)
        sys.exit(0)

    def with_options(self, message: str, command: str) -> str:
        """A message of the library with its arguments, `bits=8`, as options, --bits 8.

        The options are those of the command, or of the first other command that has such a one.
        """
        known = sorted(self.commands.items(), key=lambda item: item[0] != command)
        options = {
            param.name: max(param.opts, key=len)
            for _, each in reversed(known)
            for param in each.params
            if isinstance(param, click.Option)
        }

        def option(found: re.Match[str]) -> str:
            name, value = found.groups()
            if name not in options:
                return found[0]
            return options[name] if value in (None, "True") else f"{options[name]} {value}"

        return re.sub(r"`([a-z_]+)(?:=([^`]*))?`", option, message)


_ON_RANKS = ("simulate",)
"""Commands that several processes run together."""

_EXIT_CODES: dict[type[Exception], int] = {_Interrupted: 130, CheckError: 1, InputError: 2}


UNEXPECTED = 70
"""Exit code of an error that the package did not foresee (EX_SOFTWARE of sysexits.h)."""


def _kept_traceback(error: Exception) -> str:
    """A line for an error that was not foreseen; its traceback goes into a file."""
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="spiking_bimt-", suffix=".txt", delete=False, encoding="utf-8",
            errors="backslashreplace",
        ) as file:  # fmt: skip
            file.write("".join(traceback.format_exception(error)))
    except OSError:
        return f"unexpected error ({what}): --debug prints its traceback"
    return f"unexpected error ({what}): please report it with {file.name}"


def _show_warning(other: Callable[..., None]) -> Callable[..., None]:
    """Print this package's warnings as one line, and those of others as `other` does."""

    def show(message: Warning | str, category: type[Warning], *rest: Any, **more: Any) -> None:
        if issubclass(category, ReadWarning):
            click.echo(f"spiking_bimt: note: {printable(str(message))}", err=True)
        else:
            other(message, category, *rest, **more)

    return show


def printable(text: str) -> str:
    """A text on one line, without the control characters that a terminal would obey."""
    words = " ".join(text.split())
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in words)


def _fail(error: Exception, message: str, code: int, given: list[str]) -> NoReturn:
    if "--debug" in given:
        traceback.print_exception(error)
    rank, size = launched()
    line = printable(message)
    if size > 1:
        with contextlib.suppress(InputError):  # without mpi4py each process ends by itself
            stop_all(world(), line, code, "spiking_bimt: ")
    if rank == 0:
        click.echo(f"spiking_bimt: {line}", err=True)
    sys.exit(code)


def _among_ranks(command: str) -> None:
    """Where a launcher of MPI started several processes: refuse most commands; rank 0 prints."""
    rank, size = launched()
    if size == 1 or command.startswith("-"):
        return
    if command not in _ON_RANKS:
        raise InputError(f"{command} runs in one process: start it without mpiexec")
    if rank:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def communicator() -> Any:
    """What `comm` of a stage is: the processes that a launcher of MPI started, None for one."""
    return world() if launched()[1] > 1 else None


def call_stage(name: str, as_json: bool, *args: Any, **options: Any) -> None:
    """Call a stage and print its result; its module loads here, to keep --help fast."""
    import numpy as np

    room = "studies" if name == "study" else "stages"
    try:
        stage = getattr(importlib.import_module(f"spiking_bimt.{room}.{name}"), name)
    except ModuleNotFoundError as error:
        raise named(error) from None
    try:
        # NumPy's warnings would say the same again: a record with an infinity is refused.
        with np.errstate(over="ignore", invalid="ignore"), listening():
            result = stage(*args, **options)
        _print(name, as_json, result)
    except CheckError as error:
        if error.result is not None:
            _print(name, as_json, _with_options(error.result, name))
        raise


def _with_options(value: Any, command: str) -> Any:
    """A result whose messages name options in place of the library's arguments."""
    if isinstance(value, dict):
        return {key: _with_options(item, command) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_options(item, command) for item in value]
    group = click.get_current_context().find_root().command
    if isinstance(value, str) and isinstance(group, Group):
        return group.with_options(value, command)
    return value


def _print(name: str, as_json: bool, result: dict[str, Any]) -> None:
    if as_json:
        click.echo(json.dumps(_finite(result)))
    else:
        tables = importlib.import_module("spiking_bimt.cli.tables")
        tables.show(name, _escaped(result))


def _escaped(value: Any) -> Any:
    """A result whose texts, which files may have given, are neither markup nor control codes."""
    from rich.markup import escape

    if isinstance(value, dict):
        return {_escaped(key): _escaped(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_escaped(item) for item in value]
    return escape(printable(value)) if isinstance(value, str) else value


def _finite(value: Any) -> Any:
    """The value with null in place of infinities and NaN, for which JSON has no number."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
