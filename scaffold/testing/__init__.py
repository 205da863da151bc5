"""Checks of a plugin, for the tests of its project and for `scaffold test`.

There are four suites: the contract of every runtime (dagstack ADR-0003), parity between runtimes,
hygiene of the process, and behaviour under faults. `_suites.CHECKS` is the table of all checks.
"""

from scaffold.testing._plugin.runtimes import assert_alike, every_runtime

__all__ = ["assert_alike", "every_runtime"]
