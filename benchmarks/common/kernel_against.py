"""This checkout's clock mode against another one's, in turns: has it become slower?"""

import sys
from contextlib import ExitStack
from pathlib import Path

from common.kernel_turns import Peer
from common.kernel_workloads import Workload
from common.rows import Row, at_least

HERE = Path(__file__).parents[2]
TURNS = 60
"""Runs of a network of thousands of neurons; minima of fewer differ by several per cent."""
FEWEST = 5
"""Runs of a large network."""
STEADY = 4_000_000_000
"""Neurons times steps of all runs together, at least FEWEST and at most TURNS."""
NOISE = 1.02
"""Ratio of times that two equal checkouts have."""


def rows(work: Workload, other: Path) -> list[Row]:
    """CPU seconds of `advance`, the least of all turns, of this checkout and of the other one."""
    size = len(work.given["v0"]) * work.steps
    turns = min(max(STEADY // size, FEWEST), TURNS)
    with ExitStack() as stack:
        both = [
            stack.enter_context(Peer("checkout", sys.executable, work, checkout=path))
            for path in (HERE, other.absolute())
        ]
        for peer in both:
            peer.run()  # compiles, or loads what is compiled
        taken = [[peer.run() for peer in both] for _ in range(turns)]
    ours, theirs = (min(seconds for seconds, _ in column) for column in zip(*taken, strict=True))
    same = len({spikes for turn in taken for _, spikes in turn}) == 1
    text = f"least of {turns} turns; same number of spikes: {same}"
    return [at_least(f"{work.name} vs {other}", ours, theirs, 1 / NOISE, "CPU s", text)]
