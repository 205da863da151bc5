"""Calls from a pool of processes, which are started as it is said."""

import multiprocessing
import sys

from slow_channels import ask, open_blocking

opened = []


def work(number):
    """Make a call through the channel of the process, which may be that of its parent."""
    if not opened:
        opened.append(open_blocking())
    return ask(opened[0], f"0 {number}") == str(number)


def main(method):
    """Make forty calls from two processes, and print how many were right."""
    if method == "fork":
        assert work(0)
    with multiprocessing.get_context(method).Pool(2) as pool:
        right = sum(pool.map(work, range(40)))
        pool.close()
        pool.join()
    sys.stdout.write(f"{right} right\n")
