"""The command `scaffold`, which needs more than the runtime: the extra `cli`."""

import sys
from typing import NoReturn

_PRECONDITION = 4


def main() -> NoReturn:
    """Run the command line; say what to install where only the runtime is."""
    try:
        from scaffold._cli.app import main as run
    except ModuleNotFoundError as error:
        if error.name != "typer":
            raise
        sys.stderr.write(
            "error: this is the runtime alone, without the command line\n"
            "  help: pip install 'hookspec-scaffold[cli]'\n"
        )
        sys.exit(_PRECONDITION)
    run()


if __name__ == "__main__":
    main()
