"""Packages that are installed only where they are asked for, by the extra that brings each."""

from spiking_bimt.errors import InputError

_EXTRAS = {
    "torch": "train",
    "snntorch": "train",
    "sklearn": "train",
    "networkx": "train",
    "joblib": "train",
    "neurogym": "tasks",
    "gymnasium": "tasks",
    "jinja2": "report",
}
"""Extra of this package that installs each module. Modules that one function alone needs are not
here: that function names its extra."""


def named(error: ModuleNotFoundError) -> InputError | ModuleNotFoundError:
    """The error that names the extra with the missing module; the same error for other modules."""
    module = (error.name or "").split(".")[0]
    if module not in _EXTRAS:
        return error
    return InputError(f"{module} is not installed: pip install 'spiking-bimt[{_EXTRAS[module]}]'")
