"""Every code block of the pages runs, and prints what the page shows, or says why it is not run."""

import os
import re
import shlex
import shutil
from pathlib import Path

import matplotlib as mpl
import pytest

from spiking_bimt.cli.commands import main
from tests.cli.tiny import TINY, call
from tests.docs.blocks import SHOWN, Block, Reader, blocks, lines, own_files

ROOT = Path(__file__).parents[2]
PAGES = [
    name
    for name in own_files("md")
    if name.startswith("docs/") or name in ("README.md", "CONTRIBUTING.md")
]
BLOCKS = {name: blocks((ROOT / name).read_text("utf-8")) for name in PAGES}
COMMAND = re.compile(r"^ {4}(spiking_bimt|python3?|pip|cc|import|from) ", re.MULTILINE)


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with RUN, a run of 36 units that every command but report has seen."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "tiny.toml").write_text(TINY.format(steps=30))
    run = folder / "RUN"
    for words in (
        ("train", run, "--config", folder / "tiny.toml", "--test-trials", 2),
        ("convert", run, "--trials", 2),
        ("place", run, "--chip", "loihi16"),
        ("simulate", run, "--trials", 2),
        ("export", run, "--selftest", 2),
    ):
        code, _, stderr = call(*words)
        assert code == 0, stderr
    return folder


RUN = [
    name for name in PAGES if name != "README.md" and any(not each.reason for each in BLOCKS[name])
]
"""Pages with blocks to run; README's are those of tests/front_door/test_readme.py."""


@pytest.mark.slow
@pytest.mark.parametrize("name", RUN)
def test_the_blocks_of_a_page_run(
    name: str, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(runs, tmp_path, dirs_exist_ok=True)
    for folder in ("examples", "benchmarks"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    monkeypatch.chdir(tmp_path)
    mpl.use("agg")
    reader = Reader()
    for block in BLOCKS[name]:
        if block.reason or block.language in SHOWN:
            continue
        printed = reader.run(block)
        os.chdir(tmp_path)
        if block.printed is not None:
            assert printed == block.printed, f"{name}, line {block.line}"


@pytest.mark.parametrize("name", PAGES)
def test_commands_have_options_that_there_are(name: str) -> None:
    """Those of blocks that are not run too."""
    for block in BLOCKS[name]:
        for line in lines(block.text) if block.language == "bash" else ():
            if line.startswith("spiking_bimt ") and not set(line) & set("|>$"):
                _, given, *arguments = shlex.split(line.split("&&")[0])
                main.commands[given].make_context(given, arguments)  # raises for a wrong option


@pytest.mark.parametrize("name", PAGES)
def test_no_code_hides_in_an_indented_block(name: str) -> None:
    assert not COMMAND.findall((ROOT / name).read_text("utf-8"))


@pytest.mark.parametrize("name", [name for name in PAGES if name.startswith("docs/")])
def test_lines_of_code_fit_beside_the_sidebars(name: str) -> None:
    """A window of 1,280 px shows 100 columns without scrolling; the site wraps output."""
    code = [
        line
        for block in BLOCKS[name]
        if block.language != "text"
        for line in block.text.splitlines()
    ]
    text = (ROOT / name).read_text("utf-8")
    formulas = re.findall(
        r"(?:^|\n)\n((?: {4}\S.*\n)+)", re.sub(r"```.*?```", "", text, flags=re.S)
    )
    code += [line.strip() for block in formulas for line in block.splitlines()]
    assert not [line for line in code if len(line) > 100 and "appendix" not in name]


def test_a_block_that_is_wrong_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = "```python\nprint(1)\n```\n\nprints\n\n```text\n2\n```\n"
    (block,) = blocks(page)
    assert Reader().run(block) == "1\n" != block.printed
    (marked,) = blocks("<!-- not run: a reason -->\n```bash\nfalse\n```\n")
    assert marked == Block(2, "bash", "false\n", "a reason")
    with pytest.raises(AssertionError, match="false"):
        Reader().run(marked)
