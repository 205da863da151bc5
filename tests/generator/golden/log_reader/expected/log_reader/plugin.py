"""The plugin of `log_reader`, of kind `log_reader`: yours to write.

Every hook answers with a sample until you put your own work in its place.
"""

from collections.abc import Iterator

from typing_extensions import override

from ._generated.log_reader_v1 import (
    CountInput,
    CountOutput,
    LevelsOutput,
    LogReaderPlugin,
    TailInput,
    TailOutput,
)


class ExamplePlugin(LogReaderPlugin):
    """A plugin of kind `log_reader`."""

    @override
    def tail(self, payload: TailInput) -> Iterator[TailOutput]:
        yield TailOutput(number=1, text="example")

    @override
    def levels(self) -> Iterator[LevelsOutput]:
        yield "debug"

    @override
    def count(self, payload: CountInput) -> CountOutput:
        return 1
