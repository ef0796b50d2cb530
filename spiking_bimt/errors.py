"""The errors that a user can cause and mend."""

import difflib
from collections.abc import Iterable
from typing import Any


class InputError(ValueError):
    """Bad input: the message is one line that says what is wrong, where, and what to do.

    An argument of this package's functions stands in it between backquotes, alone or with a value:
    `bits`, `bits=8`, `resume=True`. The command line shows its own option there.
    """

    def __init__(self, message: str) -> None:
        # A user's path or name may have line breaks.
        super().__init__(message.replace("\n", "\\n").replace("\r", "\\r"))


class CodesError(InputError):
    """A network has no integer weights, or too wide ones."""

    def __init__(self, what: str, bits: int = 8) -> None:
        """what: is wrong; bits: width that would do."""
        self.what, self.bits = what, bits
        super().__init__(f"{what}: `quantise` it, or convert or import it, with `bits={bits}`")


class CheckError(RuntimeError):
    """A check that the user asked for did not hold (`verify`)."""

    def __init__(self, message: str, result: dict[str, Any] | None = None) -> None:
        """result: what was found, as the stage would have returned it, to be shown all the same."""
        super().__init__(message)
        self.result = result


def unknown_name(what: str, given: object, known: Iterable[str], also: str = "") -> InputError:
    """The error for a name that is not among the known ones: it offers the nearest, or lists all.

    what: the kind of thing, such as "chip". also: what is allowed besides the known names, in
    words. Upper and lower case are the same when the nearest are looked for.

    >>> str(unknown_name("chip", "Lohi16", ["grid16", "loihi16"]))
    "unknown chip 'Lohi16'; did you mean 'loihi16'?"
    """
    names = list(known)
    lowered = {name.lower(): name for name in names}
    near = [repr(lowered[name]) for name in difflib.get_close_matches(str(given).lower(), lowered)]
    if near:
        hint = f"did you mean {' or '.join(near)}?"
    else:
        hint = f"known: {', '.join([*names, also] if also else names)}"
    return InputError(f"unknown {what} {given!r}; {hint}")


class SlowModeWarning(UserWarning):
    """A mode that was asked for by name takes much longer than another one would."""


class ReadWarning(UserWarning):
    """What was read may be meant otherwise; shown in one line."""


class OldFileWarning(ReadWarning):
    """A file of an earlier version is read without a check that those of this one have."""


class TaskWarning(ReadWarning):
    """A task of the user's own may not be what it was meant to be."""
