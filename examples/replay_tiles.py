"""Check a crossbar tile file and play its self-test back, from docs/reference/tile-format.md alone.

    python replay_tiles.py TILES.H5

Needs h5py and NumPy. Every checksum is computed anew, the weights are read from the crossbars, and
the network is simulated in the arithmetic that the specification states: its spikes and outputs
must equal the golden ones to the last bit. Exit code 1 where anything differs.
"""

import hashlib
import itertools
import sys
from typing import Any

import h5py
import numpy as np

F = np.float32
Array = np.ndarray[Any, np.dtype[Any]]
SUMMED = ("row_source", "col_target", "step", "code", "delay")


def bounds(group: h5py.Group, name: str, t: int) -> slice:
    """The slice of part t."""
    return slice(*(int(value) for value in group[name][t : t + 2]))


def column_scales(tiles: h5py.Group, name: str, t: int, targets: Array) -> Array:
    """One float32 scale a column of tile t."""
    axis: str = tiles.attrs[f"{name}_axis"].decode()
    scale: Array = tiles[name][()].astype(F)
    scale = np.asarray(scale * F(2.0 ** int(tiles.attrs["exponent"])))
    if axis == "neuron":
        return np.asarray(scale[targets])
    if axis == "column":
        return np.asarray(scale[bounds(tiles, "col_indptr", t)])
    return np.full(len(targets), scale[()] if axis == "network" else scale[t], F)


def read_tile(file: h5py.File, t: int) -> tuple[Array, Array, Array, Array | None, bytes]:
    """Source, target, weight and delay of every synapse of tile t, and the tile's checksum."""
    tiles, columns = file["tiles"], int(file["hardware"].attrs["columns"])
    sources = tiles["row_source"][bounds(tiles, "row_indptr", t)].astype("<i4")
    targets = tiles["col_target"][bounds(tiles, "col_indptr", t)].astype("<i4")
    cells = bounds(tiles, "indptr", t)
    position = (np.cumsum(tiles["step"][cells].astype(np.int64)) - 1).astype("<i4")
    code = (tiles["code"][cells].astype(np.int64) - int(tiles.attrs["zero_point"])).astype("<i2")
    scales = [column_scales(tiles, name, t, targets) for name in ("scale", "input_scale")]
    hashed = [np.array(tiles["core"][t], "<i4"), sources, targets]
    hashed += [scale.astype("<f4") for scale in scales] + [position, code]
    delay = None
    if "delay" in tiles:
        delay = tiles["delay"][cells].astype("<i4")
        hashed.append(delay)
    row, column = np.divmod(position, columns)
    source, target = sources[row], targets[column]
    from_neuron = source < int(file["network"].attrs["neurons"])
    weight = code.astype(F) * np.where(from_neuron, scales[0][column], scales[1][column])
    total = hashlib.sha256(b"".join(part.tobytes() for part in hashed)).digest()
    return source, target, weight, delay, total


def digest(file: h5py.File) -> str:
    """The checksum of all that the tiles' own do not cover."""
    found: dict[bytes, Any] = {b"/": file}
    total = hashlib.sha256()
    file.visititems(lambda path, item: found.update({path.encode(): item}))

    def add(part: bytes) -> None:
        total.update(len(part).to_bytes(8, "little") + part)

    def add_value(value: Any) -> None:
        value = np.asarray(value)
        value = value.astype(value.dtype.newbyteorder("<"))
        for part in (value.dtype.str.encode(), str(value.shape).encode(), value.tobytes()):
            add(part)

    for path in sorted(found):
        item = found[path]
        add(path)
        add(b"dataset" if isinstance(item, h5py.Dataset) else b"group")
        for name in sorted(item.attrs, key=str.encode):
            if (path, name) != (b"/", "digest"):
                add(name.encode())
                add_value(item.attrs[name])
        if isinstance(item, h5py.Dataset) and path not in [f"tiles/{n}".encode() for n in SUMMED]:
            add_value(item[()])
    return total.hexdigest()


def mean_decay(x: Array) -> Array:
    """(1 - exp(-x)) / x, 1 at 0."""
    safe = np.where(x > 0, x, 1.0)
    found: Array = np.where(x > 0, -np.expm1(-safe) / safe, 1.0)
    return found


class Neurons:
    """The neurons' propagators: computed in float64, then rounded to float32."""

    def __init__(self, file: h5py.File) -> None:
        """Read the parameters and compute what the arithmetic of a step takes."""
        attributes, group = file["network"].attrs, file["neurons"]
        p = {name: group[name][()].astype(F).astype(float) for name in group if name != "poisson"}
        h = float(attributes["dt"])
        a, filtered = h / p["tau_mem"], p["tau_syn"] > 0
        b = h / np.where(filtered, p["tau_syn"], 1.0)
        subtract = np.full(len(a), attributes["reset"] == b"subtract")
        self.poisson = np.zeros(len(a), bool)
        if "poisson" in group:
            self.poisson = group["poisson"][()].astype(bool)
        self.decay_mem = np.exp(-a).astype(F)
        self.decay_syn = np.where(filtered, np.exp(-b), 0.0).astype(F)
        self.gain_in = (h * mean_decay(a)).astype(F)
        delivered = b * np.exp(-np.minimum(a, b)) * mean_decay(np.abs(a - b))
        self.gain_syn = np.where(filtered, delivered, np.exp(-a)).astype(F)
        constant = h * mean_decay(a) * p["bias"] - np.expm1(-a) * p["v_leak"]
        self.constant = constant.astype(F)
        self.v_min, self.v_th = p["v_min"].astype(F), p["v_th"].astype(F)
        self.keeps = subtract.astype(F)
        self.shift = (p["v_reset"] - np.where(subtract, p["v_th"], 0.0)).astype(F)
        self.hold = np.rint(p["t_ref"] / h).astype(np.int64)


class Network:
    """A tile file's synapses, neurons and readout, and one trial of them after another."""

    def __init__(self, file: h5py.File) -> None:
        """Read everything; refuse a tile whose checksum is not the file's."""
        attributes, parts = file["network"].attrs, list[list[Any]]()
        for t in range(len(file["tiles/core"])):
            *part, total = read_tile(file, t)
            if total != file["tiles/sha256"][t].tobytes():
                raise SystemExit(f"the checksum of tile {t} is another")
            parts.append(part)
        self.n, self.inputs = int(attributes["neurons"]), int(attributes["inputs"])
        self.neurons, self.delay = Neurons(file), int(attributes.get("delay", 1))
        own = "delay" in file["tiles"]
        columns = [np.concatenate([part[k] for part in parts]) if parts else np.zeros(0, int)
                   for k in range(4 if own else 3)]  # fmt: skip
        self.source, self.target, self.weight = columns[:3]
        self.own: Array | None = columns[3] if own else None
        order = np.argsort(self.source, kind="stable")
        starts = np.searchsorted(self.source[order], np.arange(self.n + self.inputs + 1))
        self.of = [order[low:high] for low, high in itertools.pairwise(starts)]
        readout = file["readout"]
        self.bias = readout["bias"][()].astype(F)
        self.w_out = readout["code"][()].astype(F) * readout["scale"][()].astype(F)[:, None]
        h, task = float(attributes["dt"]), float(attributes["task_dt"])
        self.substeps = round(task / h)
        steps = np.arange(self.substeps + 1)
        self.fade = np.exp(-steps * (h / float(attributes["tau_out"]))).astype(F)

    def drive(self, levels: Array) -> Array:
        """Change of v in a step by constant terms and input channels held at their levels."""
        total = np.zeros(self.n, F)
        for channel in np.flatnonzero(levels):
            synapses = self.of[self.n + channel]
            total[self.target[synapses]] += F(levels[channel]) * self.weight[synapses]
        return np.asarray(self.neurons.gain_in * total + self.neurons.constant)

    def trial(
        self, inputs: Array, v: Array, told: dict[int, Array]
    ) -> tuple[list[Array], list[Array]]:
        """Steps and neurons of the spikes, and the outputs; told: golden spikes of each step, from
        which those of sources that fire at random are taken."""
        p, free_at = self.neurons, np.zeros(self.n, np.int64)
        q: Array = np.zeros(self.n, F)
        trace, due = np.zeros(self.n, F), dict[int, Array]()
        spikes, outputs = list[Array](), list[Array]()
        for row, levels in enumerate(inputs):
            drive = self.drive(levels)
            for step in range(row * self.substeps, (row + 1) * self.substeps):
                moved = np.maximum(p.decay_mem * v + p.gain_syn * q + drive, p.v_min)
                v = np.where(free_at <= step, moved, v)
                q = q * p.decay_syn
                fired = (v > p.v_th) & (free_at <= step) & ~p.poisson
                fired[[j for j in told.get(step, ()) if p.poisson[j]]] = True
                v[fired] = p.keeps[fired] * v[fired] + p.shift[fired]
                free_at[fired] = step + 1 + p.hold[fired]
                spikes.append(np.flatnonzero(fired))
                self.send(spikes[-1], step, due)
                if self.own is not None:
                    q = q + due.pop(step, F(0))
                elif step >= self.delay:
                    for source in spikes[step - self.delay]:
                        q[self.target[self.of[source]]] += self.weight[self.of[source]]
            trace = self.filtered(trace, spikes[-self.substeps :])
            terms = np.concatenate([self.bias[:, None], trace * self.w_out], axis=1)
            outputs.append(np.add.accumulate(terms, axis=1)[:, -1])  # one after the other
        return spikes, outputs

    def send(self, sources: Array, step: int, due: dict[int, Array]) -> None:
        """Where synapses have delays of their own, sum what arrives at each later step."""
        if self.own is None:
            return
        for source in sources:
            for k in self.of[source]:
                charge = due.setdefault(step + int(self.own[k]), np.zeros(self.n, F))
                charge[self.target[k]] += self.weight[k]

    def filtered(self, trace: Array, spikes: list[Array]) -> Array:
        """The readout's filter a task step later."""
        trace = trace * self.fade[self.substeps]
        for ago, fired in zip(range(self.substeps - 1, -1, -1), spikes, strict=True):
            trace[fired] += self.fade[ago]
        return trace


def replay(file: h5py.File) -> tuple[list[str], int, int]:
    """What differs from the golden trials, in words."""
    network, test = Network(file), {name: data[()] for name, data in file["selftest"].items()}
    wrong = []
    for k, v in enumerate(test["v_start"].astype(F)):
        rows = slice(*test["offsets"][k : k + 2])
        cells = slice(*test["spike_offsets"][k : k + 2])
        steps, neurons = test["steps"][cells], test["neurons"][cells]
        told = {step: neurons[steps == step] for step in np.unique(steps)}
        spikes, outputs = network.trial(test["inputs"][rows].astype(F), v, told)
        found = [(step, j) for step, fired in enumerate(spikes) for j in fired]
        golden = list(zip(steps, neurons, strict=True))
        if found != golden:
            other = sorted(set(found) ^ set(golden))
            wrong.append(f"trial {k}: {len(other)} spikes differ, the first at {other[0]}")
        elif not np.array_equal(outputs, test["outputs"][rows]):
            wrong.append(f"trial {k}: outputs differ")
    return wrong, len(test["v_start"]), len(test["steps"])


if __name__ == "__main__":
    with h5py.File(sys.argv[1]) as file:
        if digest(file) != file.attrs["digest"].decode():
            sys.exit("the file's checksum is another")
        wrong, trials, spikes = replay(file)
    for line in wrong:
        print(line)
    print(f"{trials} trials, {spikes} golden spikes, {len(wrong)} trials differ")
    sys.exit(1 if wrong else 0)
