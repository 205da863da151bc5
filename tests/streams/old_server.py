"""`python old_server.py MODULE:CLASS …`: our server as one without revision 2026-07-28."""

import sys

from scaffold.server import serve
from scaffold.server.guest import Guest
from scaffold.server.options import Options
from scaffold.server.service import Service


class OldService(Service):
    def __init__(self, guest: Guest, options: Options) -> None:
        super().__init__(guest, options)
        self._modern_methods.clear()


if __name__ == "__main__":
    import scaffold.server.run

    scaffold.server.run.Service = OldService
    sys.exit(serve(sys.argv[1], name="demo", arguments=sys.argv[2:]))
