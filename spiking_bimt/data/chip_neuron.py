"""What a chip's silicon computes: `[neuron]` and `[synapse]` of its file."""

from dataclasses import dataclass
from typing import Literal

from spiking_bimt.data.arguments import check_fields
from spiking_bimt.data.documented import documented
from spiking_bimt.errors import InputError

Current = Literal["none", "exponential", "shift", "analog"]
Leak = Literal["none", "additive", "towards-zero", "multiplicative", "shift", "analog"]
Phase = Literal["arrive", "integrate", "fire", "decay"]

DECAY_LAST: tuple[Phase, ...] = ("arrive", "integrate", "fire", "decay")
DECAY_FIRST: tuple[Phase, ...] = ("arrive", "decay", "integrate", "fire")
MOST_FACTOR_BITS = 16
"""Widest factor of a decay, and that of a chip which states no width."""
MOST_STATE_BITS = 32
"""Widest membrane or current: the integer stepper holds 32 bits."""


@documented
@dataclass(frozen=True, kw_only=True)
class ChipNeuron:
    """What a chip's neuron does in a time step; the section `[neuron]` of a chip file.

    A width or a count that is None is not limited, or not known.
    """

    current: Current
    """Synaptic current: "none" (arrivals go to the membrane), "exponential" (a factor a step),
    "shift" (i - (i >> k), by one at least) or "analog"."""
    leak: Leak
    """Of the membrane: "none", "additive" (a signed constant a step), "towards-zero" (a constant
    towards 0), "multiplicative" (a factor), "shift" (v - (v >> k), by one at least) or "analog"."""
    reset: tuple[Literal["value", "subtract"], ...]
    """What a spike does to the membrane: sets it to a value, or subtracts the threshold."""
    currents: int = 1
    """Currents of a neuron with a time constant each: with two, negative weights have their own."""
    current_decay_bits: int | None = None
    """Bits of the factor that the current decays by; of the shift k where the decay is a shift."""
    leak_bits: int | None = None
    """Bits of the leak's factor, constant or shift."""
    no_leak: bool = True
    """Whether a neuron may be without leak."""
    reset_value: Literal["zero", "any"] = "zero"
    """Values that a reset may set."""
    floor: Literal["none", "zero", "power-of-two", "reset", "any"] = "none"
    """Least value of the membrane: "zero" always 0; "power-of-two" 0 or 1 - 2^k; "reset" a negative
    threshold with a reset of its own; "any" value at which it saturates."""
    threshold: Literal["strict", "reached"] = "strict"
    """A spike where v > threshold ("strict") or v >= threshold ("reached")."""
    compared: Literal["step", "event"] = "step"
    """When it is tested, and a floor held: once per step, or after each event, in order."""
    threshold_bits: int | None = None
    """Of a threshold, without a sign."""
    threshold_exponent: int = 0
    """Last bits of a threshold that are 0."""
    thresholds_per_core: int | None = None
    """Distinct thresholds of a core's neurons."""
    profiles_per_core: int | None = None
    """Distinct settings of current decay, leak and refractory time of a core's neurons."""
    spikes_per_step: int = 1
    """Most spikes of a neuron in a step."""
    refractory: tuple[int, int] = (0, 0)
    """Least and most steps of the refractory time."""
    delay: tuple[int, int] = (1, 1)
    """Least and most steps from a spike to the first membrane that it changes."""
    delay_of: Literal["synapse", "source"] = "synapse"
    """Whether each synapse has a delay of its own, or each neuron one for all that it sends."""
    state_bits: int | None = None
    """Of membrane and current, their sign among them."""
    state_signed: bool = True
    """Whether the membrane may be negative."""
    bias_bits: int | None = 0
    """Of the constant input of each neuron, its sign among them; 0 where there is none."""
    bias_exponent: int = 0
    """Most places that a constant input is shifted left by, its last bits 0 then."""
    input: Literal["spikes", "held"] = "spikes"
    """What an input channel brings: spikes, or a level that is held over a step."""
    input_channels: int | None = None
    """Most channels that bring spikes from outside."""
    order: tuple[Phase, ...] = DECAY_LAST
    """The phases of a step: whether the membrane sees the current before or after its decay."""

    def __post_init__(self) -> None:
        check_fields(self)
        for name in ("reset", "refractory", "delay", "order"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not self.reset or len(set(self.reset)) < len(self.reset):
            raise InputError(f"neuron.reset is {list(self.reset)}: name value, subtract or both")
        for name, least in (("refractory", 0), ("delay", 1)):
            first, last = getattr(self, name)
            if not least <= first <= last:
                raise InputError(
                    f"neuron.{name} is [{first}, {last}]: the least steps, {least} or more, and "
                    "the most"
                )
        for name, least, most in (
            ("currents", 1, 16), ("current_decay_bits", 1, 16), ("leak_bits", 1, 16),
            ("threshold_bits", 1, 32), ("input_channels", 1, 2**31),
            ("threshold_exponent", 0, 16), ("bias_exponent", 0, 16),
            ("thresholds_per_core", 1, 2**31), ("profiles_per_core", 1, 2**31),
            ("spikes_per_step", 1, 255), ("state_bits", 2, MOST_STATE_BITS), ("bias_bits", 0, 32),
        ):  # fmt: skip
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise InputError(f"neuron.{name} is {value}: it can be {least} to {most}")
        if self.order not in (DECAY_LAST, DECAY_FIRST):
            known = " or ".join(", ".join(order) for order in (DECAY_LAST, DECAY_FIRST))
            raise InputError(f"neuron.order is {', '.join(self.order)}: it can be {known}")

    @property
    def decay_bits(self) -> tuple[int, int]:
        """Bits of the factors of current and leak, as they are simulated."""
        widest = MOST_FACTOR_BITS
        return self.current_decay_bits or widest, self.leak_bits or widest

    @property
    def is_analog(self) -> bool:
        """Whether integers cannot say what it computes."""
        return "analog" in (self.current, self.leak)


@documented
@dataclass(frozen=True, kw_only=True)
class ChipSynapse:
    """What a chip's synapse holds; the section `[synapse]` of a chip file.

    A count that is None is not limited.
    """

    sign: Literal["synapse", "source", "type"] = "synapse"
    """Whose a weight's sign is: the synapse's own, its source neuron's for all that it sends, or
    that of the synapse's type, of which a neuron has an excitatory and an inhibitory one."""
    magnitude_bits: int | None = None
    """Of a weight without its sign."""
    levels_per_neuron: int | None = None
    """Distinct weights onto one neuron (chosen by the type of the axon)."""
    levels_per_core: int | None = None
    """Distinct weights, without their signs, onto all neurons of a core."""
    scales_per_core: int | None = None
    """Distinct values of a weight's last bit among a core's neurons, powers of two all."""
    most_shift: int = 0
    """Most places that weights are shifted left by, all alike, as they are added to a state."""
    inputs_are_neurons: bool = False
    """Whether an input channel takes the row, and so the place, of one of a core's neurons."""

    def __post_init__(self) -> None:
        check_fields(self)
        for name, most in (
            ("magnitude_bits", 16), ("levels_per_neuron", 2**31), ("levels_per_core", 2**31),
            ("scales_per_core", 2**31),
        ):  # fmt: skip
            value = getattr(self, name)
            if value is not None and not 1 <= value <= most:
                raise InputError(f"synapse.{name} is {value}: it can be 1 to {most}")
        if not 0 <= self.most_shift <= 16:
            raise InputError(f"synapse.most_shift is {self.most_shift}: it can be 0 to 16")
