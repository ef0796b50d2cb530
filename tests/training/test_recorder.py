"""The measurements of a training belong to its checkpoint."""

import json
from pathlib import Path

import pytest

from spiking_bimt.battery.draw import dimensions
from spiking_bimt.data import store
from spiking_bimt.errors import InputError
from spiking_bimt.training.config import TrainConfig
from spiking_bimt.training.phase import Phase
from spiking_bimt.training.recorder import Recorder
from spiking_bimt.training.state import State, initial_state, save_checkpoint

CONFIG = TrainConfig(
    phases=(Phase("grow", steps=3, batch=4),), tasks=("go", "anti"), sheet=(3, 3), pool=4,
    validation_trials=1,
)  # fmt: skip


@pytest.fixture
def left(tmp_path: Path) -> tuple[Path, State]:
    """A training of two measurements whose checkpoint was written before the second."""
    state = initial_state(CONFIG, *dimensions(CONFIG.battery, CONFIG.task_names))
    recorder = Recorder(tmp_path, CONFIG, state, lambda _done, _note: None)
    state.step = 1
    recorder.measure(CONFIG.phases[0], state, 0.5)
    recorder.checkpoint(state)
    state.step = 2
    recorder.measure(CONFIG.phases[0], state, 0.25)
    state.step = 1
    return tmp_path, state


def resumed(folder: Path, state: State) -> Recorder:
    return Recorder(folder, CONFIG, state, lambda _done, _note: None)


def test_a_kill_between_the_two_files_is_no_change(left: tuple[Path, State]) -> None:
    resumed(*left)


def test_a_changed_digit_is_told_and_a_missing_file_is_begun_anew(
    left: tuple[Path, State],
) -> None:
    folder, state = left
    path = folder / "metrics.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows[0]["loss"] = 0.6
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(InputError, match=r"metrics\.jsonl is not as the training left it: move"):
        resumed(folder, state)
    path.unlink()
    resumed(folder, state)


def test_a_checkpoint_of_an_earlier_version_has_nothing_to_compare(
    left: tuple[Path, State],
) -> None:
    folder, state = left
    save_checkpoint(folder / "checkpoint.h5", CONFIG, state)
    assert store.provenance(folder / "checkpoint.h5", "Checkpoint").inputs == {}
    (folder / "metrics.jsonl").write_text(
        json.dumps({"phase_index": 0, "phase": "grow", "step": 1, "loss": 0.7}) + "\n"
    )
    resumed(folder, state)
