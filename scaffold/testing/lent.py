"""What a plugin under test is lent in place of a host's real resources."""

import random
from collections.abc import Mapping
from typing import Final

from typing_extensions import override

from scaffold.host.resources import STANDARD, Clock, Lend

__all__ = ["FROZEN", "FrozenClock", "SeededRandom"]

_NOON: Final = 1_769_860_800.0
"""2026-01-31 12:00:00 UTC."""
_SEED: Final = 20_260_131


class SeededRandom(random.Random):
    """Chance that is the same every time."""


class FrozenClock(Clock):
    """A clock that stands still."""

    @override
    def now(self) -> float:
        return _NOON

    @override
    def monotonic(self) -> float:
        return 0.0


FROZEN: Final[Mapping[str, Lend]] = {
    **STANDARD,
    "clock": lambda _stack: FrozenClock(),
    "rng": lambda _stack: SeededRandom(_SEED),
}
"""Frozen time and seeded chance: what differs between two runs is the plugin's own doing."""
