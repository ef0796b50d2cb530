"""The content of the page as records, and its HTML."""

import base64
import csv
import hashlib
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

from spiking_bimt.plot.picture import Picture

CARD_ROWS = (("Accuracy", "Network"), ("Activity", "Chip", "Tiles"))
"""Groups of numbers whose cards stand in one row."""

FEWEST_CARDS = 3
"""Cards of the first row below which all stand in one."""


@dataclass(frozen=True)
class Number:
    """One row of the table; with `card`, also one card at the top of the page."""

    key: str
    label: str
    value: float
    text: str
    """The value as it is printed, with its unit."""
    meaning: str
    """One plain sentence."""
    card: str = ""
    """Short label on the card; empty for none."""
    note: str = ""
    """Text of the card below the value."""

    @property
    def short(self) -> str:
        """The value alone, as the card prints it."""
        return self.text.split(" (")[0].split(" of ")[0]


@dataclass(frozen=True)
class Key:
    """One entry of a legend that is text of the page, not part of the image."""

    colour: str
    ink: str
    mark: str
    text: str


@dataclass(frozen=True)
class View:
    """One of several images of a chart, among which the reader chooses."""

    name: str
    image: Picture
    alt: str
    caption: str


@dataclass(frozen=True)
class Chart:
    """A figure with its texts, or a hint in its place."""

    title: str
    image: Picture | None = None
    """None where the figure cannot be drawn."""
    alt: str = ""
    caption: str = ""
    hint: str = ""
    """What is missing and which command makes it."""
    wide: bool = False
    """Whether it takes both columns of the page."""
    tall: bool = False
    """Whether it takes two rows, beside two other charts."""
    legend: tuple[Key, ...] = ()
    views: tuple[View, ...] = ()
    """Images to choose from, in the place of `image`; the first is shown at the start."""


@dataclass(frozen=True)
class Section:
    """A heading, an introduction of a sentence or two, and charts."""

    key: str
    title: str
    lead: str
    charts: Sequence[Chart]


@dataclass(frozen=True)
class Source:
    """A file of the run that the page was made from."""

    name: str
    sha256: str
    version: str = ""
    """Package that wrote it."""
    command: str = ""
    settings: str = ""
    inputs: Mapping[str, str] | None = None
    """SHA-256 of the files that it was made from."""


@dataclass(frozen=True)
class Page:
    """Everything that the template shows."""

    name: str
    summary: str
    numbers: Mapping[str, Sequence[Number]]
    sections: Sequence[Section]
    sources: Sequence[Source]
    method: str
    """How the report made its own measurements."""
    version: str


def render(page: Page) -> bytes:
    """The page as one UTF-8 HTML file that needs nothing else.

    Its policy runs one script, by its hash, and loads nothing.

    Text between backquotes in meanings and hints is shown as code.
    """
    import jinja2
    from markupsafe import Markup

    def code(words: str) -> Markup:
        pieces = [
            Markup("<code>{}</code>").format(piece) if i % 2 else Markup.escape(piece)
            for i, piece in enumerate(words.split("`"))
        ]
        return Markup("").join(pieces)

    template, script = (
        (resources.files("spiking_bimt.page") / name).read_text("utf-8")
        for name in ("report.html", "report.js")
    )
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"code": code, "file_name": _file_name}
    rows = [
        [number for group in groups for number in page.numbers.get(group, ()) if number.card]
        for groups in CARD_ROWS
    ]
    if len(rows[0]) < FEWEST_CARDS:
        rows = [[card for row in rows for card in row]]
    html = environment.from_string(template).render(
        page=page, card_rows=rows, csv=_csv(page.numbers), script=Markup(script),
        script_hash=f"sha256-{digest}",
    )  # fmt: skip
    return html.encode(errors="replace")


def _file_name(words: str) -> str:
    """A name of small letters, digits and hyphens."""
    return re.sub("[^a-z0-9]+", "-", words.lower()).strip("-") or "figure"


def _csv(numbers: Mapping[str, Sequence[Number]]) -> str:
    """All numbers as a data URI of comma-separated values."""
    table = io.StringIO()
    write = csv.writer(table, lineterminator="\n").writerow
    write(["group", "key", "number", "value", "as shown", "meaning"])
    for group, own in numbers.items():
        for row in own:
            # A spreadsheet would take a name that begins so for a formula.
            label = "'" + row.label if row.label[:1] in ("=", "+", "-", "@") else row.label
            write([group, row.key, label, repr(row.value), row.text, row.meaning])
    encoded = base64.b64encode(table.getvalue().encode(errors="replace")).decode("ascii")
    return "data:text/csv;charset=utf-8;base64," + encoded
