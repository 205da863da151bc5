"""`python -m scaffold.server MODULE:CLASS [--name NAME] [flags of serve]`."""

import sys

from scaffold.server._bootstrap import serve

_USAGE = "usage: python -m scaffold.server MODULE:CLASS [--name NAME] [--http] [--help]\n"


def _main(arguments: list[str]) -> int:
    if not arguments or arguments[0].startswith("-"):
        sys.stderr.write(_USAGE)
        return 2
    entry_point, *rest = arguments
    name = None
    if rest[:1] == ["--name"]:
        if len(rest) == 1:
            sys.stderr.write(_USAGE)
            return 2
        name, rest = rest[1], rest[2:]
    return serve(entry_point, name=name, arguments=rest)


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
