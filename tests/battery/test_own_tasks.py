"""Environments of the user's own: the documented one runs, and odd ones are told by name."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from spiking_bimt.battery import own_tasks
from spiking_bimt.battery.draw import dimensions, draw_trials
from spiking_bimt.battery.environments import Environment, environment, trusting
from spiking_bimt.errors import InputError, TaskWarning
from tests.cli.tiny import TINY, call

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / "examples" / "own_task.py").read_text("utf-8")


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A working folder of its own, and no environment or module of an earlier test."""
    monkeypatch.chdir(tmp_path)
    path, known = list(sys.path), set(sys.modules)
    monkeypatch.setattr(own_tasks, "_told", set())
    environment.cache_clear()
    yield
    environment.cache_clear()
    sys.path[:] = path
    for name in set(sys.modules) - known:
        if name.startswith(("odd", "own_task")):
            del sys.modules[name]


def test_the_page_shows_the_example_which_trains_from_the_working_folder(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "how-to" / "own-tasks.md").read_text("utf-8")
    (shown,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert shown == EXAMPLE.replace("  # type: ignore[misc]", "")
    assert len(shown.splitlines()) <= 35
    (tmp_path / "own_task.py").write_text(shown)
    (tmp_path / "tiny.toml").write_text(
        TINY.format(steps=20).replace('["go", "anti"]', '["own_task:Compare"]')
    )
    args = ["--config", "tiny.toml", "--battery", "own", "--test-trials", 5, "--json"]
    code, stdout, stderr = call("train", "run", *args, "--tasks", "own_task:Compare")
    assert code == 0, stderr
    assert json.loads(stdout)["trials_per_task"] == 5
    environment.cache_clear()
    assert call("convert", "run", "--trials", 5)[0] == 2  # the file names the code, not the user
    assert call("convert", "run", "--trials", 5, "--trust")[0] == 0


def test_the_example_has_its_answer_in_its_input(tmp_path: Path) -> None:
    (tmp_path / "own_task.py").write_text(EXAMPLE)
    task = ("own_task:Compare",)
    with trusting(task):
        assert dimensions("own", task) == (4, 3)
        trials = draw_trials("own", task, 50, 20.0, stream="test")
    stronger = [
        1 + int(np.argmax(trials.inputs[a:b, 1:3].sum(axis=0)))
        for a, b in zip(trials.offsets[:-1], trials.offsets[1:], strict=True)
    ]
    assert np.mean(trials.labels[trials.offsets[1:] - 1] == stronger) > 0.95


def test_the_help_of_tasks_names_the_page() -> None:
    assert "docs/how-to/own-tasks.md" in call("tasks", "--help")[1]


ODD = [
    ("self.timing = {", "self.timing = 1 / 0 or {",
     r"ZeroDivisionError: division by zero \(.*odd\.py, line 15\)"),
    ("stronger = self.rng.randint(2)", "stronger = int('one')",
     r"task odd:Compare: ValueError: invalid literal .* \(.*odd\.py, line 21\)"),
    ("class Compare", "class Compare(:", r"SyntaxError: invalid syntax \(.*odd\.py, line 10\)"),
    ("import numpy as np", "import numppy as np", r"ModuleNotFoundError: .*numppy.* line 5\)"),
    ("class Compare", "class Compares", r"module odd has no 'Compare'"),
    ('"decision": 300', '"respond": 300',
     r"KeyError: 'decision' \(.*odd\.py, line"),
    ('"decision"', '"respond"',
     r"it has no period 'decision'.*it has 'fixation', 'stimulus', 'delay', 'respond'"),
    ('"decision": 300', '"decision": 0', r"its period 'decision' has no step"),
    ("self.set_groundtruth(", "print(", r"it sets no ground truth, so that no answer is right"),
    ('set_groundtruth(1 + stronger, "decision")', 'set_groundtruth(3, "decision")',
     r"ground truth at step \d+ \(period 'decision'\) is 3, and its actions are 0 to 2"),
    ('set_groundtruth(1 + stronger, "decision")', 'set_groundtruth(-1, "delay")',
     r"\(period 'delay'\) is -1"),
    ("1 + stronger, ", "0, ", r"the right answer is 0 \(fixation\) in all of 20 trials"),
    ('spaces.Discrete(3, name={"fixation": 0, "choice": [1, 2]})',
     '__import__("gymnasium").spaces.Discrete(3, start=1)', r"its actions begin at 1"),
    ("(3,))", "(3, 1))", r"it needs a vector observation and discrete actions"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "message"), ODD)
def test_an_odd_environment_is_one_line_with_what_lacks_and_where(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in EXAMPLE
    (tmp_path / "odd.py").write_text(EXAMPLE.replace(old, new))
    sys.modules.pop("odd", None)
    with trusting(), pytest.raises(InputError, match=message) as caught:
        Environment("odd:Compare", 20.0)
    assert "odd:Compare" in str(caught.value)


def test_the_command_writes_nothing_for_a_task_that_fails(tmp_path: Path) -> None:
    (tmp_path / "odd.py").write_text(EXAMPLE.replace("1 + stronger, ", "0, "))
    code, stdout, stderr = call("train", "run", "--battery", "own", "--tasks", "odd:Compare")
    assert (code, stdout, stderr.count("\n")) == (2, "", 1)
    assert "the right answer is 0" in stderr
    assert not (tmp_path / "run").exists()


def test_an_error_that_comes_late_is_one_line_too(tmp_path: Path) -> None:
    late = "stronger = self.rng.randint(2)\n        if self.num_tr > 30:\n            raise OSError"
    (tmp_path / "odd.py").write_text(EXAMPLE.replace("stronger = self.rng.randint(2)", late))
    with trusting(), pytest.raises(InputError, match=r"odd:Compare: OSError: no message .*line 23"):
        draw_trials("own", ["odd:Compare"], 50, 20.0, stream="test")


def test_a_module_that_is_nowhere_is_looked_for_where_the_user_is(tmp_path: Path) -> None:
    with trusting(), pytest.raises(InputError, match=rf"no module odd2: odd2\.py .*{tmp_path}"):
        dimensions("own", ("odd2:make",))
    with trusting(), pytest.raises(InputError, match="write module:function"):
        dimensions("own", ("odd2:",))


def test_neurogyms_odd_environments_are_told_truly() -> None:
    with pytest.raises(InputError, match="EconomicDecisionMaking-v0: it sets no ground truth"):
        Environment("EconomicDecisionMaking-v0", 100.0)
    with pytest.raises(InputError, match=r"no period 'decision'.*'ready', 'measure', 'set'"):
        Environment("ReadySetGo-v0", 100.0)
    with pytest.warns(TaskWarning, match=r"ContextDecisionMaking-v0: its fixation cue ends \d+"):
        Environment("ContextDecisionMaking-v0", 20.0)
    Environment("ContextDecisionMaking-v0", 20.0)  # told once
    Environment("DelayComparison-v0", 20.0)  # its cue lasts
