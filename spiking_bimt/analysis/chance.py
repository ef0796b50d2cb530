"""Measures of a grouping of units beside what chance gives: shuffles, rewirings, permutations."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int32]

PASSES = 20
"""Random matchings of all connections whose pairs exchange their ends, for one rewiring."""


@dataclass(frozen=True)
class AgainstChance:
    """A measure of a network beside its distribution by chance."""

    observed: float
    chance: float
    """Mean by chance."""
    p: float
    """Share of chance, the network itself counted, that is as extreme in the direction asked."""


def against(observed: float, null: Doubles, side: str) -> AgainstChance:
    """Compare with a null distribution; side: "low" or "high", where the effect is expected."""
    as_extreme = null <= observed if side == "low" else null >= observed
    p = (1 + int(as_extreme.sum())) / (1 + len(null))
    return AgainstChance(float(observed), float(null.mean()), p)


def mass_within(labels: Labels, weights: Doubles) -> float:
    """Share of the weights (N, N) between units of one cluster; units labelled -1 do not count.

    0 where clustered units have no weights between them.
    """
    inside = labels >= 0
    own, part = labels[inside], weights[np.ix_(inside, inside)]
    total = part.sum()
    return float(part[own[:, None] == own[None]].sum() / total) if total else 0.0


def mass_by_labels(labels: Labels, weights: Doubles, shuffles: int, seed: int) -> Doubles:
    """(shuffles,) `mass_within` after exchanging labels among the clustered units."""
    rng, inside = np.random.default_rng(seed), labels >= 0
    part, own = weights[np.ix_(inside, inside)], labels[inside]
    shuffled = rng.permuted(np.tile(own, (shuffles, 1)), axis=1)
    total, mass = part.sum(), np.zeros(shuffles)
    for cluster in np.unique(own):
        members = (shuffled == cluster).astype(np.float64)
        mass += ((members @ part) * members).sum(1)
    found: Doubles = mass / (total or 1.0)
    return found


def mass_by_rewiring(labels: Labels, weights: Doubles, rewirings: int, seed: int) -> Doubles:
    """(rewirings,) `mass_within` of networks whose units keep the numbers of their connections.

    Ends of random pairs of connections are exchanged where no connection is doubled and none
    becomes one of a unit with itself (Maslov and Sneppen 2002, doi:10.1126/science.1065103).
    Weights go with the sources. Connections of units labelled -1 are left out.
    """
    rng, inside = np.random.default_rng(seed), labels >= 0
    own, part = labels[inside], weights[np.ix_(inside, inside)]
    post, pre = np.nonzero(part)
    size = part[post, pre]
    found = np.empty(rewirings)
    for number in range(rewirings):
        post = rewired(post, pre, len(part), rng)
        found[number] = size[own[post] == own[pre]].sum() / (size.sum() or 1.0)
    return found


def rewired(
    post: npt.NDArray[np.int64], pre: npt.NDArray[np.int64], n: int, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Targets of the connections after exchanges between pairs of them; see `mass_by_rewiring`."""
    post = post.copy()
    taken = np.zeros(n * n, bool)
    taken[post * n + pre] = True
    half = len(post) // 2
    for _ in range(PASSES):
        order = rng.permutation(len(post))
        a, b = order[:half], order[half : 2 * half]
        asked = np.stack([post[b] * n + pre[a], post[a] * n + pre[b]])
        allowed = (post[b] != pre[a]) & (post[a] != pre[b]) & ~taken[asked].any(0)
        _, first, counts = np.unique(asked, return_inverse=True, return_counts=True)
        allowed &= (counts[first].reshape(asked.shape) == 1).all(0)
        allowed &= rng.random(half) < 0.5  # else a few connections could only all exchange at once
        a, b = a[allowed], b[allowed]
        taken[post[a] * n + pre[a]] = taken[post[b] * n + pre[b]] = False
        post[a], post[b] = post[b], post[a]
        taken[post[a] * n + pre[a]] = taken[post[b] * n + pre[b]] = True
    return post


def mantel(alike: Doubles, distances: Doubles, shuffles: int, seed: int) -> AgainstChance:
    """Correlation of similarity and distance over pairs of units (Mantel 1967), by permutations."""
    n = len(alike)
    pairs = np.triu_indices(n, 1)
    apart = distances[pairs]
    apart = (apart - apart.mean()) / (apart.std() or 1.0)

    def correlation(order: npt.NDArray[np.int64]) -> float:
        values = alike[order[pairs[0]], order[pairs[1]]]
        values = (values - values.mean()) / (values.std() or 1.0)
        return float(values @ apart / max(len(apart), 1))

    rng = np.random.default_rng(seed)
    null = np.array([correlation(rng.permutation(n)) for _ in range(shuffles)])
    return against(correlation(np.arange(n)), null, "low")


def agreement_p(first: Labels, second: Labels, shuffles: int, seed: int) -> tuple[float, float]:
    """p of the adjusted Rand index and of the mutual information of two labellings, by shuffles.

    Both (N,) count from 0. Shuffles keep the sizes of groups, so that adjusting does not change the
    order of values.
    """
    n = len(first)
    one = np.eye(int(first.max()) + 1)[first]
    by_chance = np.outer(np.bincount(first), np.bincount(second)) / n
    many = np.tile(second, (1 + shuffles, 1))
    many[1:] = np.random.default_rng(seed).permuted(many[1:], axis=1)
    table = np.stack([(many == group) @ one for group in range(int(second.max()) + 1)], axis=2)
    pairs = (table * (table - 1)).sum((1, 2))
    mutual = (table * np.log(np.where(table > 0, table / by_chance, 1.0))).sum((1, 2))
    rand_p, mutual_p = (
        float((values >= values[0] - 1e-9 * n).mean()) for values in (pairs, mutual)
    )
    return rand_p, mutual_p
