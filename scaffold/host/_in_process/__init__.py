"""The in-process runtime: a hook call is a method call, with the guards of every other runtime.

Values of the plugin's own classes pass as they are, once their schema agrees; whatever is made for
somebody else's bindings of the same kind goes through JSON, as it would across a wire.
"""

from scaffold.host._in_process.async_channel import AsyncInProcessChannel
from scaffold.host._in_process.channel import InProcessChannel
from scaffold.host._in_process.guards import CALLS_GRACE_PERIOD

__all__ = ["CALLS_GRACE_PERIOD", "AsyncInProcessChannel", "InProcessChannel"]
