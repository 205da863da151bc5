"""Run commands in this process under an audit hook, and report what they did to the machine.

    python tracer.py < jobs.json > reports.jsonl

A job is `{"name", "root", "command"}`; the command runs with `root` as current folder. A report has
the exit status, what was printed, and every event that the hook saw: files opened for writing and
other changes of the file system, processes, sockets, and code that lies in the project.

What only a tracer of the system sees, as what git itself starts, leaves a mark instead: every
program that a repository names makes a file next to it (see `recipes.py`).
"""

import contextlib
import io
import json
import os
import signal
import sys
import tempfile
import traceback
from pathlib import Path

FOLDERS = {
    "os.mkdir": lambda path, _mode, folder: [(path, folder)],
    "os.remove": lambda path, folder: [(path, folder)],
    "os.rmdir": lambda path, folder: [(path, folder)],
    "os.rename": lambda one, two, first, second: [(one, first), (two, second)],
    "os.link": lambda one, two, first, second: [(two, second)],
    "os.symlink": lambda _target, path, folder: [(path, folder)],
    "os.chmod": lambda path, _mode, folder: [(path, folder)],
    "os.utime": lambda path, _times, _ns, folder: [(path, folder)],
}
"""Which paths an event is about, and the descriptors that they are relative to."""
CHANGES = {
    *("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate"),
    *("os.chmod", "os.chown", "os.utime", "os.setxattr", "os.removexattr"),
}
PROGRAMS = {"os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "os.system"}
SOCKETS = {"socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo"}
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Tracer:
    """Collects events while a command runs."""

    def __init__(self, scratch: str) -> None:
        self.scratch = scratch
        self.root = ""
        self.seen: list[list[str]] | None = None
        self.looks = {
            "open": self.opened,
            "exec": self.executed,
            "subprocess.Popen": self.started,
            **dict.fromkeys(CHANGES, self.changed),
            **dict.fromkeys(PROGRAMS, self.forked),
            **dict.fromkeys(SOCKETS, self.reached),
        }

    def hook(self, event: str, arguments: tuple) -> None:
        if self.seen is None:
            return
        look = self.looks.get(event)
        if look is not None:
            look(event, *arguments)

    def opened(self, event: str, path: object, _mode: object, flags: int) -> None:
        if flags & WRITES and not isinstance(path, int):
            self.change(event, path)

    def changed(self, event: str, *arguments: object) -> None:
        for path, folder in FOLDERS.get(event, lambda path, *_: [(path, -1)])(*arguments):
            self.change(event, path, folder)

    def started(
        self, _event: str, _file: object, command: list, _folder: object, env: object
    ) -> None:
        self.seen.append(["program", *map(str, command), json.dumps(dict(env or {}))])

    def forked(self, event: str, *_arguments: object) -> None:
        self.seen.append(["program", event])

    def reached(self, event: str, *arguments: object) -> None:
        self.seen.append(["socket", event, repr(arguments[1:])])

    def executed(self, _event: str, code: object) -> None:
        file = Path(getattr(code, "co_filename", ""))
        if f"{Path.cwd() / file}".startswith(self.root) and file.exists():
            self.seen.append(["code", str(file)])

    def change(self, event: str, path: str | bytes | int, folder: int = -1) -> None:
        if isinstance(path, int):  # a descriptor
            whole = str(descriptor(path))
        else:
            base = descriptor(folder) if folder >= 0 else Path.cwd()
            whole = os.path.normpath(base / os.fsdecode(path))
        if whole != os.devnull and not f"{whole}/".startswith(self.scratch):
            self.seen.append(["change", event, whole])


def descriptor(number: int) -> Path:
    """Return what a descriptor of this process leads to."""
    return Path(f"/proc/self/fd/{number}").readlink()


class HungError(BaseException):
    """A command took too long."""


def hung(_number: int, _frame: object) -> None:
    raise HungError


def run(tracer: Tracer, job: dict) -> dict:
    from scaffold._cli.app import main

    os.chdir(job["root"])
    sys.argv = ["scaffold", *job["command"]]
    out, err = io.StringIO(), io.StringIO()
    tracer.root, tracer.seen = f"{job['root']}/", []
    status: object = None
    try:
        signal.alarm(job.get("seconds", 120))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as ended:
        status = ended.code or 0
    except HungError as error:
        status = "".join(traceback.format_exception(error))
    finally:
        signal.alarm(0)
        events, tracer.seen = tracer.seen, None
    return {
        **{key: job[key] for key in ("name", "command")},
        "status": status,
        "events": events,
        "out": out.getvalue(),
        "err": err.getvalue(),
    }


def warm_up() -> None:
    """Import what commands import late, so that no report is about Python's own files."""
    import copier  # noqa: F401
    import mcp_types  # noqa: F401


def main() -> None:
    """Run all jobs."""
    jobs = json.load(sys.stdin)
    tracer = Tracer(f"{tempfile.gettempdir()}/")
    signal.signal(signal.SIGALRM, hung)
    warm_up()
    sys.addaudithook(tracer.hook)
    for job in jobs:
        report = run(tracer, job)
        sys.__stdout__.write(json.dumps(report) + "\n")
    sys.__stdout__.flush()


if __name__ == "__main__":
    main()
