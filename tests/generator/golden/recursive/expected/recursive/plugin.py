"""The plugin of `recursive`, of kind `recursive`: yours to write.

Every hook answers with a sample until you put your own work in its place.
"""

from typing_extensions import override

from ._generated.recursive_v1 import RecursivePlugin, WalkInput, WalkOutput


class ExamplePlugin(RecursivePlugin):
    """A plugin of kind `recursive`."""

    @override
    def walk(self, payload: WalkInput) -> WalkOutput:
        return "example"
