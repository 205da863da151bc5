"""`python old_server.py MODULE:CLASS …`: our server as one without revision 2026-07-28."""

import sys

from scaffold.server import serve
from scaffold.server._hosted_plugin import HostedPlugin
from scaffold.server._options import Options
from scaffold.server._protocol.service import Service


class OldService(Service):
    def __init__(self, hosted: HostedPlugin, options: Options) -> None:
        super().__init__(hosted, options)
        self._modern_methods.clear()


if __name__ == "__main__":
    import scaffold.server._run

    scaffold.server._run.Service = OldService
    sys.exit(serve(sys.argv[1], name="demo", arguments=sys.argv[2:]))
