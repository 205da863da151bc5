"""The plugin of `hostile_docs`, of kind `hostile_docs`: yours to write.

Every hook answers with a sample until you put your own work in its place.
"""

from typing_extensions import override

from ._generated.hostile_docs_v1 import HostileDocsPlugin, QuoteInput, QuoteOutput


class ExamplePlugin(HostileDocsPlugin):
    """A plugin of kind `hostile_docs`."""

    @override
    def quote(self, payload: QuoteInput) -> QuoteOutput:
        return QuoteOutput(done=True)
