"""The plugin of `every_type`, of kind `every_type`: yours to write.

Every hook answers with a sample until you put your own work in its place.
"""

from typing_extensions import override

from ._generated.every_type_v1 import EveryTypePlugin, TryAllInput, TryAllOutput


class ExamplePlugin(EveryTypePlugin):
    """A plugin of kind `every_type`."""

    @override
    def try_all(self, payload: TryAllInput) -> TryAllOutput:
        return ["example"]
