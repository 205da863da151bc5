"""What a plugin under test is lent in place of real resources, here and in processes of its own."""

from collections.abc import Mapping
from typing import Final

from scaffold.contract._json.types import Json

__all__ = ["FIXED_DOUBLES", "REAL_TIME_DOUBLES"]

REAL_TIME_DOUBLES: Final[Mapping[str, Json]] = {"http_client": {}, "blob_store": {}}
"""Time and chance are real; no network is reached, and nothing is kept."""

FIXED_DOUBLES: Final[Mapping[str, Json]] = {
    **REAL_TIME_DOUBLES,
    "clock": 1_769_860_800.0,  # 2026-01-31 12:00:00 UTC
    "rng": 20_260_131,
}
"""Frozen time and seeded chance: what differs between two runs is the plugin's own doing."""
