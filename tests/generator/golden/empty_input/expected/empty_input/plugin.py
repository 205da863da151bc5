"""The plugin of `empty_input`, of kind `empty_input`: yours to write.

Every hook answers with a sample until you put your own work in its place.
"""

from typing_extensions import override

from ._generated.empty_input_v2 import EmptyInputPlugin, LookOutput, TellInput


class ExamplePlugin(EmptyInputPlugin):
    """A plugin of kind `empty_input`."""

    @override
    def look(self) -> LookOutput:
        return LookOutput(seen=True)

    @override
    def tell(self, payload: TellInput) -> None:
        """Do the work here; there is nothing to answer."""

    @override
    def nudge(self) -> None:
        """Do the work here; there is nothing to answer."""
