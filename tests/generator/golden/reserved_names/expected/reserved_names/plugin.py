"""The plugin of `reserved_names`, of kind `reserved_names`: yours to write.

Every hook answers with a sample until you put your own work in its place.
"""

from typing_extensions import override

from ._generated.reserved_names_v1 import ReservedNamesPlugin, TakeInput, TakeOutput


class ExamplePlugin(ReservedNamesPlugin):
    """A plugin of kind `reserved_names`."""

    @override
    def take(self, payload: TakeInput) -> TakeOutput:
        return TakeOutput(validate_="example")
