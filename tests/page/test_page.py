"""The HTML: balanced, self-contained, and no way out of an escaped string."""

import base64
import csv
import hashlib
import io
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import pytest

from spiking_bimt.page.page import Chart, Key, Number, Page, Section, Source, View, render
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
    image = Picture(b"\0", (f"1 2 3 4 spot {text}", "5 6 7 8 other"))
    chart = Chart(
        f"title {text}", image, f"alt {text}", f"caption {text}",
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
    assert [tag for tag, _ in seen.seen].count("script") == 1
    assert "49" not in seen.text
    assert seen.text.count("<script>alert(1)</script>") >= 12
    assert next(attrs["alt"] for tag, attrs in seen.seen if tag == "img") == f"alt {EVIL}"
    assert not [name for _, attrs in seen.seen for name in attrs if name.startswith("on")]


def test_spots_are_lines_of_their_image() -> None:
    images = [attrs for tag, attrs in parsed(render(page(EVIL))).seen if tag == "img"]
    assert images[0]["data-spots"] == f"1 2 3 4 spot {EVIL}\n5 6 7 8 other"
    assert images[0]["data-name"] == "title-script-alert-1-script-7-7"


def test_the_policy_allows_the_one_script_of_the_package_alone() -> None:
    html = render(page(EVIL)).decode()
    script = html.partition("<script>")[2].partition("</script>")[0]
    assert script == (resources.files("spiking_bimt.page") / "report.js").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = next(
        attrs["content"] for tag, attrs in parsed(html.encode()).seen
        if attrs.get("http-equiv") == "Content-Security-Policy"
    )  # fmt: skip
    assert policy == (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'"
    )
    used = set(re.findall(r'getElementById\("(\w+)"\)', script))
    assert used == {"theme", "tip"}
    assert all(f'id="{name}"' in html for name in used)


def test_the_numbers_come_as_a_table() -> None:
    own = page(EVIL)
    odd = Number("odd", "=SUM(A1)", -0.5, "-0.5 Hz", "one, two")
    html = render(replace(own, numbers={"Accuracy": [*own.numbers["Accuracy"], odd]}))
    links = [attrs for tag, attrs in parsed(html).seen if tag == "a"]
    link = next(attrs for attrs in links if "download" in attrs)
    assert link["download"] == "script-alert-1-script-7-7-numbers.csv"
    body = base64.b64decode((link["href"] or "").partition(",")[2]).decode()
    rows = list(csv.reader(io.StringIO(body)))
    assert rows[0] == ["group", "key", "number", "value", "as shown", "meaning"]
    assert rows[1] == ["Accuracy", "key", f"label {EVIL}", "1.5", "1.5 Hz of 3", f"meaning {EVIL}"]
    assert rows[2] == ["Accuracy", "odd", "'=SUM(A1)", "-0.5", "-0.5 Hz", "one, two"]


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Chromium")
def test_a_browser_runs_the_script(tmp_path: Path) -> None:
    image = Picture(b'<svg xmlns="http://www.w3.org/2000/svg"/>')
    views = tuple(View(name, image, name, name) for name in ("first", "second"))
    section = Section("one", "t", "l", [Chart("Trials", views=views)])
    (tmp_path / "page.html").write_bytes(render(replace(page(), sections=[section])))
    done = subprocess.run(
        ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom",
         f"--user-data-dir={tmp_path}", (tmp_path / "page.html").as_uri()],
        capture_output=True, text=True, check=True, timeout=600,
    )  # fmt: skip
    seen = parsed(done.stdout.encode())
    shown = ["hidden" not in attrs for tag, attrs in seen.seen if attrs.get("class") == "view"]
    assert shown == [True, False]
    saved = [attrs.get("download") for tag, attrs in seen.seen if attrs.get("class") == "save"]
    assert saved == ["first.svg", "second.svg", "words-numbers.csv"]
    theme = next(attrs for tag, attrs in seen.seen if attrs.get("id") == "theme")
    assert "hidden" not in theme
    assert "CONSOLE" not in done.stderr


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
