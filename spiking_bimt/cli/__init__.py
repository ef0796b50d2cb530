"""The command line: commands, their options, and the tables they print."""

import os
import signal
from types import FrameType

INTERRUPTED = "interrupted: what was finished is kept"


def main() -> None:
    """The console script: an interrupt while modules load is one line too."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, leave)
    from spiking_bimt.cli.commands import main as commands

    commands()


def leave(_number: int, _frame: FrameType | None) -> None:
    """End at once, where no command is running that could end in order."""
    os.write(2, f"spiking_bimt: {INTERRUPTED}\n".encode())
    os._exit(130)
