"""The reference of Python: a page a public name, and the list of all by what they are for."""

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from extensions.docstrings import parameters

import spiking_bimt

GROUPS: dict[str, tuple[str, ...]] = {
    "Networks": (
        "SpikingNetwork", "RateNetwork", "from_sparse", "from_csr", "from_coo", "random_sheet",
        "from_snntorch", "read_nir", "read_sonata", "quantise", "arrange",
    ),
    "Stimuli and simulation": (
        "simulate_network", "Simulation", "PoissonSources", "SpikeTrains", "HeldCurrents",
        "Recording", "draw_trials", "Trials", "simulate_trials", "split_by_rank",
        "share_of_rows", "share_of_sheet", "share_of_file",
    ),
    "Chips, placement and costs": (
        "load_chip", "Chip", "ChipNeuron", "ChipSynapse", "place_network", "Placement",
        "PlacedNetwork", "traffic", "Traffic", "timeline", "Timeline",
    ),
    "Tiles and memory devices": (
        "cut_tiles", "write_tiles", "read_tiles", "TileFile", "TileSet", "load_device", "Device",
    ),
    "Commands as functions": (
        "demo", "train", "convert", "place", "simulate", "export", "verify", "report", "compare",
        "study", "import_network", "tasks", "configs", "chips", "devices", "warm",
    ),
    "Settings of training": ("TrainConfig", "Phase"),
    "Errors and permissions": ("InputError", "CheckError", "taking_changed", "trusting"),
}  # fmt: skip

ABOUT = {
    "Commands as functions": "Each works on a run folder, as the [command](command-line.md) of its "
    "name does, and returns what it measured.",
}


def public() -> dict[str, Any]:
    """Every public name with what it is; figures as `plot.name`."""
    names = {name: getattr(spiking_bimt, name) for name in spiking_bimt.__all__}
    del names["plot"], names["__version__"]
    plot = spiking_bimt.plot
    return names | {f"plot.{name}": getattr(plot, name) for name in plot.__all__}


def grouped() -> dict[str, tuple[str, ...]]:
    """The groups with all public names; what no group names comes last."""
    figures = tuple(name for name in public() if name.startswith("plot."))
    groups = {**GROUPS, "Figures": figures}
    named = {name for names in groups.values() for name in names}
    other = tuple(name for name in public() if name not in named)
    return groups | ({"Others": other} if other else {})


def write_api(docs: Path, write: Callable[[Path, str], None]) -> None:
    """Write the list and the pages."""
    folder = docs / "reference" / "api"
    names = public()
    for name, subject in names.items():
        write(folder / f"{name}.md", page(name, subject))
    if folder.is_dir():
        for path in folder.glob("*.md"):
            if path.stem not in names:
                path.unlink()
    write(docs / "reference" / "api.md", overview(names))


def page(name: str, subject: Any) -> str:
    """The page of one name."""
    module, _, short = f"spiking_bimt.{name}".rpartition(".")
    kind = "function"
    if isinstance(subject, type):
        kind = "exception" if issubclass(subject, Exception) else "class"
    options = ""
    if kind == "class":
        left_out = ", ".join(parameters(subject))
        options = f"   :members:\n   :exclude-members: {left_out}\n"
    return (
        f"# {name}\n\n```{{eval-rst}}\n.. currentmodule:: {module}\n\n"
        f".. auto{kind}:: {short}\n{options}```\n"
    )


def overview(names: dict[str, Any]) -> str:
    """All names by group, each with its first sentence."""
    parts = [
        "# Python\n\n`import spiking_bimt as sb` gives every name on this page; each is loaded "
        "when it is first used. Times are in ms, rates in Hz. Bad input raises "
        "[InputError](errors.md), one line that names the argument.\n"
    ]
    for group, members in grouped().items():
        rows = [f"| [{name}](api/{name}.md) | {first_sentence(names[name])} |" for name in members]
        parts += [f"## {group}\n", f"{ABOUT.get(group, '')}\n", "| name | what |\n|---|---|"]
        parts += ["\n".join(rows) + "\n"]
    listed = "\n".join(f"api/{name}" for members in grouped().values() for name in members)
    parts.append(f"```{{toctree}}\n:hidden:\n\n{listed}\n```\n")
    return "\n".join(parts)


def first_sentence(subject: Any) -> str:
    """The first sentence of a docstring, as it may stand in a table."""
    text = " ".join((inspect.getdoc(subject) or "").split("\n\n")[0].split())
    sentence = re.split(r"(?<=[.:;]) (?=[A-Za-z])", text)[0].rstrip(":;")
    return re.sub(r"([*|<>])", r"\\\1", sentence)
