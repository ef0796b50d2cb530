"""The errors that a user can cause and mend."""

from typing import Any


class InputError(ValueError):
    """Bad input: the message is one line that says what is wrong, where, and what to do."""


class CheckError(RuntimeError):
    """A check that the user asked for did not hold (`verify`)."""

    def __init__(self, message: str, result: dict[str, Any] | None = None) -> None:
        """result: what was found, as the stage would have returned it, to be shown all the same."""
        super().__init__(message)
        self.result = result
