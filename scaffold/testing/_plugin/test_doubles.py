"""Test doubles for the resources of a plugin under test, in every runtime."""

from collections.abc import Mapping
from typing import Final

from scaffold.contract._json.types import Json

REAL_TIME_DOUBLES: Final[Mapping[str, Json]] = {"http_client": {}, "blob_store": {}}
"""Without network and persistent storage; time and random numbers are real."""

FIXED_DOUBLES: Final[Mapping[str, Json]] = {
    **REAL_TIME_DOUBLES,
    "clock": 1_769_860_800.0,  # 2026-01-31 12:00:00 UTC
    "rng": 20_260_131,
}
"""Also with frozen time and seeded random numbers, so that only the plugin makes a difference."""
