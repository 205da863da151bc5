"""Change sound projects at random, and run a command on each under the tracer.

    python fuzz.py PROJECT FOLDER COUNT SEED

Prints a line for everything that a command did and must not do, and one with the count at the end.
A command must touch nothing outside of the project and nothing of git's in it, start no program but
git, reach no network, and end with a status that is explained.
"""

import contextlib
import json
import os
import random
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from git_settings import add_settings
from hostile_recipes import Repository
from traced_projects import FILES, SECRET, snapshot
from tracer import Tracer, hung, run, warm_up

READ = [
    ["lint", "hookspecs"],
    ["lint", "--diff", "--unsafe", "hookspecs"],
    ["inspect", "."],
    ["check"],
    ["check", "--against", "HEAD"],
    ["status", "-r", ".."],
    ["generate", "--check", "--diff"],
    ["diff", "hookspecs", "--against", "HEAD"],
    ["breaking", "hookspecs", "--against", "HEAD"],
    ["update", "--check", "--diff"],
]
WRITE = [
    ["generate"],
    ["generate", "--set-aside", "--stub"],
    ["lint", "--fix", "--unsafe", "hookspecs"],
    ["update", "--abort"],
    ["update"],
]
PATHS = [
    *("../victim/file", "/etc/hostname", "..", ".", "", "a/../../victim", "demo/../../victim/file"),
    *(".git/config", ".GIT/hooks/x", "git~1/x", ".git./x", ".scaffold/journal", "demo/plugin.py"),
    *(
        "docs/tool_v1.md",
        "pyproject.toml",
        "\x00",
        "a\nb",
        "\u202e",
        "x" * 300,
        "C:\\x",
        "~/x",
        "docs",
    ),
]
TARGETS = [
    "../victim/file",
    "../victim",
    "/dev/zero",
    "/etc/passwd",
    ".git",
    ".git/config",
    "/",
    ".",
]
VALUES = [
    *("{}", "[]", "1", "nan", "'x'", '"\\u0000"', "{a={b={c=1}}}", "'''", "true", "-1e999"),
    *(
        "9" * 5000,
        "[" * 3000,
        "2026-01-01T00:00:00Z",
        "'../victim'",
        "'/etc'",
        "'.git'",
        "'tool@9'",
    ),
]
SOURCES = [
    *(
        "scaffold:../x",
        "scaffold:/proc/self/cwd",
        "scaffold:",
        "http://127.0.0.1:9/x",
        "ext::touch x",
    ),
    *(
        "-u",
        "--upload-pack=touch",
        "file:///etc",
        "../victim",
        "gh:a/b",
        "[x",
        "{}",
        "&a",
        "!!python/x",
    ),
]
ATTRIBUTES = ["* filter=all", "* diff=all", "* text eol=crlf", "* working-tree-encoding=UTF-16"]


class Mutator:
    """Makes one project after another."""

    def __init__(self, project: Path, folder: Path, random_: random.Random) -> None:
        self.project = project
        self.world = folder / "world"
        self.random = random_
        self.repository = Repository(self.world / "demo", self.world / "victim")

    def fresh(self) -> list[str]:
        """Lay the next project; return what was done to it."""
        shutil.rmtree(self.world, ignore_errors=True)
        self.repository.victim.mkdir(parents=True)
        for file, text in FILES.items():
            (self.repository.victim / file).write_text(text)
        shutil.copytree(self.project, self.repository.root, symlinks=True)
        self.files = [
            path
            for path in sorted(self.repository.root.rglob("*"))
            if path.is_file() and ".git" not in path.parts
        ]
        done = []
        for _ in range(self.random.randint(1, 3)):
            how = self.random.choice(MUTATIONS)
            with contextlib.suppress(
                OSError, UnicodeError
            ):  # what it wants to change was changed before
                how(self)
            done.append(how.__name__)
        return done

    def file(self) -> Path:
        known = ["pyproject.toml", "scaffold.lock", ".copier-answers.yml", "dagstack.toml"]
        known += [".gitignore", ".gitattributes"]
        if self.random.random() < 0.5:
            return self.repository.root / self.random.choice(known)
        return self.random.choice(self.files)

    def text(self, file: Path) -> str:
        """Read a file, if it still is one."""
        self.repository.file(file)
        if file.is_symlink() or not file.is_file() or file.stat().st_size > 1_000_000:
            raise OSError
        return file.read_text("utf-8", "surrogateescape")

    def raw(self, file: Path) -> bytes:
        return self.text(file).encode("utf-8", "surrogateescape")

    def bytes(self) -> None:
        file = self.file()
        content = bytearray(self.raw(file))
        for _ in range(self.random.randint(1, 8)):
            at = self.random.randrange(len(content) + 1)
            match self.random.randrange(4):
                case 0:
                    content[at:at] = self.random.randbytes(self.random.randint(1, 6))
                case 1:
                    del content[at : at + self.random.randint(1, 40)]
                case 2:
                    content[at:at] = content[: self.random.randint(0, 200)]
                case _:
                    content[at:at] = self.random.choice(PATHS).encode("utf-8", "surrogatepass")
        file.write_bytes(content)

    def link(self) -> None:
        file = self.repository.file(self.file())
        path = self.random.choice([file, file.parent])
        if path == self.repository.root:
            path = file
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        path.symlink_to(self.random.choice([*TARGETS, path.name]))

    def special(self) -> None:
        file = self.repository.file(self.file())
        file.unlink()
        match self.random.randrange(4):
            case 0:
                os.mkfifo(file)
            case 1:
                file.mkdir()
            case 2:
                with file.open("wb") as huge:
                    huge.truncate(10 * 1024**3)
            case _:
                file.write_bytes(b"")

    def journal(self) -> None:
        choose = self.random.choice
        steps = [
            {
                "path": choose(PATHS),
                "before": choose([None, "0" * 64, 1]),
                "written": choose([True, False, "x"]),
            }
            for _ in range(self.random.randint(0, 3))
        ]
        made = [choose(PATHS) for _ in range(2)]
        change = {
            "steps": steps,
            "made": made,
            "modes": {choose(PATHS): choose([0o777, -1, 2**70])},
        }
        old = {"targets": [[choose(PATHS), choose([True, False])]], "folders": made}
        signed = {"change": json.dumps(change), "signature": choose(["", "0" * 64, "é", 1, None])}
        text = json.dumps(choose([old, signed, change, steps]))
        if self.random.random() < 0.2:
            text = text[: self.random.randrange(len(text))]
        for name in ("old/0", "old/1", "new/0", "journal"):
            self.repository.write(f".scaffold/{name}", text)

    def lock(self) -> None:
        content = self.random.choice([b"precious\n", b"", *map(self.raw, self.files[:9])])
        self.repository.lock(self.random.choice(PATHS), content)

    def settings(self) -> None:
        key = self.random.choice(["kind", "hookspecs", "package", "language", "targets", "x"])
        text = self.text(self.repository.root / "pyproject.toml")
        lines = [line for line in text.split("\n") if not line.startswith(f"{key} =")]
        at = lines.index("[tool.scaffold]") + 1 if "[tool.scaffold]" in lines else 0
        lines.insert(at, f"{key} = {self.random.choice([*VALUES, *map(json.dumps, PATHS)])}")
        (self.repository.root / "pyproject.toml").write_text(
            "\n".join(lines), "utf-8", "surrogateescape"
        )

    def targets(self) -> None:
        pairs = [
            (self.random.choice(["python", "markdown", "openrpc", "x"]), self.random.choice(PATHS))
            for _ in range(self.random.randint(0, 3))
        ]
        self.repository.targets(*pairs, hookspecs=self.random.choice(["hookspecs", ".", "demo"]))

    def answers(self) -> None:
        file = self.repository.root / ".copier-answers.yml"
        text = self.text(file).replace("scaffold:plugin", self.random.choice(SOURCES))
        if self.random.random() < 0.5:
            text = text.replace(
                "_commit: v", "_commit: " + self.random.choice(["-x", "v9", "", "../"])
            )
        file.write_text(text, "utf-8", "surrogateescape")

    def git(self) -> None:
        root = self.repository.root
        match self.random.randrange(7):
            case 0:
                add_settings(self.repository, root / ".git")
            case 1:
                self.repository.write(".gitattributes", self.random.choice(ATTRIBUTES))
                add_settings(self.repository, root / ".git")
            case 2:
                name = self.random.choice(["HEAD", "index", "config", "packed-refs"])
                (root / ".git" / name).write_bytes(self.random.randbytes(200))
            case 3:
                inner = self.repository.file("hookspecs/x").parent
                shutil.copytree(root / ".git", inner, dirs_exist_ok=True)
                add_settings(self.repository, root / "hookspecs")
            case 4:
                name = self.random.choice(["HEAD", "index", "config", "info/exclude", "commondir"])
                (root / ".git" / name).unlink(missing_ok=True)
                os.mkfifo(root / ".git" / name)
            case 5:
                shutil.rmtree(root / ".git")
                self.repository.write(".git", "gitdir: ../victim\n")
            case _:
                shutil.rmtree(root / ".git")

    def hookspec(self) -> None:
        path = self.random.choice(["hookspecs/tool/v2.yaml", "hookspecs/tool/schemas/a.json"])
        self.repository.link(path, f"../../{self.random.choice(TARGETS)}")


MUTATIONS = [
    *(Mutator.bytes, Mutator.link, Mutator.special, Mutator.journal, Mutator.lock),
    *(Mutator.settings, Mutator.targets, Mutator.answers, Mutator.git, Mutator.hookspec),
]


def problems(report: dict, mutator: Mutator, before: dict, *, reads: bool) -> Iterator[str]:
    """Yield what a command did that it must not do."""
    if report["status"] not in (0, 1, 2, 3, 4):
        yield f"status {report['status']}: {report['err']}"
    if "Traceback" in report["err"]:
        yield report["err"]
    if SECRET in report["out"] + report["err"]:
        yield f"shows {report['out']}{report['err']}"
    if mutator.repository.mark.exists():
        yield "a program of the repository was run"
    if snapshot(mutator.repository.victim) != before:
        yield "the neighbour was changed"
    root = f"{mutator.repository.root}/"
    home = f"{Path.home()}/"
    for kind, *what in report["events"]:
        if kind == "program" and what[0].endswith("git"):
            continue
        if kind == "change" and not reads and what[1].startswith((root, home)):
            git = what[1].startswith(f"{root}.git/")
            if not git or "scaffold-update" in what[1]:
                continue
        yield f"{kind}: {what}"


def main(project: Path, folder: Path, count: int, seed: int) -> None:
    """Try so many projects."""
    tracer = Tracer(f"{os.environ['TMPDIR']}/")
    signal.signal(signal.SIGALRM, hung)
    warm_up()
    sys.addaudithook(tracer.hook)
    for number in range(seed, seed + count):
        chance = random.Random(number)
        mutator = Mutator(project, folder, chance)
        done = mutator.fresh()
        reads = chance.random() < 0.6
        command = chance.choice(READ if reads else WRITE)
        before = snapshot(mutator.repository.victim)
        job = {"name": str(number), "root": str(mutator.repository.root), "command": command}
        report = run(tracer, job)
        for problem in problems(report, mutator, before, reads=reads):
            sys.stdout.write(f"{number} {done} {command}: {problem!r}"[:2000] + "\n")
        os.chdir("/")
        sys.stdout.flush()
    sys.stdout.write(f"{count} projects\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
