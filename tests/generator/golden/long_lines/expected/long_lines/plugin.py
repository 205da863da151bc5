"""The plugin of `long_lines`, of kind `long_lines`: yours to write.

Every hook answers with a sample until you put your own work in its place.
"""

from typing_extensions import override

from ._generated.long_lines_v1 import (
    DoSomethingThatTakesAWhileInput,
    DoSomethingThatTakesAWhileOutput,
    LongLinesPlugin,
)


class ExamplePlugin(LongLinesPlugin):
    """A plugin of kind `long_lines`."""

    @override
    def do_something_that_takes_a_while(
        self,
        payload: DoSomethingThatTakesAWhileInput,
    ) -> DoSomethingThatTakesAWhileOutput:
        return DoSomethingThatTakesAWhileOutput(done=True)
