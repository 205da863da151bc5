"""The plugin of `nested_refs`, of kind `nested_refs`: yours to write.

Every hook answers with a sample until you put your own work in its place.
"""

from typing_extensions import override

from ._generated.nested_refs_v1 import (
    NestedRefsPlugin,
    PlaceOrderInput,
    PlaceOrderOutput,
)


class ExamplePlugin(NestedRefsPlugin):
    """A plugin of kind `nested_refs`."""

    @override
    def place_order(self, payload: PlaceOrderInput) -> PlaceOrderOutput:
        return payload
