"""What is sent: one shape, three sizes."""

from typing import Any, Final

__all__ = ["SIZES", "payload"]

SIZES: Final = {"small": 0, "10 KB": 135, "1 MB": 13_600}
"""The name of each size, and how many items it has; 'small' is 87 bytes as JSON."""


def payload(items: int, number: int = 1) -> dict[str, Any]:
    """Make a payload of the `echo` hook."""
    return {
        "number": number,
        "text": "What a plugin is asked most often is short and flat.",
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
