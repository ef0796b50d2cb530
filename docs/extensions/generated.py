"""Pages that the package itself says best: a command a page, chips and other presets, messages."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from extensions.api import write_api
from sphinx.application import Sphinx

import spiking_bimt
from spiking_bimt.cli.commands import main

ROOT = Path(__file__).parents[2]
ROOMS = ("spiking_bimt", "export")
ERRORS = ("InputError", "CheckError", "CodesError")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("builder-inited", _write_pages)
    return {"parallel_read_safe": True}


def _write_pages(app: Sphinx) -> None:
    docs = Path(app.srcdir)
    write_api(docs, write)
    for name, command in main.commands.items():
        write(docs / "reference" / "commands" / f"{name}.md", command_page(name, command))
    write(docs / "reference" / "presets" / "chips.md", chips_page())
    write(docs / "reference" / "presets" / "devices.md", devices_page())
    write(docs / "reference" / "presets" / "configurations.md", configurations_page())
    write(docs / "reference" / "presets" / "tasks.md", tasks_page())
    write(docs / "appendix" / "messages.md", messages_page())


def write(path: Path, text: str) -> None:
    """Write a page where it changes, so that the next build takes the rest as it is."""
    path.parent.mkdir(exist_ok=True)
    if not path.is_file() or path.read_text("utf-8") != text:
        path.write_text(text, "utf-8")


def command_page(name: str, command: click.Command) -> str:
    """A command's help as a page: what it does, its options by heading, its examples."""
    context = click.Context(command, info_name=f"spiking_bimt {name}")
    usage = command.get_usage(context).removeprefix("Usage: ")
    lines = [f"# spiking_bimt {name}", "", "```text", usage, "```", ""]
    lines += [linked(part) for part in paragraphs(command.help or "")]
    headings: dict[str, list[click.Option]] = {}
    for option in command.params:
        if isinstance(option, click.Option):
            headings.setdefault(getattr(option, "heading", "Options"), []).append(option)
    for heading, options in headings.items():
        lines += [f"## {linked(heading)}", ""]
        for option in options:
            signature, text = option.get_help_record(context) or ("", "")
            lines += [f"`{signature}`", f": {linked(text)}", ""]
    examples = (command.epilog or "").partition("Examples:\n")[2]
    if examples:
        shown = "\n".join(line.strip() for line in examples.splitlines())
        lines += ["## Examples", "", "```bash", shown, "```"]
    return "\n".join(lines) + "\n"


def paragraphs(text: str) -> Iterator[str]:
    r"""The paragraphs of a help; one that begins with \b keeps its lines."""
    for part in re.split(r"\n\s*\n", text.strip()):
        if part.strip().startswith("\b"):
            yield f"```text\n{part.strip().removeprefix(chr(8)).strip(chr(10))}\n```\n"
        else:
            yield " ".join(part.split()) + "\n"


def linked(text: str) -> str:
    """A text of the command line in MyST: pages become links, its signs mean nothing."""
    parts = re.split(r"(`[^`]+`)", text)  # code between backticks stays as it is
    for index in range(0, len(parts), 2):
        plain = re.sub(r"([*<>\[\]|_$])", r"\\\1", parts[index])
        parts[index] = re.sub(
            r"docs/([\w/.\\-]+?)\.md", lambda page: f"[{page[1]}](/{page[1]}.md)", plain
        )
    return "".join(parts)


def table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    """A table in Markdown."""
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in (head, *rows)]
    lines.insert(1, "|" + "---|" * len(head))
    return "\n".join(lines) + "\n"


def value(given: Any) -> str:
    """A figure of a preset as it stands in a table."""
    if given is None or given == []:
        return "none"
    if isinstance(given, dict):
        return ", ".join(f"{key} {number:g}" for key, number in given.items())
    return f"{given:,}" if isinstance(given, int) and not isinstance(given, bool) else str(given)


def preset_section(name: str, fields: dict[str, Any]) -> str:
    """A heading, the description, a table of figures and their sources."""
    rows = [
        (f"`{key}`", value(given))
        for key, given in fields.items()
        if key not in ("name", "description", "sources")
    ]
    sources = "\n".join(f"- {key}: {linked(text)}" for key, text in fields["sources"].items())
    opening = f"## {name}\n\n{linked(fields['description'])}\n\n"
    return f"{opening}{table(('figure', 'value'), rows)}\nSources:\n\n{sources}\n"


def chips_page() -> str:
    """The chips in one table, and where each figure comes from."""
    known = spiking_bimt.chips()
    shown = ("neurons_per_core", "weight_bits", "crossbar_rows", "crossbar_cols", "routing")
    rows = [
        (f"`{name}`", linked(chip["description"]),
         chip["width"] * chip["height"] * chip["cores_per_tile"],
         *(value(chip[key]) for key in shown), "pJ" if chip["energy"] else "none published")
        for name, chip in known.items()
    ]  # fmt: skip
    head = (
        "chip",
        "what",
        "cores",
        "neurons per core",
        "weight bits",
        "rows",
        "columns",
        "routing",
        "energy",
    )
    sources = [
        f"## {name}\n\n"
        + "\n".join(f"- {key}: {linked(text)}" for key, text in chip["sources"].items())
        for name, chip in known.items()
    ]
    return (
        "# Chips by name\n\nFor `--chip` and `place_network`. A limit that is none does not "
        "exist. What each field means: {py:class}`~spiking_bimt.Chip`.\n"
        "All of a chip's figures: `spiking_bimt chips NAME`.\n\n"
        f"{table(head, rows)}\nWhere the figures come from:\n\n" + "\n\n".join(sources) + "\n"
    )


def devices_page() -> str:
    """The memory devices with their figures and sources."""
    sections = [preset_section(name, device) for name, device in spiking_bimt.devices().items()]
    return (
        "# Memory devices by name\n\nFor `--device`. What each field means, with its unit: "
        "{py:class}`~spiking_bimt.Device`.\n\n" + "\n".join(sections)
    )


def configurations_page() -> str:
    """The configurations of training."""
    sections = [
        f"## {name}\n\n{linked(each['description'])}\n\nPhases, with their steps: "
        + ", ".join(f"{phase} {steps:,}" for phase, steps in each["phases"].items())
        + f". {'It needs `--chip`.' if each['needs_chip'] else ''}\n"
        for name, each in spiking_bimt.configs().items()
    ]
    return (
        "# Configurations of training by name\n\nFor `--config`. A TOML file of your own has the "
        "same fields: {py:class}`~spiking_bimt.TrainConfig` and "
        "{py:class}`~spiking_bimt.Phase`.\n\n" + "\n".join(sections)
    )


def tasks_page() -> str:
    """The tasks of each battery."""
    sections = [
        f"## {name}\n\n" + ", ".join(f"`{task}`" for task in tasks) + "\n"
        for name, tasks in spiking_bimt.tasks().items()
        if isinstance(tasks, (list, tuple))
    ]
    return (
        "# Tasks by name\n\nFor `--battery` and `--tasks`, in the order of their rule channels. "
        "[Own tasks](../../how-to/own-tasks.md) are named `module:function`.\n\n"
        + "\n".join(sections)
    )


def messages_page() -> str:
    """Every message of an error, by the file that raises it."""
    lines = ["# Every message of an error", "",
             "What stands in braces is put in. What the most frequent ones mean, and what to do: "
             "[Errors by text](../reference/errors.md).", ""]  # fmt: skip
    for name, found in messages_by_file().items():
        lines += [f"## {name}", "", "```text", *found, "```", ""]
    return "\n".join(lines)


def messages_by_file() -> dict[str, list[str]]:
    """The messages of each file that raises any."""
    links = ("spiking_bimt/formats/", "spiking_bimt/kernels/")  # the rooms at the top, once more
    files = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
    found = {str(path.relative_to(ROOT)): sorted(set(messages(path))) for path in files}
    return {name: texts for name, texts in found.items() if texts and not name.startswith(links)}


def every_message() -> list[str]:
    """All messages."""
    return [text for texts in messages_by_file().values() for text in texts]


def messages(path: Path) -> Iterator[str]:
    """Texts of the errors that a file raises."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ERRORS and node.args:
            text = template(node.args[0])
            if " " in text:
                yield text


def template(node: ast.expr) -> str:
    """The text of an expression, with braces where something is put in."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(map(template, node.values))
    if isinstance(node, ast.FormattedValue):
        return "{" + ast.unparse(node.value) + "}"
    if isinstance(node, ast.BinOp):
        return template(node.left) + template(node.right)
    return "{" + ast.unparse(node) + "}"
