"""What a training leaves in its run folder as it goes on: checkpoints, measurements, rungs."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

from spiking_bimt.analysis.wiring import wiring
from spiking_bimt.battery.accuracy import score
from spiking_bimt.battery.draw import dimensions, draw_trials
from spiking_bimt.data import gate, store
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import InputError
from spiking_bimt.progress import Advance
from spiking_bimt.simulation.rate import rate_outputs
from spiking_bimt.training import cores
from spiking_bimt.training.config import TrainConfig
from spiking_bimt.training.observer import Observer
from spiking_bimt.training.phase import Phase
from spiking_bimt.training.state import State, load_checkpoint, save_checkpoint, to_network

JUDGED_TRIALS = 200
"""Validation trials per task by which a training decides how far to prune and what packets cost."""

NOTED_EVERY = 10
"""Steps between notes on the progress bar."""

Draw = Callable[[RateNetwork, int, str], None]
"""Called with the network, the steps done in all phases, and a title."""


class Recorder(Observer):
    """Writes checkpoint.h5, metrics.jsonl and rungs/ into a folder, and moves the progress bar.

    `draw`, if given, is called at every measurement. When a training is resumed, measurements from
    after the checkpoint are dropped: they will be made again.
    """

    def __init__(
        self,
        folder: Path,
        settings: TrainConfig,
        state: State,
        advance: Advance,
        draw: Draw | None = None,
    ) -> None:
        self._folder, self._settings, self._advance = folder, settings, advance
        self._draw = draw
        phases = settings.effective_phases()
        self._before = [sum(phase.steps for phase in phases[:i]) for i in range(len(phases))]
        self._note = ""
        self._judged: tuple[float, Trials] | None = None
        self._lines = _measurements_until(folder / "metrics.jsonl", state.phase, state.step)
        _refuse_changed(folder, self._lines)

    def checkpoint(self, state: State) -> None:
        """Write checkpoint.h5."""
        belongs = {"metrics.jsonl": _digest(self._lines)}
        save_checkpoint(self._folder / "checkpoint.h5", self._settings, state, belongs)

    def judge(self, phase: Phase, state: State) -> float:
        """Error on many validation trials, by which thresholds and rungs are chosen."""
        if self._judged is None or self._judged[0] != phase.dt:
            config = self._settings
            trials = draw_trials(
                config.battery, config.task_names, JUDGED_TRIALS, phase.dt, stream="validate",
                seed=config.seed,
            )  # fmt: skip
            self._judged = phase.dt, trials
        trials = self._judged[1]
        network = to_network(self._settings, phase.dt, state)
        return 1 - score(rate_outputs(network, trials), trials).accuracy

    def keep(self, state: State, rung: int) -> None:
        """Write the state at the end of a rung."""
        folder = store.own_folder(self._folder / "rungs")
        save_checkpoint(folder / f"{rung:02d}.h5", self._settings, state)

    def kept(self, rung: int) -> State:
        """The state at the end of a rung."""
        config = self._settings
        n_inputs, n_outputs = dimensions(config.battery, config.task_names)
        path = self._folder / "rungs" / f"{rung:02d}.h5"
        return load_checkpoint(path, config, n_inputs, n_outputs)

    def measure(self, phase: Phase, state: State, loss: float) -> float:
        """Append a line to metrics.jsonl; returns the error on validation trials."""
        config = self._settings
        trials = draw_trials(
            config.battery, config.task_names, config.validation_trials, phase.dt,
            stream="validate", seed=config.seed,
        )  # fmt: skip
        network = to_network(config, phase.dt, state)
        result = score(rate_outputs(network, trials), trials)
        entry = {
            "phase_index": state.phase,
            "phase": phase.name,
            "step": state.step,
            "loss": loss,
            "accuracy": result.accuracy,
            "decision_accuracy": result.decision_accuracy,
            **wiring(network),
            "lr": phase.lr_at(state.step),
            "l1": phase.l1,
        }
        packets = ""
        if len(state.used):
            entry["packet"] = phase.packet
            entry["packets_per_spike"] = cores.packets_per_spike(
                state.p, state.core, state.activity, len(state.used)
            )
            packets = f"  packets {entry['packets_per_spike']:.2f}"
        self._lines.append(json.dumps(entry))
        store.write_bytes(self._folder / "metrics.jsonl", _text(self._lines), ours=True)
        self._note = f"accuracy {result.accuracy:.3f}  units {network.n_units}{packets}"
        if self._draw is not None:
            done = self._before[state.phase] + state.step
            title = f"{phase.name}, step {done}: accuracy {result.accuracy:.3f}"
            self._draw(network, done, title)
        return 1 - result.accuracy

    def step(self, phase: Phase, state: State, loss: float) -> None:
        """Report the progress of the training."""
        if state.step % NOTED_EVERY == 0:
            note = f"{phase.name}  loss {loss:.3f}  {self._note}"
            self._advance(self._before[state.phase] + state.step, note)


def _text(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _digest(lines: list[str]) -> str:
    return hashlib.sha256(_text(lines)).hexdigest()


def _refuse_changed(folder: Path, lines: list[str]) -> None:
    """InputError where the measurements are there and not those that the checkpoint was left with.

    A kill may have come between the two files: later lines are none of the checkpoint's.
    """
    checkpoint, path = folder / "checkpoint.h5", folder / "metrics.jsonl"
    if not (checkpoint.is_file() and path.exists()):
        return
    left = store.provenance(checkpoint, "Checkpoint", checked=True).inputs.get(path.name)
    if left not in (None, _digest(lines)):
        raise InputError(
            f"{path} is not as the training left it: move the file away; `spiking_bimt train "
            f"{folder}` with `resume=True` then goes on"
        )


def _measurements_until(path: Path, phase: int, step: int) -> list[str]:
    """Lines of metrics.jsonl up to a step of a phase; none at the start of a training."""
    if not path.exists():
        return []
    try:
        rows = gate.read_json_lines(path)
    except InputError as error:
        raise InputError(
            f"{error}: move the file away; `spiking_bimt train {path.parent}` with `resume=True` "
            "then goes on"
        ) from error
    kept = []
    for row in rows:
        if not isinstance(row.get("phase_index"), int) or not isinstance(row.get("step"), int):
            raise InputError(f"{path} has a line that is no measurement: move the file away")
        if (phase, step) != (0, 0) and (row["phase_index"], row["step"]) <= (phase, step):
            kept.append(json.dumps(row))
    return kept
