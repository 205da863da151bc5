"""The plugin of `minimal`, of kind `minimal`: yours to write.

Every hook answers with a sample until you put your own work in its place.
"""

from typing_extensions import override

from ._generated.minimal_v1 import MinimalPlugin


class ExamplePlugin(MinimalPlugin):
    """A plugin of kind `minimal`."""

    @override
    def ping(self) -> None:
        """Do the work here; there is nothing to answer."""
