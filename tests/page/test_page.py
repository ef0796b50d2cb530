"""The HTML: balanced, self-contained, and no way out of an escaped string."""

from html.parser import HTMLParser

import pytest

from spiking_bimt.page.page import Chart, Key, Number, Page, Section, Source, render
from spiking_bimt.plot.picture import Picture

EVIL = "<script>alert(1)</script>\"'&{{ 7 * 7 }}"
VOID = {"meta", "link", "img", "br", "hr", "input"}


class Balance(HTMLParser):
    """Fails where a tag is closed that is not open, and keeps what it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def parsed(html: bytes) -> Balance:
    balance = Balance()
    balance.feed(html.decode())
    balance.close()
    assert balance.open == []
    return balance


def page(text: str = "words") -> Page:
    number = Number("key", f"label {text}", 1.5, "1.5 Hz of 3", f"meaning {text}", text, text)
    chart = Chart(
        f"title {text}", Picture(b"\0"), f"alt {text}", f"caption {text}",
        legend=(Key("#000000", "#ffffff", "1", f"legend {text}"),),
    )  # fmt: skip
    hint = Chart("missing", hint=f"{text}: `spiking_bimt place {text}` makes it")
    section = Section("one", f"section {text}", f"lead {text}", [chart, hint])
    source = Source(text, "ab" * 32, text, text, text, {text: text})
    return Page(text, text, {"Accuracy": [number]}, [section], [source], text, text)


def test_everything_is_on_the_page() -> None:
    seen = parsed(render(page()))
    for words in ("label words", "1.5 Hz of 3", "meaning words", "title words", "caption words",
                  "legend words", "section words", "lead words", "spiking_bimt place words",
                  "ab" * 32):  # fmt: skip
        assert words in seen.text
    images = [attrs for tag, attrs in seen.seen if tag == "img"]
    assert [image["alt"] for image in images] == ["alt words"]
    assert {attrs["id"] for tag, attrs in seen.seen if tag == "section"} == {
        "one", "numbers", "provenance",
    }  # fmt: skip


def test_hostile_text_stays_text() -> None:
    seen = parsed(render(page(EVIL)))
    assert "script" not in [tag for tag, _ in seen.seen]
    assert "49" not in seen.text
    assert seen.text.count("<script>alert(1)</script>") >= 12
    assert next(attrs["alt"] for tag, attrs in seen.seen if tag == "img") == f"alt {EVIL}"
    assert not [name for _, attrs in seen.seen for name in attrs if name.startswith("on")]


def test_the_page_loads_nothing() -> None:
    html = render(page()).decode()
    seen = parsed(html.encode())
    for _, attrs in seen.seen:
        for name in ("src", "href"):
            link = attrs.get(name)
            assert link is None or link.startswith(("data:", "#"))
    assert "http://" not in html
    assert "https://" not in html
    assert "@import" not in html
    assert "url(" not in html


@pytest.mark.parametrize(
    ("text", "short"),
    [("0.97 (0.96 to 0.98)", "0.97"), ("94 of 400", "94"), ("1,234", "1,234"), ("3 Hz", "3 Hz")],
)
def test_a_card_prints_the_value_alone(text: str, short: str) -> None:
    assert Number("k", "l", 0.0, text, "m").short == short


def test_cards_come_in_the_rows_of_their_groups() -> None:
    def number(name: str) -> Number:
        return Number(name, name, 0.0, "0", name, card=f"card {name}")

    groups = {"Chip": [number("c")], "Accuracy": [number("a")], "Activity": [number("b")]}
    shown = Page("n", "s", groups, [], [], "m", "v")
    text = parsed(render(shown)).text
    assert text.index("card a") < text.index("card b") < text.index("card c")
