"""The resource `rng` for tests: the same random numbers every time."""

import random


class SeededRandom(random.Random):
    """Random numbers that are the same for the same seed."""
