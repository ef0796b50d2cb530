"""The search for fewer tiles finds what trying every placement finds."""

import itertools
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SEARCH = runpy.run_path(
    str(Path(__file__).parents[2] / "benchmarks" / "common" / "fewest_tiles.py")
)


def tried(reaches: Any, shape: tuple[int, int]) -> int:
    """Least tiles over every assignment of the neurons to cores."""
    n, best = reaches.shape[1], 10**6
    for core in itertools.product(range(n), repeat=n):
        if np.bincount(core).max() <= shape[1]:
            sources = [reaches[:, np.array(core) == c].any(1).sum() for c in set(core)]
            best = min(best, sum(-(-int(count) // shape[0]) for count in sources))
    return best


@pytest.mark.parametrize("seed", range(8))
def test_the_least_is_that_of_all_placements(seed: int) -> None:
    rng = np.random.default_rng(seed)
    reaches = rng.random((8, 4)) < rng.choice([0.2, 0.4, 0.7])
    reaches[0] |= ~reaches.any(0)
    shape = int(rng.integers(3, 6)), int(rng.integers(1, 4))
    assert SEARCH["fewest_tiles"](reaches, shape, 100) == tried(reaches, shape)
