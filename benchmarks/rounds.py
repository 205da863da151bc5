"""How often a benchmark repeats itself: what its command line says."""

import argparse

__all__ = ["rounds"]


def rounds(default: int, documentation: str | None) -> int:
    """Return the number of rounds: the argument, 1 with `--quick`, or the default."""
    parser = argparse.ArgumentParser(
        description=documentation, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rounds", nargs="?", type=int, default=default, help=f"default: {default}")
    parser.add_argument("--quick", action="store_true", help="one round, to see that it works")
    options = parser.parse_args()
    return 1 if options.quick else int(options.rounds)
