"""What is asked on a terminal."""

import os
import pty
import select
import subprocess
import sys

import pytest

ANSWERS = [("kind", "tool\n"), ("What does the plugin do?", "\r"), ("Which service", "\r")]


def converse(command, answers, cwd):
    """Run a command on a terminal of its own, and answer each prompt when it is there."""
    ours, theirs = pty.openpty()
    env = {**os.environ, "TERM": "xterm"}
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=cwd, env=env
    )
    os.close(theirs)
    shown, pending = "", list(answers)
    while select.select([ours], [], [], 30)[0]:
        try:
            shown += os.read(ours, 65536).decode("utf-8", "replace")
        except OSError:  # the other end is closed
            break
        if "\x1b[6n" in shown:  # where is the cursor?
            os.write(ours, b"\x1b[1;1R")
            shown = shown.replace("\x1b[6n", "")
        if pending and pending[0][0] in shown:
            os.write(ours, pending.pop(0)[1].encode())
            shown = ""
    os.close(ours)
    return process.wait(30), pending, shown


@pytest.mark.skipif(sys.platform == "win32", reason="terminals of POSIX")
def test_what_is_missing_is_asked_on_a_terminal(tmp_path):
    command = [sys.executable, "-m", "scaffold", "new-plugin", "demo"]

    status, unasked, shown = converse(command, ANSWERS, tmp_path)

    assert (status, unasked) == (0, []), shown
    assert (tmp_path / "demo" / "demo" / "plugin.py").is_file()
