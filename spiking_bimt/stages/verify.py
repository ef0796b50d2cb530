"""`verify`: does an exported file alone, or a chip, give the network's spikes?"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from spiking_bimt import run_folder
from spiking_bimt.battery import sources
from spiking_bimt.data import atomic, store
from spiking_bimt.data.arguments import checked
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import CheckError, InputError
from spiking_bimt.formats import registry
from spiking_bimt.formats.compare import require_spikes
from spiking_bimt.formats.format import Check, Format
from spiking_bimt.formats.recorded import compare_recorded
from spiking_bimt.formats.tiles import read_integers, read_selftest, read_tiles
from spiking_bimt.stages.simulate import with_weights


@checked
def verify(
    file: str | Path,
    *,
    against: str | Path | None = None,
    recorded: str | Path | None = None,
    trials: int | None = None,
    threads: int | None = None,
) -> dict[str, Any]:
    """Rebuild the network from an exported file alone and compare its spikes with network.h5's.

    file: the file or folder of one format, or a run folder for all that it holds; "checks" of the
    result has a row of each. against: the network to compare with, network.h5 beside the file by
    default. trials: test trials per task, 5 by default. recorded: in place of that, compare the
    spikes of this file (CSV or npz of step and neuron, or SONATA), which silicon or a simulator of
    hardware recorded, with the golden ones of the tiles: those of the chip's integers where the
    tiles hold them. Raises CheckError, saying where they part, unless every spike is equal, and
    InputError for a file that is none of these.
    """
    path = Path(file)
    if recorded is not None:
        if (against, trials, threads) != (None, None, None):
            raise InputError("against, trials and threads do not go with recorded: leave them out")
        return _recorded(path / "tiles.h5" if path.is_dir() else path, Path(recorded))
    trials = 5 if trials is None else trials
    if trials < 1:
        raise InputError(f"{trials} trials per task: ask for at least 1")
    if against is not None and not Path(against).is_file():
        raise InputError(f"{against} is not a file: name the network.h5 to compare with")
    name = registry.of_written(path)
    folder = path if name is None else path.parent
    reference = folder / "network.h5" if against is None else Path(against)
    if name is None:
        return _of_run(path, reference, trials, threads)
    try:
        found = _check(name, path, reference, trials, threads)
    except CheckError as error:
        raise CheckError(f"{path}: {error}") from error
    rows = [{"format": name, "file": str(path), "passed": True, "found": found["found"]}]
    return {"file": str(path), "checks": rows, "equal": True, **found}


def _recorded(tiles: Path, recorded: Path) -> dict[str, Any]:
    """Recorded spikes against the golden ones of a tile file, of its chip's integers if it can."""
    if not tiles.exists():
        raise InputError(f"{tiles} does not exist: recorded spikes are compared with tiles")
    sources.use(tiles.parent)
    network, golden = read_tiles(tiles).network, read_selftest(tiles)
    if golden is None:
        raise InputError(f"{tiles} holds no golden trials: export it with `selftest`")
    held = read_integers(tiles)
    if held is not None and held[1] is not None:
        test = held[1]
        golden = replace(golden, spike_offsets=test.spike_offsets, steps=test.spike_steps,
                         neurons=test.spike_neurons)  # fmt: skip
    require_spikes(len(golden.steps), network)
    found = compare_recorded(recorded, golden, network.dt, network.task_dt)
    rows = [{"format": "recorded", "file": str(recorded), "passed": True, "found": found["found"]}]
    return {"file": str(tiles), "checks": rows, "equal": True, **found}


def _of_run(run: Path, reference: Path, trials: int, threads: int | None) -> dict[str, Any]:
    """A row for each format that the folder holds; CheckError, which bears them, if one fails."""
    if not run.exists():
        raise InputError(f"{run} does not exist")
    paths = {name: run / registry.load(name).path for name in registry.written()}
    paths = {name: path for name, path in paths.items() if path.exists()}
    if not paths:
        known = ", ".join(registry.written())
        if (run / "network.h5").is_file():
            raise InputError(f"{run} holds no exported file: {run_folder.makes(run, 'tiles.h5')}")
        raise InputError(f"{run} holds no exported network; known formats: {known}")
    rows = []
    for name, path in paths.items():
        try:
            said, passed = _check(name, path, reference, trials, threads)["found"], True
        except (CheckError, InputError) as error:
            said, passed = str(error), False
        rows.append({"format": name, "file": str(path), "passed": passed, "found": said})
    result = {"file": str(run), "checks": rows, "equal": all(row["passed"] for row in rows)}
    failed = [row for row in rows if not row["passed"]]
    if failed:
        raise CheckError(
            f"{len(failed)} of {len(rows)} checks failed; {failed[0]['format']}: "
            f"{failed[0]['found']}", result,
        )  # fmt: skip
    return result


def _check(
    name: str, path: Path, reference: Path, trials: int, threads: int | None
) -> dict[str, Any]:
    """What one format's own check compared."""
    form = registry.load(name)
    assert form.verify is not None
    if not path.exists():
        raise InputError(f"{path} does not exist")
    if not reference.is_file():
        raise InputError(f"{reference} does not exist: name the network to compare as `against`")
    if reference == path.parent / "network.h5":
        run_folder.require(path.parent, "network.h5")
    sources.use(path.parent)
    sources.use(reference.parent)
    network = with_weights(store.load(reference, SpikingNetwork), "auto")
    if not form.keeps_poisson:
        network = replace(network, poisson=None)
    try:
        if path.is_dir():
            atomic.check_manifest(path)
        return form.verify(Check(path, path.parent, reference, network, trials, threads))
    except (CheckError, InputError) as error:
        of_file = isinstance(error, CheckError) or str(path) in str(error)
        if reference != path.parent / "network.h5" or not of_file:
            raise
        kind = CheckError if isinstance(error, CheckError) else InputError
        raise kind(f"{error}; {_anew(name, form, path.parent, network)}") from error


def _anew(name: str, form: Format, run: Path, network: SpikingNetwork) -> str:
    """The commands that write a format of the run's network anew, in words."""
    lacking = [file for file in form.needs(network) if not run_folder.is_current(run, file)]
    options = f"`formats={name}`" + " and `lossy=True`" * bool(form.losses(network))
    commands = [
        *run_folder.commands_of(run, lacking), f"`spiking_bimt export {run}` with {options}"
    ]  # fmt: skip
    return f"{', then '.join(commands)} write{'s' * (len(commands) == 1)} it anew"
