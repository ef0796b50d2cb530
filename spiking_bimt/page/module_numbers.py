"""Numbers of the report on whether function and anatomy are modular together."""

from collections.abc import Iterator

from spiking_bimt.page.material import Function
from spiking_bimt.page.page import Number

_AGAINST = {
    "variance_2d": (
        "variance of places in clusters",
        "Mean squared distance of units to the mean place of their cluster, grid spacings",
        "when the clusters are shuffled among the units",
    ),
    "variance_2d_scattered": (
        "variance of places, units scattered",
        "The same",
        "when the units are scattered over the whole sheet",
    ),
    "mass_within": (
        "weights within clusters",
        "Share of the recurrent weights, free of gain, between units of one functional cluster",
        "when the clusters are shuffled among the units",
    ),
    "mass_within_rewired": (
        "weights within clusters, rewired",
        "The same",
        "when ends of connections are exchanged and each unit keeps its numbers of them",
    ),
    "mantel": (
        "similarity and distance",
        "Correlation of how alike units are and how far apart they lie, over pairs of units",
        "when the units are permuted",
    ),
}


def module_numbers(function: Function | None) -> Iterator[Number]:
    """What `analysis.modularity` measured at the clusters of the page."""
    if function is None:
        return
    found = function.modularity
    for key, meaning in {
        "halves": "of the trials",
        "seeds": "of k-means, on average over pairs with the first",
    }.items():
        value, what = found["reliability"][key], "halves" if key == "halves" else "seeds"
        yield Number(
            f"clusters_{key}", f"clusters, {what}", value, f"{value:.3f}",
            f"Adjusted Rand index of the clusters by two {what} {meaning}: 1 for equal clusters, 0 "
            "by chance. Nothing else can agree with the clusters better than they do themselves.",
        )  # fmt: skip
    for key, (label, meaning, chance) in _AGAINST.items():
        value = found[key]
        yield Number(
            key, label, value["observed"], f"{value['observed']:.3f}",
            f"{meaning}; {value['chance']:.3f} on average {chance}, and a share of "
            f"{value['p']:.4f} of those is as extreme.",
        )  # fmt: skip
        yield Number(
            f"{key}_chance", f"{label}, by chance", value["chance"], f"{value['chance']:.3f}",
            f"Its mean {chance}.",
        )  # fmt: skip
        yield Number(
            f"{key}_p", f"{label}, chance level", value["p"], f"{value['p']:.4f}",
            f"Share of networks at least as extreme {chance}.",
        )  # fmt: skip
    for row in found["communities"]:
        value = row["adjusted_rand"]
        yield Number(
            f"communities_{row['method']}", f"clusters and communities, {row['method']}", value,
            f"{value:.3f}",
            f"Adjusted Rand index of the functional clusters and the {row['communities']} "
            f"communities of the weights; p {row['p']:.4f} with the communities shuffled. Adjusted "
            f"mutual information {row['mutual_information']:.3f}.",
        )  # fmt: skip
