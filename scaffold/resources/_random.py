"""The resource `rng`, where a test wants the same chance every time."""

import random

__all__ = ["SeededRandom"]


class SeededRandom(random.Random):
    """Chance that is the same for the same seed."""
