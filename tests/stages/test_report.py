"""`report` on runs that the stages made."""

import base64
import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from spiking_bimt.data import store
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.formats.tiles import read_tiles
from spiking_bimt.stages import report as stage
from spiking_bimt.stages.convert import convert
from spiking_bimt.stages.export import export
from spiking_bimt.stages.place import place
from spiking_bimt.stages.report import report
from spiking_bimt.stages.simulate import simulate

LINE = json.dumps(
    {"phase_index": 0, "phase": "grow", "step": 5, "accuracy": 0.5, "active_units": 20}
)
SECTIONS = ["accuracy", "sheet", "spikes", "chip", "numbers", "provenance"]


class Text(HTMLParser):
    """The page's words, titles of its charts apart."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name in ("src", "href") and value is not None:
                self.links.append(value)
            if name == "id" and value is not None:
                self.ids.append(value)

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read(page: str | Path) -> tuple[str, Text]:
    html = Path(page).read_text("utf-8")
    text = Text()
    text.feed(html)
    return " ".join(" ".join(text.words).split()), text


def f32(values: npt.ArrayLike) -> npt.NDArray[np.float32]:
    return np.asarray(values, np.float32)


def rate_network() -> RateNetwork:
    """20 units that follow the input, untrained, for two tasks."""
    rng = np.random.default_rng(0)
    n = 20
    places = rng.permutation(36)[:n]
    return RateNetwork(
        w_rec=f32(rng.normal(size=(n, n)) * (rng.random((n, n)) < 0.3) * 0.2),
        w_in=f32(np.abs(rng.normal(size=(n, 35)))), b=f32(np.zeros(n)),
        w_out=f32(rng.normal(size=(17, n))), b_out=f32(np.zeros(17)),
        positions=np.stack(np.divmod(places, 6), axis=1).astype(np.int32), sheet=(6, 6),
        tau=100.0, dt=20.0, battery="yang19", tasks=("go", "anti"),
        measured={
            "accuracy": 0.5, "accuracy_interval": [0.4, 0.6], "decision_accuracy": 0.5,
            "per_task": {"anti": 0.5, "go": 0.5}, "trials_per_task": 10, "trained_units": 36,
        },
    )  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A run with every file, and what `place` measured of it."""
    run = tmp_path_factory.mktemp("runs") / "run"
    run.mkdir()
    store.save(rate_network(), run / "rate.h5", settings={"command": "train"})
    (run / "metrics.jsonl").write_text(LINE + "\n")
    convert(run, trials=2, diagnose=True)
    placed = place(run, chip="grid16")
    simulate(run, trials=2)
    export(run)
    return run, placed


@pytest.fixture
def run(whole: tuple[Path, dict[str, Any]], tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole[0], tmp_path / "run"))


@pytest.fixture(autouse=True)
def few_shuffles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "SHUFFLES", 200)
    monkeypatch.setattr(stage, "EFFORT", replace(stage.EFFORT, shuffles=100, rewirings=20))


def test_the_page_of_a_whole_run(run: Path, whole: tuple[Path, dict[str, Any]]) -> None:
    result = report(run)
    assert result["report"] == str(run / "report.html")
    assert result["sections"] == SECTIONS
    words, text = read(result["report"])
    assert text.ids == ["theme", *SECTIONS, "tip"]
    assert "makes it" not in words
    for title in ("Accuracy per task", "Training", "Functional clusters", "Wiring",
                  "What each cluster does", "Importance of the units", "Is function local?",
                  "trial of go", "Spike rates", "Spike rates on the sheet", "Cores and traffic",
                  "Traffic over time", "The tiles", "What the conversion lost"):  # fmt: skip
        assert title in words
    assert all(link.startswith(("data:", "#")) for link in text.links)
    diagnosis = base64.b64encode((run / "diagnosis.svg").read_bytes()).decode()
    assert f"data:image/svg+xml;base64,{diagnosis}" in text.links
    html = (run / "report.html").read_text("utf-8")
    assert 2 <= html.count('<div class="view">') == html.count("<option>") <= stage.MOST_RASTERS
    assert html.count("data-spots=") >= 12
    for told in (r"unit 3: cluster \d", r"core \d+: \d+ neuron", r"neuron 3.*: [\d,]+ spike",
                 "go, spiking: 0", "step 5: 20", r"unit 3: [\d.]+"):  # fmt: skip
        assert re.search(rf"\d {told}", html), told
    assert not re.search(r"https?://", html)
    assert not text.tags & {"iframe", "object"}
    assert (run / "report.html").stat().st_size < 3_000_000
    _check_numbers(result["numbers"], words, run, whole[1])
    _check_provenance(words, run)


def _check_numbers(
    numbers: dict[str, float], words: str, run: Path, placed: dict[str, Any]
) -> None:
    json.dumps(numbers)
    network = store.load(run / "network.h5", SpikingNetwork)
    measured = network.measured or {}
    for key, value in measured["accuracy"].items():
        assert numbers[f"accuracy_{key}"] == value
        low, high = measured["interval"][key]
        assert f"{value:.4f} ({low:.4f} to {high:.4f})" in words
    assert numbers["active_units"] == 20
    assert "20 of 36" in words
    assert numbers["synapses"] == np.count_nonzero(np.abs(rate_network().w_rec) > 1e-3)
    assert numbers["spiking_synapses"] == np.count_nonzero(np.asarray(network.codes))
    # `place` reports the traffic of the same trials.
    assert numbers["packets_per_spike"] == pytest.approx(placed["packets_per_spike"])
    assert numbers["packets_per_trial"] == pytest.approx(placed["packets_per_trial"])
    hops = numbers["hops_per_packet"] * numbers["packets_per_trial"]
    assert hops == pytest.approx(placed["hops_per_trial"])
    tiles = read_tiles(run / "tiles.h5").tiles
    dense = np.stack([tiles.dense(t) for t in range(tiles.n_tiles)])
    assert numbers["tiles"] == len(dense)
    assert numbers["utilisation"] == pytest.approx(np.mean(dense != 0))
    assert numbers["utilisation"] == pytest.approx(numbers["tile_synapses"] / dense.size)
    for number in ("cores_used", "mean_rate_hz", "isolated", "isolated_labels_shuffled"):
        assert number in numbers


def _check_provenance(words: str, run: Path) -> None:
    for name in ("rate.h5", "network.h5", "placement.h5", "tiles.h5", "spikes.h5", "metrics.jsonl"):
        assert f"{name} SHA-256 {store.sha256(run / name)}" in words
    assert "spiking_bimt convert" in words
    assert store.version() in words


def test_what_lacks_is_named_with_its_command_whatever_the_run_is_called(run: Path) -> None:
    run = run.rename(run.parent / "<img src=x onerror=alert(1)>&amp;")
    made_by = {"metrics.jsonl": "train", "placement.h5": "place", "tiles.h5": "export",
               "spikes.h5": "simulate"}  # fmt: skip
    for name in made_by:
        (run / name).unlink()
    (run / "diagnosis.svg").unlink()
    result = report(run)
    words, text = read(result["report"])
    assert run.name in words
    hint = f"The run has no diagnosis.svg: spiking_bimt convert {run} --diagnose draws it."
    assert hint in words
    assert "x" not in text.links
    for name, command in made_by.items():
        how = f"spiking_bimt {command} {run} makes {name}"
        if name == "tiles.h5":
            how = f"spiking_bimt place {run}, then spiking_bimt export {run} make {name}"
        if name == "metrics.jsonl":
            how = "train leaves it as it goes on"
        assert f"The run has no {name}: {how}." in words.replace(" ,", ",")
    assert "packets_per_spike" not in result["numbers"]
    assert "tiles" not in result["numbers"]
    assert result["numbers"]["mean_rate_hz"] > 0


def test_files_of_an_earlier_network_are_not_mixed_in(run: Path) -> None:
    convert(run, trials=2, bits=4)
    assert not (run / "diagnosis.svg").exists()
    result = report(run)
    words, _ = read(result["report"])
    for name, command in (("placement.h5", "place"), ("tiles.h5", "export"),
                          ("spikes.h5", "simulate")):  # fmt: skip
        hint = words[words.index(f"{name} was made from earlier files of this run: ") :]
        assert f"spiking_bimt {command} {run} make" in hint[: hint.index(" anew.")]
    assert "cores_used" not in result["numbers"]


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("rate.h5", "which its network.h5 was made from: put it back"),
        ("network.h5", "`spiking_bimt convert "),
    ],
)
def test_without_a_network_there_is_no_report(run: Path, name: str, advice: str) -> None:
    (run / name).unlink()
    with pytest.raises(InputError, match=f"has no {name}.*{advice}"):
        report(run)
    assert not (run / "report.html").exists()


def test_a_network_of_another_training_is_refused(run: Path) -> None:
    store.save(rate_network(), run / "rate.h5", settings={"command": "train", "seed": 1})
    with pytest.raises(InputError, match=r"another rate\.h5: .*`spiking_bimt convert"):
        report(run)


def test_a_network_of_another_size_is_refused(run: Path) -> None:
    rate = rate_network()
    smaller = RateNetwork(
        rate.w_rec[:9, :9], rate.w_in[:9], rate.b[:9], rate.w_out[:, :9], rate.b_out,
        rate.positions[:9], rate.sheet, rate.tau, rate.dt, rate.battery, rate.tasks,
    )  # fmt: skip
    store.save(smaller, run / "rate.h5", settings={})
    network = store.load(run / "network.h5", SpikingNetwork)
    store.save(network, run / "network.h5", settings={})
    with pytest.raises(InputError, match=r"has 20 neurons .* rate\.h5 9 units"):
        report(run)


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"step": 1}', "\udcff", LINE.replace("0.5", '"0.5"')]
)
def test_damaged_metrics_are_refused(run: Path, content: str) -> None:
    (run / "metrics.jsonl").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError, match=r"metrics\.jsonl"):
        report(run)


def test_a_damaged_file_is_refused_and_the_old_page_stays(run: Path) -> None:
    (run / "report.html").write_text("spiking_bimt, old")
    whole = (run / "tiles.h5").read_bytes()
    (run / "tiles.h5").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"tiles\.h5"):
        report(run)
    assert (run / "report.html").read_text() == "spiking_bimt, old"


def test_a_network_that_nobody_measured_is_shown(run: Path) -> None:
    for name, record in (("rate.h5", RateNetwork), ("network.h5", SpikingNetwork)):
        network: Any = store.load(run / name, record)
        fields = {f: getattr(network, f) for f in network.__dataclass_fields__} | {"measured": None}
        store.save(record(**fields), run / name, settings={})
    for name in ("placement.h5", "tiles.h5", "spikes.h5"):
        (run / name).unlink()
    result = report(run)
    words, _ = read(result["report"])
    assert "hold no accuracy: convert measures it" in words
    assert not [key for key in result["numbers"] if key.startswith("accuracy")]
