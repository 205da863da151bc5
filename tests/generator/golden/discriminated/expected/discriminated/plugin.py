"""The plugin of `discriminated`, of kind `discriminated`: yours to write.

Every hook answers with a sample until you put your own work in its place.
"""

from typing_extensions import override

from ._generated.discriminated_v1 import DiscriminatedPlugin, DrawInput, DrawOutput


class ExamplePlugin(DiscriminatedPlugin):
    """A plugin of kind `discriminated`."""

    @override
    def draw(self, payload: DrawInput) -> DrawOutput:
        return DrawOutput(done=True)
