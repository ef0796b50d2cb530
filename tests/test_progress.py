"""An interrupt is heard, also where Python loses it; a notebook shows a bar."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from spiking_bimt.progress import progress


@pytest.fixture(autouse=True)
def usual_interrupts() -> Iterator[None]:
    """A suite that runs in the background ignores them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


class Interrupted:
    """Whose destructor is interrupted: Python prints that, and goes on."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)


def work(steps: int, lost_in: int, done: list[int]) -> None:
    with progress("work", steps) as advance, progress("a part of it", 1):
        for step in range(steps):
            advance(step, "")
            done.append(step)
            if step == lost_in:
                Interrupted()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("lost_in", [1, 2])
def test_an_interrupt_that_was_lost_is_raised_by_the_next_step_or_the_end(lost_in: int) -> None:
    done: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        work(3, lost_in, done)
    assert done == list(range(lost_in + 1))


def test_work_that_is_not_interrupted_ends_as_ever() -> None:
    with progress("work", 2) as advance:
        advance(1, "")
        advance(2, "")


@pytest.mark.filterwarnings("ignore")  # of the notebook client
def test_a_notebook_shows_one_bar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbclient, v4 = pytest.importorskip("nbclient"), pytest.importorskip("nbformat.v4")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    code = (
        "from spiking_bimt.progress import progress\n"
        "with progress('train', 3000) as advance:\n"
        "    for done in range(3001):\n"
        "        advance(done, '<b>')"
    )
    notebook = v4.new_notebook(cells=[v4.new_code_cell(code)])
    where = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, kernel_name="python3", resources=where).execute()
    (bar,) = notebook.cells[0].outputs
    assert bar.data["text/plain"] == "train 3,000/3,000 0 s left <b>"
    assert '<progress value="3000" max="3000">' in bar.data["text/html"]
    assert "&lt;b&gt;" in bar.data["text/html"]
