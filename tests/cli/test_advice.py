"""A message that names a command names one that runs, and after which the first one runs too."""

import ast
import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import scipy.sparse

from spiking_bimt.battery.draw import dimensions
from spiking_bimt.cli.commands import main
from spiking_bimt.data import store
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.training.config import TrainConfig
from spiking_bimt.training.phase import Phase
from spiking_bimt.training.state import initial_state, save_checkpoint
from tests.cli.tiny import call

ROOT = Path(__file__).parents[2]
TASKS = ("go", "anti")
CONFIG = TrainConfig(
    phases=(Phase("grow", steps=2, dt=20.0, batch=4),), tasks=TASKS, sheet=(4, 5), pool=4,
    checkpoint_every=1, validation_trials=1,
)  # fmt: skip
QUICK = {
    "train": ["--test-trials", "1"],
    "convert": ["--trials", "1"],
    "simulate": ["--trials", "1"],
}
"""Options that make a command short, and change nothing of what is advised."""
FLAGS = {
    name for command in main.commands.values() for option in command.params
    if getattr(option, "is_flag", False) for name in option.opts
}  # fmt: skip
COMMAND = re.compile(
    rf"`spiking_bimt ([^`]*)`((?: (?:with|and) (?:{'|'.join(FLAGS)}|--[a-z-]+ [\w.]+))*)"
)
NARROW = "weight_bits = 4 # "


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of every artefact, and what other runs are made of."""
    top = tmp_path_factory.mktemp("whole")
    run = top / "RUN"
    run.mkdir()
    rng = np.random.default_rng(0)
    n_inputs, n_outputs = dimensions("yang19", TASKS)
    places = np.arange(20)

    def drawn(*shape: int) -> npt.NDArray[np.float32]:
        return rng.normal(0, 0.3, shape).astype(np.float32)

    rate = RateNetwork(
        w_rec=drawn(20, 20), w_in=drawn(20, n_inputs), b=drawn(20), w_out=drawn(n_outputs, 20),
        b_out=drawn(n_outputs), positions=np.stack([places // 5, places % 5], 1).astype(np.int32),
        sheet=(4, 5), tau=100.0, dt=20.0, battery="yang19", tasks=TASKS,
    )  # fmt: skip
    store.save(rate, run / "rate.h5", {"command": "train"})
    for args in (["convert"], ["place"], ["simulate"], ["export", "--format", "tiles,c"]):
        assert call(args[0], run, *args[1:], *QUICK.get(args[0], []))[0] == 0
    weights = rng.normal(0, 0.3, (30, 30)) * (rng.random((30, 30)) < 0.2)
    scipy.sparse.save_npz(top / "net.npz", scipy.sparse.csr_array(weights))
    (top / "tiny.toml").write_text(CONFIG.to_toml())
    grid = (ROOT / "spiking_bimt/chip/grid16.toml").read_text("utf-8")
    (top / "narrow.toml").write_text(grid.replace("weight_bits = ", NARROW))
    return top


def without(*names: str) -> Callable[[], None]:
    def remove() -> None:
        for name in names:
            Path("RUN", name).unlink()

    return remove


def run(*commands: str) -> Callable[[], None]:
    def call_all() -> None:
        for command in commands:
            args = shlex.split(command)
            code, _, stderr = call(*args, *QUICK.get(args[0], []))
            assert code == 0, stderr

    return call_all


def empty() -> None:
    shutil.rmtree("RUN")
    Path("RUN").mkdir()


def imported(bits: int) -> Callable[[], None]:
    def make() -> None:
        empty()
        run(f"import net.npz RUN --bits {bits}", "place RUN")()

    return make


def interrupted() -> None:
    """A training that has begun, of which a kill left a half-written line."""
    empty()
    Path("RUN/config.toml").write_text(CONFIG.to_toml())
    state = initial_state(CONFIG, *dimensions("yang19", TASKS))
    state.step = 1
    save_checkpoint(Path("RUN/checkpoint.h5"), CONFIG, state)


def with_broken_measurements() -> None:
    interrupted()
    Path("RUN/metrics.jsonl").write_text('{"phase_i')


def of_other_tasks() -> None:
    rate = store.load(Path("RUN/rate.h5"), RateNetwork)
    store.save(replace(rate, tasks=("go", "dlygo")), Path("RUN/rate.h5"), {"command": "train"})
    network = store.load(Path("RUN/network.h5"), SpikingNetwork)
    store.save(network, Path("RUN/network.h5"), {"command": "convert"})


def without_measurements() -> None:
    network = store.load(Path("RUN/network.h5"), SpikingNetwork)
    store.save(replace(network, measured={}), Path("RUN/network.h5"), {"command": "convert"})


@dataclass(frozen=True)
class Case:
    state: Callable[[], None]
    command: str
    said: str
    """The end of the message."""
    mend: Callable[[], None] | None = None
    """What else the message asks for."""


def nothing() -> None:
    """The whole run as it is."""


CASES = [
    Case(empty, "place RUN",
         "RUN has no network.h5: `spiking_bimt train RUN`, then `spiking_bimt convert RUN` make "
         "network.h5"),
    Case(interrupted, "convert RUN",
         "RUN has no rate.h5: `spiking_bimt train RUN` with --resume makes rate.h5"),
    Case(interrupted, "train RUN",
         "holds a training already: `spiking_bimt train RUN` with --resume goes on with it; or "
         "give another folder"),
    Case(with_broken_measurements, "train RUN --resume",
         "move the file away; `spiking_bimt train RUN` with --resume then goes on",
         without("metrics.jsonl")),
    Case(empty, "train RUN --resume",
         "has no checkpoint.h5: `spiking_bimt train RUN` begins a training"),
    Case(without("network.h5"), "simulate RUN", "`spiking_bimt convert RUN` makes network.h5"),
    Case(without("placement.h5", "tiles.h5"), "simulate RUN --device pcm",
         "`spiking_bimt place RUN`, then `spiking_bimt export RUN` make tiles.h5"),
    Case(run("convert RUN --bits 4"), "export RUN",
         "was made from another network.h5: put that one back, `spiking_bimt place RUN` makes "
         "placement.h5, or take it with --force"),
    Case(run("convert RUN --bits 4"), "simulate RUN --device pcm",
         "`spiking_bimt place RUN`, then `spiking_bimt export RUN` make tiles.h5, or take it "
         "with --force"),
    Case(run("convert RUN --bits 0", "place RUN"), "export RUN",
         "has no integer codes: `spiking_bimt convert RUN` with --bits 8 makes such"),
    Case(run("convert RUN --bits 0"), "simulate RUN --weights codes --state-bits 16",
         "has no integer codes: `spiking_bimt convert RUN` with --bits 8 makes such"),
    Case(run("convert RUN --bits 0"), "compare RUN",
         "has no integer weights: `spiking_bimt convert RUN` with --bits 8 makes such"),
    Case(nothing, "place RUN --chip narrow.toml",
         "8-bit weights, narrow.toml holds 4: `spiking_bimt convert RUN` with --bits 4 makes such"),
    Case(imported(0), "export RUN",
         "has no integer codes: `spiking_bimt import net.npz RUN` with --bits 8 makes such"),
    Case(imported(8), "place RUN --chip narrow.toml",
         "narrow.toml holds 4: `spiking_bimt import net.npz RUN` with --bits 4 makes such"),
    Case(without_measurements, "compare RUN",
         "lacks what convert measures: `spiking_bimt convert RUN` measures it"),
    Case(of_other_tasks, "report RUN",
         "of yang19: `spiking_bimt convert RUN` makes it anew"),
    Case(imported(8), "verify RUN",
         "holds no exported file: `spiking_bimt export RUN` makes tiles.h5"),
    Case(run("convert RUN --bits 4"), "verify RUN/c",
         "`spiking_bimt export RUN` with --format c writes it anew"),
    Case(run("convert RUN --bits 4"), "verify RUN/tiles.h5",
         "`spiking_bimt place RUN`, then `spiking_bimt export RUN` with --format tiles write it "
         "anew"),
    Case(without("c/network.bin"), "verify RUN/c",
         "the other files; `spiking_bimt export RUN` with --format c writes it anew"),
    Case(lambda: _damage("RUN/c/network.bin"), "verify RUN/c",
         "move it away; `spiking_bimt export RUN` with --format c writes it anew",
         without("c/network.bin")),
    Case(lambda: _damage("RUN/tiles.h5"), "verify RUN/tiles.h5",
         "`spiking_bimt export RUN` with --format tiles writes it anew"),
]  # fmt: skip


def _damage(name: str) -> None:
    """The last quarter of the file is lost."""
    image = Path(name).read_bytes()
    Path(name).write_bytes(image[: len(image) * 3 // 4])


@pytest.fixture
def here(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(whole, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.command}: {case.said[-60:]}")
def test_advice_can_be_followed(here: Path, case: Case) -> None:
    case.state()
    args = shlex.split(case.command)
    code, _, stderr = call(*args, *QUICK.get(args[0], []))
    assert code in (1, 2)
    assert stderr.strip().endswith(case.said)
    if case.mend is not None:
        case.mend()
    advised = list(followed(stderr))
    assert advised
    for other in advised:
        code, _, said = call(*other)
        assert code == 0, said
    if args[0] == "train":
        return  # which another call of it has done
    for _ in range(2):  # what was mended may have made something else out of date, which is told
        code, _, stderr = call(*args, *QUICK.get(args[0], []))
        for other in followed(stderr):
            assert call(*other)[0] == 0
    assert code == 0, stderr


def followed(stderr: str) -> Iterator[list[str]]:
    """The commands that a message names, with the options that it names with each."""
    for found in COMMAND.finditer(stderr):
        args = shlex.split(found[1])
        options = shlex.split(re.sub(r" (?:with|and) ", " ", found[2]))
        config = ["--config", "tiny.toml"] if args[0] == "train" and not options else []
        yield [*args, *options, *config, *QUICK.get(args[0], [])]


def test_the_report_names_commands_that_fill_its_gaps(here: Path) -> None:
    lacking = ("placement.h5", "tiles.h5", "spikes.h5", "diagnosis.svg")
    for name in lacking:
        Path("RUN", name).unlink(missing_ok=True)
    hints = hints_of_the_page(lacking)
    assert all(hints.values())
    for name in (*lacking[-1:], *lacking[:-1]):  # a conversion makes all others out of date
        for command in re.findall(r"spiking_bimt (\w+ RUN(?: --diagnose)?)", hints[name]):
            args = shlex.split(command)
            assert call(*args, *QUICK.get(args[0], []))[0] == 0
    assert not any(hints_of_the_page(lacking).values())


def hints_of_the_page(names: tuple[str, ...]) -> dict[str, str]:
    assert call("report", "RUN")[0] == 0
    text = re.sub("<[^>]*>", "", Path("RUN/report.html").read_text("utf-8"))
    lines = text.splitlines()
    return {
        name: next((line for line in lines if f"The run has no {name}" in line), "")
        for name in names
    }


def test_a_network_made_elsewhere_is_not_sent_to_training(here: Path) -> None:
    hint = hints_of_the_page(("metrics.jsonl",))["metrics.jsonl"]
    assert "train leaves it as it goes on" in hint


def test_every_message_that_names_a_command_is_followed_above() -> None:
    said = [case.said for case in CASES]
    missing = [
        template for template in templates() if not any(re.search(template, text) for text in said)
    ]
    assert missing == []


def templates() -> Iterator[str]:
    """Each text of the package that names a command, as the command line shows it, as a pattern."""
    hints_of_the_page = ("report.py",)
    for path in [*(ROOT / "spiking_bimt").rglob("*.py"), *(ROOT / "export").glob("*.py")]:
        if "cli" in path.parts or "formats" in path.parts or path.name in hints_of_the_page:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.JoinedStr):
                continue
            parts = [part.value if isinstance(part, ast.Constant) else "\0" for part in node.values]
            text = "".join(map(str, parts))
            for command in re.findall(r"`spiking_bimt [^`]*`(?: with `[^`]*`)?", text):
                shown = main.with_options(command, command.split()[1])
                yield re.escape(shown).replace("\0", ".*")
