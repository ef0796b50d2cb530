"""The trainings of the study of chips."""

from dataclasses import dataclass
from typing import Any

from spiking_bimt.errors import InputError
from spiking_bimt.studies.study_data import DATA

CHIPS = ("loihi16", "loihi64")

TASKS: dict[str, tuple[str, ...] | None] = {
    "yang19": None,
    "modcog": (
        "goseqr", "goseql", "antiseqr", "antiseql", "rtgoseqr", "dlygointr", "dlygointl",
        "dlyantiintr", "dlyantiintl", "dm1seqr", "dm2seql", "ctxdm1seqr", "ctxdm2seql",
        "multidmseqr", "dlydm1intr", "ctxdlydm1intl", "ctxdlydm2intr", "dmsintr", "dmsseqr",
        "dnmsseql",
    ),
}  # fmt: skip
"""Batteries of the study; of Mod-Cog 20 tasks, all with an integration or a sequence."""

BASES: dict[str, tuple[tuple[str, float], ...]] = {
    "yang19": (
        ("l1", 2.0),
        ("bimt", 1.0),
        ("l1", 4.0),
        ("bimt", 2.0),
        ("bimt", 0.8),
        ("none", 1.0),
    ),
    "modcog": (("l1", 1.0), ("bimt", 0.5), ("l1", 2.0)),
    "data": (("l1", 1.0), ("bimt", 1.0), ("l1", 3.0), ("bimt", 3.0), ("none", 1.0)),
}
"""Networks that were not trained against a chip, by regulariser and strength; training against
the chip goes on from the first."""

NO_PRICE = 1e-6
"""Factor on the prices that makes them nothing: the control, which is pruned and polished alike."""

PRICES: dict[str, dict[str, tuple[tuple[bool, float], ...]]] = {
    "yang19": {
        "loihi16": ((False, NO_PRICE), (False, 1.0), (False, 4.0), (False, 12.0), (True, 4.0),
                    (True, 16.0), (True, 64.0)),
        "loihi64": ((False, NO_PRICE), (False, 1.0), (False, 4.0), (True, 16.0)),
    },
    "modcog": {
        "loihi16": ((False, NO_PRICE), (False, 0.1), (False, 0.3), (False, 1.0), (True, 1.0),
                    (True, 4.0)),
        "loihi64": ((False, 0.3), (False, 1.0)),
    },
    "data": {
        "loihi16": ((False, NO_PRICE), (True, 1.0), (True, 4.0), (False, 1.0)),
        "loihi64": ((False, NO_PRICE), (True, 1.0)),
    },
}  # fmt: skip
"""Trainings against each chip: whether groups are priced or single weights, and the price."""

SEARCHES: dict[str, tuple[tuple[str, float, float, bool], ...]] = {
    "yang19": (("l1", 4.0, 0.03, False), ("l1", 4.0, 0.03, True), ("bimt", 2.0, 0.03, True)),
    "modcog": (("l1", 1.0, 0.024, False),),
    "data": (),
}
"""Trainings against the first chip with a rising price: the base's regulariser and strength, the
error on validation trials within which packets are saved, and whether spikes are saved after."""


@dataclass(frozen=True)
class Job:
    """One training of the study."""

    battery: str
    reg: str
    l1_scale: float
    seed: int
    chip: str = ""
    groups: bool = False
    price: float = 0.0
    max_error: float = 0.0
    """Where given, the price rises as far as this error on validation trials allows."""
    frugal: bool = False
    """Whether the rising price is that of the preset "frugal", which prices spikes after it."""

    @property
    def kind(self) -> str:
        """What its curve is called."""
        if not self.chip:
            return self.reg
        if self.max_error:
            return "chip, frugal" if self.frugal else "chip, rising"
        if self.price == NO_PRICE:
            return "l1, pruned"
        return "chip, groups" if self.groups else "chip, weights"

    @property
    def name(self) -> str:
        """Name of its run folder; a network of the "Growing Brains" study has the same there."""
        base = f"{self.reg}-{self.l1_scale:g}-seed{self.seed}"
        base = base if self.battery == "yang19" else f"{self.battery}-{base}"
        how = f"{'groups' if self.groups else 'weights'}-{self.price:g}"
        if self.max_error:
            how = f"within-{self.max_error:g}{'-frugal' if self.frugal else ''}"
        return f"{base}-{self.chip}-{how}" if self.chip else base

    @property
    def base(self) -> "Job | None":
        """The training that it goes on from, where it is against a chip."""
        return Job(self.battery, self.reg, self.l1_scale, self.seed) if self.chip else None

    def settings(self) -> dict[str, Any]:
        """Its fields of `TrainConfig`, but for what it takes from its base."""
        if self.max_error:
            return {"seed": self.seed, "chip": self.chip, "max_error": self.max_error}
        if self.chip:
            # As `reg` is L1, which swaps nothing, units stay on their first cores.
            own = {"chip": self.chip, "packet_groups": self.groups, "packet_scale": self.price}
            return {"seed": self.seed, "reg": self.reg, **own}
        own = {"seed": self.seed, "reg": self.reg, "l1_scale": self.l1_scale}
        if self.battery == DATA:
            return own
        return {**own, "battery": self.battery, "tasks": TASKS[self.battery]}


def list_jobs(batteries: tuple[str, ...], seeds: int, quick: bool) -> tuple[list[Job], list[Job]]:
    """Trainings without a chip, then those that go on from them, the most telling first."""
    if unknown := set(batteries) - {*TASKS, DATA}:
        raise InputError(f"battery {min(unknown)} is not of this study: {', '.join(TASKS)}")
    bases, priced = [], []
    for seed in range(seeds):
        for battery in batteries:
            kinds = BASES[battery][: 1 if quick else None]
            bases += [Job(battery, reg, scale, seed) for reg, scale in kinds]
            for reg, scale, error, frugal in SEARCHES[battery][: 1 if quick else None]:
                priced.append(Job(battery, reg, scale, seed, CHIPS[0], True, 1.0, error, frugal))
            for chip in CHIPS[: 1 if quick else None]:
                for groups, price in PRICES[battery][chip][: 2 if quick else None]:
                    reg, scale = kinds[0]
                    priced.append(Job(battery, reg, scale, seed, chip, groups, price))
    # A quick study has not every base, but those that it goes on from.
    return list(dict.fromkeys(bases + [job.base for job in priced if job.base])), priced
