"""Ways in which a file is damaged: by a bit, a cut, lost and misplaced blocks."""

from collections.abc import Callable

import numpy as np

Damage = Callable[[bytes, np.random.Generator], bytes]


def flip(image: bytes, rng: np.random.Generator) -> bytes:
    """One bit turned over."""
    out = bytearray(image)
    out[rng.integers(len(out))] ^= 1 << int(rng.integers(8))
    return bytes(out)


def truncate(image: bytes, rng: np.random.Generator) -> bytes:
    """The end lost."""
    return image[: int(rng.integers(len(image)))]


def zero(image: bytes, rng: np.random.Generator) -> bytes:
    """A block of zeros, 1 to 512 bytes long."""
    start, length = int(rng.integers(len(image))), int(rng.integers(1, 513))
    return image[:start] + bytes(min(length, len(image) - start)) + image[start + length :]


def swap(image: bytes, rng: np.random.Generator) -> bytes:
    """Two blocks of up to 64 bytes in each other's place."""
    size = min(int(rng.integers(1, 65)), len(image) // 2)
    first = int(rng.integers(len(image) - 2 * size + 1))
    second = int(rng.integers(first + size, len(image) - size + 1))
    a, b = image[first : first + size], image[second : second + size]
    middle = image[first + size : second]
    return image[:first] + b + middle + a + image[second + size :]


KINDS: dict[str, Damage] = {"flip": flip, "truncate": truncate, "zero": zero, "swap": swap}
