"""The documentation site builds without a warning, its links lead somewhere, pages are short."""

import re
import subprocess
import sys
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.docs.blocks import own_files

pytest.importorskip("sphinx")

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PARTS = ("tutorials", "how-to", "reference", "background", "appendix")
MOST_WORDS = 1500
"""Of a page outside the appendix."""

NAMED = r"\bdocs/[\w/.-]+\.(?:md|svg|json|ipynb|py)"
"""A file of the site, as code and pages name it."""


class Page(HTMLParser):
    """What a built page links to, which anchors it has, and the words of its article."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.text: list[str] = []
        self._article = 0
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.anchors |= {given[name] or "" for name in ("id", "name") if name in given}
        self.links += [given[name] or "" for name in ("href", "src") if name in given]
        self._article += tag == "article"

    def handle_endtag(self, tag: str) -> None:
        self._article -= tag == "article"

    def handle_data(self, data: str) -> None:
        if self._article:
            self.text.append(data)

    @property
    def words(self) -> int:
        """Words and numbers; signs alone are none."""
        return sum(any(map(str.isalnum, word)) for word in " ".join(self.text).split())


class Site:
    """A built site."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def pages(self) -> dict[str, Page]:
        """Pages by their path without its ending."""
        return {
            str(path.relative_to(self.folder).with_suffix("")): Page(path)
            for path in sorted(self.folder.rglob("*.html"))
            if "_static" not in path.parts
        }


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", str(DOCS), str(folder)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return Site(folder)


@pytest.mark.slow
def test_every_page_is_built(site: Site) -> None:
    sources = {
        str(path.relative_to(DOCS).with_suffix(""))
        for pattern in ("*.md", "*.ipynb")
        for path in DOCS.rglob(pattern)
        if not any(part.startswith(("_", ".")) for part in path.relative_to(DOCS).parts)
    }
    assert sources <= set(site.pages)
    assert {source.split("/")[0] for source in sources if "/" in source} == set(PARTS)


def test_every_link_leads_to_a_file_and_an_anchor(site: Site) -> None:
    broken = []
    for name, page in site.pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            here = site.folder / f"{name}.html"
            target = (here.parent / unquote(parts.path)).resolve() if parts.path else here
            if target.is_dir():
                target = target / "index.html"
            if not target.is_file():
                broken.append(f"{name}: {link}")
            elif parts.fragment and target.suffix == ".html":
                other = site.pages[str(target.relative_to(site.folder).with_suffix(""))]
                if unquote(parts.fragment) not in other.anchors:
                    broken.append(f"{name}: {link}")
    assert not broken


def test_nothing_is_fetched_from_outside(site: Site) -> None:
    """Scripts, styles and pictures; a reader without a connection sees the whole page."""
    for path in site.folder.rglob("*.html"):
        text = path.read_text("utf-8")
        assert not re.findall(r"<(?:script|img|link)[^>]*(?:src|href)=\"(?:https?:)?//", text), path


def test_a_browser_finds_nothing_to_complain_of(site: Site) -> None:
    """Without a mode the theme logs an error; without an icon the browser asks for one."""
    text = (site.folder / "index.html").read_text("utf-8")
    assert 'data-default-mode="auto"' in text
    assert re.search(r'<link rel="icon" href="_static/favicon.svg', text)


def test_pages_outside_the_appendix_are_short(site: Site) -> None:
    long = {
        name: page.words
        for name, page in site.pages.items()
        if name.startswith(PARTS[:-1]) and page.words > MOST_WORDS
    }
    assert not long


def test_the_search_knows_the_words(site: Site) -> None:
    index = (site.folder / "searchindex.js").read_text("utf-8")
    assert '"crossbar"' in index or "crossbar:" in index


@pytest.mark.parametrize("ending", ["py", "md", "toml", "html"])
def test_pages_that_the_repository_names_are_there(ending: str) -> None:
    missing = [
        f"{name}: {page}"
        for name in own_files(ending)
        for page in re.findall(NAMED, (ROOT / name).read_text())
        if "NAME" not in page and not (ROOT / page).is_file()
    ]
    assert not missing


def test_the_explained_errors_are_errors_of_the_package() -> None:
    """Each text of reference/errors.md is a message, or the start of one."""
    sys.path.insert(0, str(DOCS))
    try:
        from extensions.generated import every_message
    finally:
        sys.path.remove(str(DOCS))
    known = [without_values(message) for message in every_message()]
    page = (DOCS / "reference" / "errors.md").read_text("utf-8")
    explained = re.findall(r"^`(.+)`$", page, re.MULTILINE)
    assert len(explained) >= 20
    unknown = [
        text for text in explained if not any(without_values(text) in each for each in known)
    ]
    assert not unknown


def without_values(message: str) -> str:
    """A message with empty braces: what is put in may be named otherwise."""
    return re.sub(r"\{[^}]*\}", "{}", message)


def test_the_first_network_takes_ten_lines() -> None:
    page = (DOCS / "index.md").read_text("utf-8")
    block = re.findall(r"```python\n(.*?)```", page, re.DOTALL)[1]
    assert len([line for line in block.splitlines() if line]) == 10
    assert "Ten lines" in page
    for what in ("energy_nj", "plot.raster", "write_tiles"):
        assert what in block
