"""Makes calls in a process of its own: `python -m` this module, with a FILE.

It reads the calls from stdin and writes their outcomes to the file: stdout belongs to the plugin.
"""

import logging
import sys
from functools import partial
from pathlib import Path

from pydantic_core import from_json, to_json

from scaffold.testing._plugin.call_outcomes import call_outcome
from scaffold.testing._plugin.plugin_under_test import PluginUnderTest
from scaffold.testing._plugin.test_inputs import SampleCall


def _main() -> None:
    logging.getLogger("plugin").addHandler(logging.NullHandler())
    work = from_json(sys.stdin.buffer.read())
    subject = PluginUnderTest(Path(work["folder"]), lambda _schema: ())
    calls = [SampleCall(hook, payload, valid=True) for hook, payload in work["cases"]]
    outcomes = [call_outcome(partial(subject.call_new_plugin, case)) for case in calls]
    Path(sys.argv[1]).write_bytes(to_json(outcomes))


if __name__ == "__main__":
    _main()
