"""The plugin of `unicode_docs`, of kind `unicode_docs`: yours to write.

Every hook answers with a sample until you put your own work in its place.
"""

from typing_extensions import override

from ._generated.unicode_docs_v1 import ReadOutput, UnicodeDocsPlugin


class ExamplePlugin(UnicodeDocsPlugin):
    """A plugin of kind `unicode_docs`."""

    @override
    def read(self) -> ReadOutput:
        return ReadOutput(wort="Maß")
