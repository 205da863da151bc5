"""What is sent: one shape, three sizes."""

from typing import Any, Final

__all__ = ["SIZES", "payload"]

SIZES: Final = {"small": 1, "10 KB": 135, "1 MB": 13_600}
"""The name of each size, and how many items it has; 'small' is 90 bytes as JSON."""


def payload(items: int, number: int = 1) -> dict[str, Any]:
    """Make a payload of the `echo` hook."""
    return {
        "number": number,
        "items": [
            {
                "id": index,
                "name": f"item {index}",
                "price": index + 0.5,
                "active": index % 2 == 0,
                "tags": ["a", "b"],
            }
            for index in range(items)
        ],
    }
