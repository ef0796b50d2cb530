"""The code blocks of a page, and how a reader would run them."""

import contextlib
import io
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from tests.cli.tiny import call

ROOT = Path(__file__).parents[2]
NOT_RUN = re.compile(r"<!-- not run: (.+) -->")
NONE_RUN = re.compile(r"<!-- no block of this page is run: (.+) -->")
SHOWN = ("", "text")
"""Languages of output and pseudo-code."""
GENERATED = (
    "docs/_build", "docs/reference/api", "docs/reference/commands", "docs/reference/presets",
    "docs/appendix/messages.md",
)  # fmt: skip
"""Pages that a build of the site writes."""


def own_files(ending: str) -> list[str]:
    """The files of the repository by their ending; without git, those of the unpacked sdist."""
    if (ROOT / ".git").exists():
        found = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", f"*.{ending}"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        ).stdout.split()  # fmt: skip
    else:
        found = [str(path.relative_to(ROOT)) for path in sorted(ROOT.rglob(f"*.{ending}"))]
    return [name for name in found if (ROOT / name).is_file() and not name.startswith(GENERATED)]


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    line: int
    language: str
    text: str
    reason: str
    """Why it is not run; empty where it is."""
    printed: str | None = None
    """What the page says that it prints."""


def blocks(text: str) -> list[Block]:
    """The blocks of a page; what follows "prints" is output of the block before."""
    whole = NONE_RUN.search(text)
    found: list[Block] = []
    pattern = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
    end = 0
    for match in pattern.finditer(text):
        language, content, between = match[1].strip(), match[2], text[end : match.start()]
        end = match.end()
        line = text.count("\n", 0, match.start()) + 1
        if language.startswith("{"):
            continue
        if language in SHOWN and re.search(r"\bprints\b[^\n]*\n\n$", between) and found:
            last = found.pop()
            found.append(Block(last.line, last.language, last.text, last.reason, content))
            continue
        marks = list(NOT_RUN.finditer(between))
        reason = marks[-1][1] if marks and not between[marks[-1].end() :].strip() else ""
        found.append(Block(line, language, content, reason or (whole[1] if whole else "")))
    return found


class Reader:
    """Runs the blocks of one page one after another, in one folder."""

    def __init__(self) -> None:
        self.names: dict[str, object] = {"__name__": "__main__"}

    def run(self, block: Block) -> str:
        """What a block prints."""
        if block.language == "python":
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile(block.text, f"<line {block.line}>", "exec"), self.names)
            return out.getvalue()
        if block.language == "bash":
            return "".join(command(line) for line in lines(block.text))
        if block.language == "toml":
            tomllib.loads(block.text)
            if named := re.match(r"# ([\w-]+\.toml)\b", block.text):
                Path(named[1]).write_text(block.text, "utf-8")
            return ""
        if block.language == "json":
            json.loads(block.text)
            return ""
        raise AssertionError(f"line {block.line}: nothing here runs {block.language!r}")


def lines(text: str) -> list[str]:
    """The commands of a block, without their comments."""
    joined = text.replace("\\\n", " ")
    parts = [re.sub(r"(^|\s)#.*", "", line).strip() for line in joined.splitlines()]
    return [part for part in parts if part]


def command(line: str) -> str:
    """What a command prints; this package's runs in this process."""
    if line.startswith("spiking_bimt ") and not re.search(r"[|><;&$]", line):
        code, stdout, stderr = call(*shlex.split(line)[1:])
        assert code == 0, f"{line}: {stderr}{stdout}"
        return stdout
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-e", "-c", line], capture_output=True, text=True, check=False,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "MPLBACKEND": "agg"},
    )  # fmt: skip
    assert done.returncode == 0, f"{line}: {done.stderr}"
    return done.stdout
