"""The errors that a user can cause and mend."""


class InputError(ValueError):
    """Bad input: the message is one line that says what is wrong, where, and what to do."""


class CheckError(RuntimeError):
    """A check that the user asked for did not hold (`verify`)."""
