"""Each tutorial runs in a kernel of its own and prints what the kept notebook shows."""

import re
from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "tutorials"
TUTORIALS = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
NUMBER = r"-?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?"
TRAINED = 0.25
"""Share by which a number may differ where a network is trained: processors round differently."""
EXACT = ("sparse-network-on-a-chip",)
"""Tutorials without training: every number is the same on every processor."""


def texts(cell: Any) -> list[str]:
    """What a cell printed or returned as text; pictures and progress bars are neither."""
    streams = [o.text for o in cell.outputs if o.output_type == "stream" and o.name == "stdout"]
    results = [o.data["text/plain"] for o in cell.outputs if o.output_type == "execute_result"]
    return ["".join(streams), *results]


def pictures(cell: Any) -> int:
    return sum("image/png" in o.get("data", {}) for o in cell.outputs)


def assert_alike(found: str, shown: str, tolerance: float) -> None:
    """The same words, and numbers that differ by at most this share, or by 0.05."""
    words = [re.sub(r"\s+", " ", re.sub(NUMBER, "#", text)) for text in (found, shown)]
    assert words[0] == words[1]
    numbers = [
        [float(number.replace(",", "")) for number in re.findall(NUMBER, text)]
        for text in (found, shown)
    ]
    if tolerance:
        assert numbers[0] == pytest.approx(numbers[1], rel=tolerance, abs=0.05)
    else:
        assert numbers[0] == numbers[1]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the notebook client; the kernel's own are in its stderr
@pytest.mark.parametrize("name", TUTORIALS)
def test_it_prints_what_it_shows(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    shown = nbformat.read(FOLDER / f"{name}.ipynb", 4)
    found = nbformat.from_dict(shown)
    where = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(found, timeout=1800, kernel_name="python3", resources=where).execute()
    assert len(shown.cells) == len(found.cells)
    seen = 0
    for new, old in zip(found.cells, shown.cells, strict=True):
        if old.cell_type != "code":
            continue
        assert pictures(new) == pictures(old), old.source
        seen += pictures(new)
        for text, kept in zip(texts(new), texts(old), strict=True):
            assert_alike(text, kept, 0 if name in EXACT else TRAINED)
        assert not [o for o in new.outputs if o.get("name") == "stderr"], new.outputs
    assert seen


@pytest.mark.parametrize("name", TUTORIALS)
def test_it_was_run_in_order_and_says_where_to_go(name: str) -> None:
    kept = nbformat.read(FOLDER / f"{name}.ipynb", 4)
    code = [cell for cell in kept.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert kept.cells[0].source.startswith("# ")
    assert kept.cells[-1].source.startswith("## Where to go next\n")
    assert (FOLDER / f"{name}.ipynb").stat().st_size < 600_000


def test_numbers_are_compared() -> None:
    assert_alike("a 1,000.5 b", "a  1,000.5\nb", 0)
    with pytest.raises(AssertionError):
        assert_alike("a 1.5", "a 1.6", 0)
    with pytest.raises(AssertionError):
        assert_alike("a 15", "a 25", TRAINED)
    with pytest.raises(AssertionError):
        assert_alike("a True", "a False", TRAINED)
