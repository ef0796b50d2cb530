"""What a training reports as it goes on, and what it asks for where it must decide."""

from spiking_bimt.training.phase import Phase
from spiking_bimt.training.state import State


class Observer:
    """Receives the progress of a training and keeps its states; a search needs all methods."""

    def measure(self, phase: Phase, state: State, loss: float) -> float:
        """Error of the network as it is now, on validation trials."""
        raise NotImplementedError

    def judge(self, phase: Phase, state: State) -> float:
        """The same on more trials, for a decision; nothing is recorded."""
        raise NotImplementedError

    def checkpoint(self, state: State) -> None:
        """Keep this state: a training can be resumed from it."""

    def keep(self, state: State, rung: int) -> None:
        """Keep this state as the outcome of a rung of the search."""
        raise NotImplementedError

    def kept(self, rung: int) -> State:
        """The state that `keep` was given."""
        raise NotImplementedError

    def step(self, phase: Phase, state: State, loss: float) -> None:
        """Called after every step."""
